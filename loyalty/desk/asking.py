"""The form by which a change is asked for: the fields of its kind, and why."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget


class ChangeForm(forms.Form):
    """Base of the forms that kinds of change name. Subclasses add fields and say what they mean as parameters."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Stays with everything that is posted. Members may read it."),
    )

    def __init__(self, *args: Any, program: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.program, self.at = program, at
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def sections(self) -> list[tuple[Any, list[Any]]]:
        """The fields under headings, side by side: (heading, bound fields). Empty: one below the other."""
        return []

    def told(self) -> list[tuple[Any, Any]]:
        """What was said on the page one comes from, to be read once more: (title, words)."""
        return []

    def parameters(self) -> dict[str, Any]:
        """What was asked for, as plain JSON."""
        return {}
