"""The form of a change of the approval limits: each as it is now."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from loyalty.desk.asking import ChangeForm
from loyalty.jobs.changes import limits
from loyalty.jobs.changes.limiting import FIELDS
from loyalty.jobs.models import ApprovalLimits

MOST = 10**15


class LimitsForm(ChangeForm):
    """Every limit, to be changed; an empty one is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = limits.of(self.program)
        for name in FIELDS:
            column: Any = ApprovalLimits._meta.get_field(name)
            self.fields[name] = forms.IntegerField(
                label=column.verbose_name,
                required=False,
                min_value=0,
                max_value=MOST,
                initial=getattr(now, name),
                help_text=column.help_text,
                widget=UnfoldAdminIntegerFieldWidget,
            )
        self.order_fields([*FIELDS, "reason"])

    def parameters(self) -> dict[str, Any]:
        """The limits as they would be."""
        return {"limits": {name: self.cleaned_data[name] for name in FIELDS}}
