"""Forms of the desk about a voucher that is shown at a till."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget


class CodeForm(forms.Form):
    """A voucher code as a customer shows or reads it out."""

    code = forms.CharField(
        label=_("Code of the voucher"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autofocus": True, "autocomplete": "off", "placeholder": "ABCD-EFGH-JKMN-PQRS-V"}
        ),
        help_text=_("With or without dashes, capitals or not."),
    )


class UseForm(forms.Form):
    """Where a voucher is used."""

    till = forms.CharField(label=_("Till"), max_length=64, initial="desk", widget=UnfoldAdminTextInputWidget)
    receipt = forms.CharField(label=_("Receipt"), max_length=80, widget=UnfoldAdminTextInputWidget, help_text=_("The receipt it is used for. The same till and receipt again change nothing."))  # fmt: skip


class AmountForm(UseForm):
    """Where a voucher is used, and how much of a gift card is paid."""

    amount = forms.DecimalField(
        label=_("Paid with the card"), required=False, max_digits=14, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Of a gift card: how much of it is paid. Leave it empty for other vouchers."),
    )  # fmt: skip


class TillForm(AmountForm):
    """A use at the till page, or taking one back: the voucher is named by its code."""

    code = forms.CharField(max_length=100, widget=forms.HiddenInput)
