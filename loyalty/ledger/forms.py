"""Forms of the desk for programs and expiry policies."""

from typing import Any
from zoneinfo import available_timezones

from babel.numbers import list_currencies
from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelect2Widget

from loyalty.desk.stamps import StampedForm
from loyalty.ledger.models import ExpiryPolicy, Program


def _zones() -> list[tuple[str, str]]:
    """The IANA zones people live in, by name."""
    return [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "posix", "right"))]  # fmt: skip


class ProgramForm(StampedForm):
    """A program: the clock and the money are chosen, not typed."""

    class Meta:
        model = Program
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            label = self.fields["time_zone"].label
            self.fields["time_zone"] = forms.ChoiceField(label=label, choices=lazy(_zones, list)(), widget=UnfoldAdminSelect2Widget, initial="Asia/Jakarta")  # fmt: skip

    def clean_currency(self) -> str:
        """A currency there is, in capitals."""
        code = self.cleaned_data["currency"].upper()
        if code not in list_currencies():
            raise forms.ValidationError(
                _("There is no currency “%(code)s”. Use the three letters, e.g. IDR, MYR or SGD.") % {"code": code}
            )
        return code


class ExpiryPolicyForm(StampedForm):
    """A new version of how long points live."""

    class Meta:
        model = ExpiryPolicy
        fields = ("wallet", "kind", "count", "last_day", "round_to")

    def clean(self) -> dict[str, Any]:
        """The number or the day that the kind needs."""
        cleaned = super().clean()
        kind = cleaned.get("kind")
        if kind == ExpiryPolicy.Kind.FIXED_DATE and not cleaned.get("last_day"):
            self.add_error("last_day", _("Say which day is the last valid one."))
        if kind in ("days", "months", "years") and not cleaned.get("count"):
            self.add_error("count", _("Say how many, at least 1."))
        return cleaned
