"""Forms of the desk for rewards and vouchers."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.desk.stamps import StampedForm
from rewards.models import Reward


class RewardForm(StampedForm):
    """A reward: everything in it belongs to one program, and what was taken stays taken."""

    class Meta:
        model = Reward
        fields = "__all__"
        help_texts = {
            "slug": _("Made from the name; stands in exports and never changes."),
            "cost": _("In points; a wallet with decimals counts in its smallest part."),
            "unit_cost": _("What one costs the shop, for the reports. 0: not known."),
            "position": _("Small numbers stand first."),
            "minimum_tier": _("Members of this tier and of higher ones. Empty: everybody."),
            "offered_from": _("Empty: at once. A date without a time means 00:00 in the program clock."),
            "offered_until": _("The first moment it is no longer offered. Empty: as long as it lasts."),
        }

    def clean(self) -> dict[str, Any]:
        """Wallet and tier of the same program; stock not below what was taken."""
        cleaned = super().clean()
        program = cleaned.get("program") or (self.instance.program if self.instance.program_id else None)
        for name in ("wallet", "minimum_tier"):
            chosen = cleaned.get(name)
            if chosen and program and chosen.program_id != program.pk:
                self.add_error(name, _("This belongs to another program."))
        stock = cleaned.get("stock")
        if stock is not None and self.instance.pk and stock < self.instance.taken:
            self.add_error(
                "stock",
                _("%(taken)s were redeemed already; the stock cannot be less than that.")
                % {"taken": self.instance.taken},
            )
        since, until = cleaned.get("offered_from"), cleaned.get("offered_until")
        if since and until and since >= until:
            self.add_error("offered_until", _("The offer must end after it begins."))
        return cleaned


class CodeForm(forms.Form):
    """A voucher code as a customer shows or reads it out."""

    code = forms.CharField(
        label=_("Code of the voucher"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autofocus": True, "autocomplete": "off", "placeholder": "ABCD-EFGH-JKMN-PQRS"}
        ),
        help_text=_("With or without dashes, capitals or not."),
    )


class UseForm(forms.Form):
    """Where a voucher is used."""

    till = forms.CharField(label=_("Till"), max_length=64, initial="desk", widget=UnfoldAdminTextInputWidget)
    receipt = forms.CharField(label=_("Receipt"), max_length=80, widget=UnfoldAdminTextInputWidget, help_text=_("The receipt it is used for. The same till and receipt again change nothing."))  # fmt: skip
