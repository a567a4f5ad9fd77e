"""The fields of a rule's form, as words: each knows how it is written into the definition and how it is shown again.

A field's name tells where it belongs: `cap_month` is the cap per month, `priority` is how the rule stands to others; all others are
conditions. What is left empty is left out of the definition.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from loyalty.common.languages import LANGUAGES

SPAN = re.compile(r"\s*(\S+?)\s*(?:–|\.\.|\bto\b|(?<=\d)-(?=\d\d:)|\s-\s)\s*(\S+)\s*")


@dataclass(frozen=True)
class RuleField:
    """One field: its place in the definition, how it is made, written and shown."""

    part: str
    name: str
    make: Callable[[], forms.Field]
    write: Callable[[Any], Any] = lambda value: value
    show: Callable[[Any], Any] = lambda value: value
    choices: str = ""
    key: str = field(default="")

    @property
    def place(self) -> str:
        """The name of the field in its part of the definition."""
        return self.key or self.name


def plain(number: Decimal) -> str:
    """A decimal as definitions keep it: no trailing zeros, no exponent."""
    return format(number.normalize(), "f")


def factor_field(**more: Any) -> forms.DecimalField:
    """How often points are multiplied."""
    widget = UnfoldAdminDecimalFieldWidget
    told: dict[str, Any] = {
        "label": _("Multiply points by"),
        "required": False,
        "min_value": 1,
        "max_value": 100,
        "widget": widget,
    }
    return forms.DecimalField(max_digits=6, decimal_places=2, **told, **more)


def points_field(**more: Any) -> forms.DecimalField:
    """How many points are given."""
    told: dict[str, Any] = {"label": _("Points"), "required": False, "min_value": Decimal("0.000001")}
    return forms.DecimalField(max_digits=14, decimal_places=6, widget=UnfoldAdminDecimalFieldWidget, **told, **more)


def split_words(text: str) -> list[str]:
    """Words separated by commas, without repeats."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def write_spans(text: str, names: tuple[str, str] = ("from", "through")) -> list[dict[str, str]]:
    """ "15:00–17:00, 19:00–21:00" or "2026-12-10 to 2026-12-12" as spans; one day alone is its own end."""
    spans = []
    for piece in split_words(text):
        found = SPAN.fullmatch(piece)
        begin, end = (found[1], found[2]) if found else (piece, piece)
        spans.append({names[0]: begin, names[1]: end})
    return spans


def show_spans(spans: list[Mapping[str, str]]) -> str:
    """Spans as they are typed."""
    return ", ".join(
        begin if begin == end else f"{begin} to {end}" for begin, end in (tuple(span.values())[:2] for span in spans)
    )


def _words(label: Any, help_text: Any = "") -> Callable[[], forms.Field]:
    return lambda: forms.CharField(label=label, required=False, max_length=400, widget=UnfoldAdminTextInputWidget, help_text=help_text)  # fmt: skip


def _money(label: Any, help_text: Any = "", places: int = 2, least: Decimal = Decimal(0)) -> Callable[[], forms.Field]:
    return lambda: forms.DecimalField(
        label=label, required=False, min_value=least, max_digits=14, decimal_places=places, widget=UnfoldAdminDecimalFieldWidget, help_text=help_text
    )  # fmt: skip


def _count(label: Any, help_text: Any = "", most: int = 10_000) -> Callable[[], forms.Field]:
    return lambda: forms.IntegerField(
        label=label, required=False, min_value=1, max_value=most, widget=UnfoldAdminIntegerFieldWidget, help_text=help_text
    )  # fmt: skip


def _choice(label: Any, choices: list[tuple[str, Any]], help_text: Any = "") -> Callable[[], forms.Field]:
    return lambda: forms.ChoiceField(
        label=label, required=False, choices=choices, widget=UnfoldAdminSelectWidget, help_text=help_text
    )  # fmt: skip


