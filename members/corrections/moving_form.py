"""The forms of the desk to move points, and to undo a transfer."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.common.errors import Refusal
from loyalty.desk.asking import ChangeForm
from members import passing
from members.corrections.forms import MOST, OneMemberForm, in_smallest_unit, wallet_of
from members.corrections.moving import debit_of, shown_rate


class MoveForm(OneMemberForm):
    """Points of a member for another one, or for another wallet or program at the agreed rate."""

    to = forms.CharField(label=_("Number of who receives them"), max_length=40, widget=UnfoldAdminTextInputWidget)
    amount = forms.DecimalField(
        label=_("Points"), min_value=Decimal("0.000001"), max_value=MOST, widget=UnfoldAdminDecimalFieldWidget
    )
    into = forms.ChoiceField(
        label=_("They become"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("In another program the number is that of a member there."),
    )
    field_order = ["number", "to", "amount", "into", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rates = passing.kinds_to_become(wallet_of(self.program))
        into: Any = self.fields["into"]
        into.choices = [
            ("", _("the same kind")),
            *((str(one.pk), shown_rate(one)) for one in self.rates),
        ]

    def clean_amount(self) -> int:
        """Points in the smallest unit."""
        return in_smallest_unit(self.cleaned_data["amount"], wallet_of(self.program))

    def clean(self) -> dict[str, Any]:
        """Who receives takes part in the program that was chosen."""
        told: dict[str, Any] = super().clean() or {}
        chosen = next((one for one in self.rates if str(one.pk) == told.get("into")), None)
        if told.get("to"):
            try:
                told["to"] = passing.receiver(chosen.to_wallet.program if chosen else self.program, told["to"]).number
            except Refusal as refusal:
                self.add_error("to", str(refusal))
        return told

    def parameters(self) -> dict[str, Any]:
        """Both numbers, the amount, and the rate."""
        told = self.cleaned_data
        return {"number": told["number"], "to": told["to"], "amount": told["amount"], "into": int(told["into"] or 0)}


class UndoTransferForm(ChangeForm):
    """A transfer, by its ledger entry."""

    entry = forms.IntegerField(
        label=_("Ledger entry"), min_value=1, max_value=2**62, widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("The line by which the points left. Its page leads here."),
    )  # fmt: skip

    def clean_entry(self) -> int:
        """A transfer of this program."""
        try:
            return debit_of(self.program, self.cleaned_data["entry"]).pk
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def parameters(self) -> dict[str, Any]:
        """The entry."""
        return {"entry": self.cleaned_data["entry"]}
