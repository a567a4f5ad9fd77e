"""Forms of the desk for paying with points."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from loyalty.common.ids import is_member_number
from loyalty.desk.stamps import StampedForm
from rewards.models import PointsTerms


class PointsTermsForm(StampedForm):
    """Terms of paying with points."""

    class Meta:
        model = PointsTerms
        fields = "__all__"
        help_texts = {
            "value": _("What one of them pays at the till, in the program's money."),
            "minimum": _("The fewest that pay a bill; a wallet with decimals counts in its smallest part."),
            "step": _("For example 50: 50, 100, 150 …"),
            "maximum": _("The most that pay one bill. Empty: no limit."),
            "share": _("How much of a bill they may pay. 100: all of it."),
            "hold_minutes": _("How long points stay set aside until the receipt is known; then they are free again."),
        }

    def clean(self) -> dict[str, Any]:
        """Limits that let something be paid."""
        cleaned = super().clean()
        minimum, maximum, share = cleaned.get("minimum"), cleaned.get("maximum"), cleaned.get("share")
        if minimum and maximum and maximum < minimum:
            self.add_error("maximum", _("This is less than the fewest that pay."))
        if share is not None and not 0 < share <= 100:
            self.add_error("share", _("Between 0.01 and 100."))
        if cleaned.get("value") is not None and cleaned["value"] <= 0:
            self.add_error("value", _("Say what one is worth, above 0."))
        if cleaned.get("hold_minutes") is not None and not 0 < cleaned["hold_minutes"] <= 1440:
            self.add_error("hold_minutes", _("Between 1 minute and 1,440, a day."))
        return cleaned


class BillForm(forms.Form):
    """Who pays, and the bill."""

    code = forms.CharField(
        label=_("Member number"), max_length=40, help_text=_("On the member's card, with or without spaces."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    basket = forms.DecimalField(
        label=_("Bill"), min_value=0, max_digits=14, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("The whole bill, after discounts."),
    )  # fmt: skip

    def clean_code(self) -> str:
        """The digits of a member number."""
        number: str = self.cleaned_data["code"].replace(" ", "").replace("-", "")
        if not is_member_number(number):
            raise forms.ValidationError(_("This is no member number. Compare its twelve digits with the card."))
        return number


class HoldForm(forms.Form):
    """How many points pay the bill; the rest of the form says which bill, and makes a double click one hold."""

    points = forms.IntegerField(label=_("Points"), min_value=1, max_value=10**15, widget=UnfoldAdminIntegerFieldWidget)
    code = forms.CharField(max_length=40, widget=forms.HiddenInput)
    basket = forms.DecimalField(max_digits=14, decimal_places=2, widget=forms.HiddenInput)
    wallet = forms.SlugField(widget=forms.HiddenInput)
    reference = forms.RegexField(r"^desk:[0-9a-f]{32}$", widget=forms.HiddenInput)


class ReceiptForm(forms.Form):
    """The receipt that the points paid."""

    receipt = forms.CharField(
        label=_("Receipt"),
        max_length=80,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    source = forms.CharField(
        label=_("Source"), max_length=32, initial="till", widget=UnfoldAdminTextInputWidget,
        help_text=_("The system that reports this purchase, as its purchases name it."),
    )  # fmt: skip


class GiveBackForm(forms.Form):
    """What of a payment is given back."""

    number = forms.CharField(
        label=_("Refund number"), max_length=80, widget=UnfoldAdminTextInputWidget,
        help_text=_("As on the refund receipt. The same number again changes nothing."),
    )  # fmt: skip
    amount = forms.DecimalField(
        label=_("Amount"), max_digits=14, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("How much of what points paid is given back, in money."),
    )  # fmt: skip
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget)