def _several(label: Any, choices: Any = (), help_text: Any = "") -> Callable[[], forms.Field]:
    return lambda: forms.MultipleChoiceField(
        label=label, required=False, choices=choices, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text=help_text
    )  # fmt: skip


def _switch(label: Any, help_text: Any = "") -> Callable[[], forms.Field]:
    return lambda: forms.BooleanField(label=label, required=False, widget=UnfoldBooleanSwitchWidget, help_text=help_text)  # fmt: skip


def _texts(name: str, make: Callable[[], forms.Field]) -> RuleField:
    return RuleField("conditions", name, make, split_words, ", ".join)


def _amount(name: str, label: Any, help_text: Any = "", part: str = "conditions", key: str = "", places: int = 2) -> RuleField:  # fmt: skip
    least = Decimal("0.01") if part == "caps" or name == "quantity" else Decimal(0)
    return RuleField(part, name, _money(label, help_text, places, least), plain, Decimal, key=key)


ANY = ("", _("any"))
WEEKDAY_CHOICES = [(str(day + 1), name) for day, name in WEEKDAYS.items()]
WHO = [
    RuleField("conditions", "tiers", _several(_("Only members of"), help_text=_("None ticked: everybody.")), choices="tiers"),
    RuleField("conditions", "segments", _several(_("Only members in one of the segments"), help_text=_("None ticked: everybody. As refreshed each night.")), choices="segments"),
    RuleField("conditions", "languages", _several(_("Only members who read"), LANGUAGES)),
    RuleField("conditions", "new_within_days", _count(_("Only new members: days since enrolment"), _("30 means: in the first 30 days."), 36_500)),
    RuleField("conditions", "member_for_days", _count(_("Only after so many days as a member"), most=36_500)),
    RuleField("conditions", "birthday", _choice(_("Around the birthday"), [ANY, ("day", _("on the day")), ("week", _("in its week, Monday to Sunday")), ("month", _("in its month"))])),
]  # fmt: skip
WHAT = [
    _texts("products", _words(_("Products"), _("Codes as the shop sends them, separated by commas. A line counts when its product, category, brand, collection or supplier is named."))),
    _texts("categories", _words(_("Categories"), _("As the shop sends them, separated by commas."))),
    _texts("brands", _words(_("Brands"), _("As the shop sends them, separated by commas."))),
    _texts("collections", _words(_("Collections"), _("As the shop sends them, separated by commas."))),
    _texts("suppliers", _words(_("Suppliers"), _("As the shop sends them, separated by commas."))),
    _amount("minimum", _("Minimum purchase"), _("In the program's money. Empty: any purchase.")),
    _amount("maximum", _("Maximum purchase")),
    _amount("lines_minimum", _("At least so much of these products")),
    _amount("lines_maximum", _("At most so much of these products")),
    _amount("quantity", _("At least so many pieces"), _("Of the goods named, else of the whole basket."), places=3),
    _texts("payments", _words(_("Paid with"), _("As the shop sends it, e.g. card, cash."))),
]  # fmt: skip
WHERE = [
    RuleField("conditions", "stores", _several(_("Only these stores"), help_text=_("None ticked: everywhere.")), choices="stores"),
    _texts("channels", _words(_("Channels"), _("E.g. web, store. Empty: everywhere."))),
    _texts("partners", _words(_("Partners"), _("The source that reports the purchase, e.g. a partner's key."))),
]  # fmt: skip
WHEN = [
    RuleField("conditions", "weekdays", _several(_("Only on"), WEEKDAY_CHOICES, _("None ticked: every day.")), lambda days: sorted(int(day) for day in days), lambda days: [str(day) for day in days]),
    RuleField("conditions", "hours", _words(_("Only between"), _("E.g. 15:00 to 17:00, 20:00 to 22:00, in the program clock.")), lambda text: write_spans(text, ("from", "until")), show_spans),
    RuleField("conditions", "dates", _words(_("Only on the days"), _("E.g. 2026-12-10 to 2026-12-12, 2026-12-24.")), write_spans, show_spans),
    RuleField("conditions", "yearly", _words(_("Every year on"), _("Month and day, e.g. 12-10 to 12-12.")), write_spans, show_spans),
    RuleField("conditions", "seasons", _several(_("In the seasons"), help_text=_("Their days come from the table of seasons, each year anew.")), choices="seasons"),
    RuleField("conditions", "first_in", _choice(_("Only the first purchase of"), [ANY, ("day", _("a day")), ("week", _("a week")), ("month", _("a month")), ("year", _("a year"))])),
    RuleField("conditions", "nth", _count(_("Only purchase number"), _("5 means: the member's fifth purchase."))),
    RuleField("conditions", "every_nth", _count(_("Every purchase number"), _("5 means: the fifth, the tenth, and so on."))),
    RuleField("conditions", "frequency_count", _count(_("From so many purchases")), key="frequency"),
    RuleField("conditions", "frequency_days", _count(_("within so many days"), most=36_500), key="frequency"),
]  # fmt: skip
CAPS = [
    _amount("cap_purchase", _("Most points for a purchase"), part="caps", key="purchase"),
    _amount("cap_day", _("Most points for a member a day"), part="caps", key="day"),
    _amount("cap_week", _("Most points for a member a week"), part="caps", key="week"),
    _amount("cap_month", _("Most points for a member a month"), part="caps", key="month"),
    _amount("cap_year", _("Most points for a member a year"), part="caps", key="year"),
    _amount("cap_lifetime", _("Most points for a member in all"), part="caps", key="lifetime"),
    RuleField("caps", "cap_refuse", _switch(_("All or nothing"), _("Give nothing where a cap does not leave all; else what is left is given.")), key="refuse"),
]  # fmt: skip
TOGETHER = [
    RuleField("stacking", "priority", _count(_("Priority"), _("Lower numbers come first; empty means 100."), 1000)),
    RuleField("stacking", "group", _choice(_("Together with other campaigns"), [("", _("counts with all others")), ("best", _("only the best of its kind for the member")), ("first", _("only the first of its kind by priority"))])),
    RuleField("stacking", "exclusive", _switch(_("Counts alone"), _("Where it applies, no other campaign does."))),
    RuleField("stacking", "not_with", _several(_("Not together with")), choices="campaigns"),
]  # fmt: skip
LASTING = [
    RuleField("expiry", "expiry_policy", _choice(_("These points expire"), [("", _("as all points do"))], _("Only the points of these terms; points of other rules keep their own end. Policies are made where expiry policies are, with a name; they may also say from when points can be spent.")), key="policy"),
]  # fmt: skip
GROUPS = {
    "who": WHO,
    "what": WHAT,
    "where": WHERE,
    "when": WHEN,
    "caps": CAPS,
    "together": TOGETHER,
    "lasting": LASTING,
}
FIELDS = {one.name: one for group in GROUPS.values() for one in group}


def written(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Cleaned form fields as the parts of a definition; empty parts are left out."""
    parts: dict[str, dict[str, Any]] = {}
    for name, one in FIELDS.items():
        value = told.get(name)
        if value not in (None, "", [], False) and one.place != "frequency":
            parts.setdefault(one.part, {})[one.place] = one.write(value)
    if told.get("frequency_count") or told.get("frequency_days"):
        frequency = {"count": told.get("frequency_count"), "days": told.get("frequency_days")}
        parts.setdefault("conditions", {})["frequency"] = frequency
    return parts


def shown(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as the initial values of the form."""
    initial: dict[str, Any] = {}
    for name, one in FIELDS.items():
        value = definition.get(one.part, {}).get(one.place)
        if value is None:
            continue
        initial[name] = value[name.removeprefix("frequency_")] if one.place == "frequency" else one.show(value)
    return initial


def field_of(place: str) -> str | None:
    """The form field that a place of the definition such as "caps.month" is written in."""
    part, _dot, key = place.partition(".")
    return next((name for name, one in FIELDS.items() if (one.part, one.place) == (part, key)), None)
