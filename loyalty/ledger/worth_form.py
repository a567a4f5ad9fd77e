"""The form of a change of what points are worth: each wallet as it is now."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from loyalty.common.languages import in_language
from loyalty.desk.asking import ChangeForm
from loyalty.ledger.models import Wallet
from loyalty.ledger.worth_change import text_of


class WorthForm(ChangeForm):
    """The worth of one of each wallet of the program, to be changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wallets = list(Wallet.objects.filter(program=self.program).order_by("pk"))
        for wallet in self.wallets:
            self.fields[_field(wallet)] = forms.DecimalField(
                label=_("Money value of one (%(units)s)") % {"units": in_language(wallet, "units")},
                min_value=0,
                max_digits=14,
                decimal_places=6,
                initial=text_of(wallet.money_per_unit),
                help_text=_("In %(currency)s.") % {"currency": self.program.currency},
                widget=UnfoldAdminDecimalFieldWidget,
            )
        self.order_fields([*(_field(wallet) for wallet in self.wallets), "reason"])

    def parameters(self) -> dict[str, Any]:
        """The worths as they would be."""
        return {"worths": {wallet.slug: text_of(self.cleaned_data[_field(wallet)]) for wallet in self.wallets}}


def _field(wallet: Wallet) -> str:
    """The name of a wallet's field."""
    return f"worth_{wallet.slug}"
