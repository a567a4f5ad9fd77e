"""Forms of the desk for programs and expiry policies."""

import json
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

from babel.numbers import list_currencies
from django import forms
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminTextInputWidget,
)

from loyalty.common.clock import local_day
from loyalty.desk.stamps import StampedForm
from loyalty.ledger import limiting, policies, profiles, seasons
from loyalty.ledger.models import Activity, ExpiryPolicy, Program, Season, SeasonPeriod, Wallet

COUNTED = ("days", "months", "years")
# By kind: the fields that mean something; the others are not shown, and left empty.
KEPT_BY: dict[str, tuple[str, ...]] = {
    "never": (),
    **dict.fromkeys(COUNTED, ("count", "round_to")),
    "date": ("last_day", "at_least"),
    "dates": ("days", "at_least"),
    "season": ("season", "at_least"),
    **dict.fromkeys(ExpiryPolicy.IDLE, ("count", "round_to", "resets")),
}
EMPTY = {"count": 0, "round_to": "", "last_day": None, "days": "", "season": None, "at_least": 0, "resets": ""}


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


class ProfileForm(forms.Form):
    """Which preset fills in a wallet's settings about notices and expiry."""

    profile = forms.ChoiceField(
        label=_("Preset"),
        choices=[(name, profile.title) for name, profile in profiles.PROFILES.items()],
        widget=UnfoldAdminRadioSelectWidget,
    )


def _most(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=1, max_value=10**15, widget=UnfoldAdminIntegerFieldWidget,
        help_text=help_text,
    )  # fmt: skip


class WalletForm(StampedForm):
    """A wallet, and what a member may earn in it at most; other limits hold from the moment they are saved."""

    earn_day = _most(
        _("Most a member may earn a day"),
        _("By all rules together, in the wallet's smallest unit. Empty: no limit. Counts from now on."),
    )
    earn_week = _most(_("Most a member may earn a week"), _("Weeks begin on Monday."))
    earn_month = _most(_("Most a member may earn a month"))
    earn_year = _most(_("Most a member may earn a year"))

    class Meta:
        model = Wallet
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = limiting.in_force(self.instance.earning_limits, timezone.now())
        self.initial |= {f"earn_{period}": most for period, most in now.items()}

    def stamped_besides(self) -> str:
        """The limits, which are no column of their own."""
        return repr(self.instance.earning_limits)

    def clean(self) -> dict[str, Any]:
        """Rules earn in the main wallet only; a longer period allows no less than a shorter one."""
        cleaned = super().clean()
        told = {period: cleaned.get(f"earn_{period}") for period in limiting.PERIODS}
        set_ones = [period for period, most in told.items() if most]
        is_main = cleaned.get("is_main", self.instance.is_main)
        if set_ones and not is_main:
            self.add_error(f"earn_{set_ones[0]}", _("Rules earn in the main wallet. Leave this empty for others."))
        for shorter, longer in pairwise(set_ones):
            if (told[longer] or 0) < (told[shorter] or 0):
                self.add_error(f"earn_{longer}", _("Less than what is allowed in a shorter time."))
        return cleaned | {"limits": told}


