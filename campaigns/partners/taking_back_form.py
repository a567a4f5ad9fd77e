"""The form of the desk to take a partner's posting back."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from campaigns.partners import taking_back
from loyalty.common.errors import Refusal
from loyalty.desk.asking import ChangeForm
from members.corrections.forms import MOST, in_smallest_unit, wallet_of


class TakePostingBackForm(ChangeForm):
    """A posting by its name, and how much of it."""

    posting = forms.CharField(
        label=_("Posting"), max_length=100, widget=UnfoldAdminTextInputWidget,
        help_text=_("The partner's short name, a slash and the reference. The page of a posting leads here."),
    )  # fmt: skip
    points = forms.DecimalField(
        label=_("Points"), required=False, min_value=Decimal("0.000001"), max_value=MOST,
        widget=UnfoldAdminDecimalFieldWidget, help_text=_("Empty: all that is left of it."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("The partner reads it with the settlement, the member in the history.")

    def clean_posting(self) -> str:
        """A posting of this program."""
        try:
            return taking_back.name_of(taking_back.posting_of(self.program, self.cleaned_data["posting"]))
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_points(self) -> int | None:
        """Points in the smallest unit; None for all."""
        points = self.cleaned_data["points"]
        return None if points is None else in_smallest_unit(points, wallet_of(self.program))

    def parameters(self) -> dict[str, Any]:
        """The posting, and how much."""
        return {"posting": self.cleaned_data["posting"], "points": self.cleaned_data["points"]}