class ExpiryPolicyForm(StampedForm):
    """A new version of how long points live: plain fields, of which each kind needs a few."""

    days = forms.CharField(
        label=_("Days of the year"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text=_("Day and month, separated by commas: 31/3, 30/9."),
    )  # fmt: skip
    resets = forms.MultipleChoiceField(
        label=_("What counts as activity"), required=False, choices=Activity.Kind.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget, initial=["earn", "redeem", "purchase"],
        help_text=_("For points that expire by inactivity: any of these gives them their whole time again."),
    )  # fmt: skip

    class Meta:
        model = ExpiryPolicy
        fields = (
            "wallet", "name", "kind", "count", "round_to", "last_day", "days", "season", "at_least", "resets", "confirmed_by", "confirm_days",
            "activation_days",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "count" not in self.fields:  # a policy that is only looked at
            return
        for name in ("count", "at_least", "confirm_days"):
            self.fields[name].required = False
        self.fields["kind"].widget.attrs["data-keeps"] = json.dumps(KEPT_BY)
        self.fields["last_day"].help_text = _(
            "Points earned after this day end on the same day of the next year: none are born expired."
        )
        self.fields["at_least"].help_text = _("For days of the year and seasons: nearer ones are passed over.")

    def clean_count(self) -> int:
        """Nothing is none."""
        return self.cleaned_data["count"] or 0

    def clean_at_least(self) -> int:
        """Nothing is none."""
        return self.cleaned_data["at_least"] or 0

    def clean_confirm_days(self) -> int:
        """Nothing is none."""
        return self.cleaned_data["confirm_days"] or 0

    def clean_days(self) -> str:
        """The days as the policy keeps them: month and day, in order."""
        found = set()
        for text in filter(None, (part.strip() for part in self.cleaned_data["days"].split(","))):
            number, _slash, month = text.partition("/")
            try:
                found.add(date(2028, int(month), int(number)))  # a leap year
            except ValueError:
                raise forms.ValidationError(
                    _("“%(text)s” is no day of the year. Write the day and the month, such as 31/3.") % {"text": text}
                )
        return ",".join(f"{day:%m-%d}" for day in sorted(found))

    def clean_resets(self) -> str:
        """The activities as the policy keeps them."""
        return ",".join(self.cleaned_data["resets"])

    def has_days(self, season: Season, wallet: Wallet) -> bool:
        """Whether points earned today would find an end of the season."""
        own, today = self.cleaned_data.get("activation_days"), local_day(timezone.now(), wallet.program.time_zone)
        policy = ExpiryPolicy(kind="season", season=season, at_least=self.cleaned_data.get("at_least") or 0)
        first = today + timedelta(days=wallet.activation_days if own is None else own)
        return policies.last_day(policy, first, seasons.periods_of([season.pk])[season.pk]) is not None

    def clean(self) -> dict[str, Any]:
        """What the kind needs; what it does not need is left out."""
        cleaned = super().clean()
        kind = cleaned.get("kind")
        needs = {
            "date": ("last_day", _("Say which day is the last valid one.")),
            "dates": ("days", _("Say on which days of the year points expire.")),
            "season": ("season", _("Say which season.")),
            **{name: ("count", _("Say how many, at least 1.")) for name in (*COUNTED, *ExpiryPolicy.IDLE)},
        }
        field, words = needs.get(kind, ("", ""))
        if field and not cleaned.get(field) and field not in self.errors:
            self.add_error(field, words)
        if kind in ExpiryPolicy.IDLE and not cleaned.get("resets"):
            self.add_error("resets", _("Say what counts as activity, at least one thing."))
        season, wallet = cleaned.get("season"), cleaned.get("wallet")
        if kind == "season" and season and wallet and season.program_id != wallet.program_id:
            self.add_error("season", _("This season belongs to another program."))
        elif kind == "season" and season and wallet and not self.errors and not self.has_days(season, wallet):
            self.add_error(
                "season",
                _(
                    "No days of this season are entered for the time ahead, so points would never expire. Enter its next year first."
                ),
            )
        for name, empty in EMPTY.items():
            if name not in KEPT_BY.get(kind, ()):
                cleaned[name] = empty
        self.clean_waiting(cleaned)
        return cleaned

    def clean_waiting(self, cleaned: dict[str, Any]) -> None:
        """What waits needs an end; days without an event mean nothing. Days until points can be spent are for a named policy that waits for nothing else."""
        if cleaned.get("activation_days") is not None and not cleaned.get("name"):
            told = _("All points of the wallet can be spent after the days that the wallet says. Give the policy a name, or leave this empty.")  # fmt: skip
            self.add_error("activation_days", told)
        elif cleaned.get("activation_days") is not None and cleaned.get("confirmed_by"):
            self.add_error("activation_days", _("These points wait for an event already: leave one of the two empty."))
        if not cleaned.get("confirmed_by"):
            cleaned["confirm_days"] = 0
        elif not cleaned.get("confirm_days") and "confirm_days" not in self.errors:
            self.add_error("confirm_days", _("Say for how many days points wait, at least 1."))


class SeasonPeriodForm(StampedForm):
    """The days of a season in one year; a year that is there already is corrected by another revision."""

    class Meta:
        model = SeasonPeriod
        fields = ("season", "label", "first_day", "last_day", "source")

    def clean(self) -> dict[str, Any]:
        """Both days or none, in order."""
        cleaned = super().clean()
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if bool(first) != bool(last):
            self.add_error("last_day", _("Give both days, or neither to withdraw this year."))
        elif first and last and last < first:
            self.add_error("last_day", _("The last day lies before the first one."))
        return cleaned
