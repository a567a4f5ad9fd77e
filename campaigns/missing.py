"""What was missing for a rule that was nearly met, as a sentence (DOMAIN 3.5): "On Saturday, Double weekend doubles the points"."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from babel.dates import format_date, get_day_names
from babel.lists import format_list
from babel.numbers import format_decimal
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from loyalty.common.money import show_money

Near = dict[str, Any]


def phrase(near: Near, currency: str, name: str) -> str:
    """What would have made the rule count, and what it would have done; empty when nothing can be said."""
    if "goods" in near:
        return _would_have(_goods(near, currency), name, near)
    if "missing" in near:
        return _("%(money)s more, and %(name)s would have counted") % {
            "money": show_money(Decimal(near["missing"]), currency),
            "name": name,
        }
    found = next((WORDS[key](near[key]) for key in near if key in WORDS), "")
    return _would_have(found, name, near) if found else ""


def _would_have(what: str, name: str, near: Near) -> str:
    """With this, that rule would have counted, and what it would have done."""
    given = gives(near)
    if given:
        return _("%(what)s, %(name)s would have counted (%(gives)s)") % {"what": what, "name": name, "gives": given}
    return _("%(what)s, %(name)s would have counted") % {"what": what, "name": name}


def _goods(near: Near, currency: str) -> str:
    """Goods of which none was in the basket, and how many or for how much."""
    named = list(near["goods"])
    if "others" in near:
        named.append(ngettext("%(count)d other", "%(count)d others", near["others"]) % {"count": near["others"]})
    told = {"goods": _either(named)}
    if "for" in near:
        money = show_money(Decimal(near["for"]), currency)
        return _("With %(goods)s for %(money)s in the basket") % (told | {"money": money})
    if Fraction(near.get("pieces", 1)) != 1:
        return _("With %(number)s of %(goods)s in the basket") % (told | {"number": _number(near["pieces"])})
    return _("With %(goods)s in the basket") % told


def gives(near: Near) -> str:
    """What the rule would have done."""
    if "factor" in near:
        return _("%(factor)s× points") % {"factor": _number(near["factor"])}
    if "points" in near:
        points = Fraction(near["points"])
        return ngettext("%(points)s point", "%(points)s points", 1 if points == 1 else 2) % {
            "points": _number(near["points"])
        }
    return ""


def weekday_names(days: list[int]) -> str:
    """Weekdays by name, from 1 for Monday: "Friday and Saturday", "Monday to Friday"."""
    names = get_day_names("wide", locale=_locale())
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return _("%(first)s to %(last)s") % {"first": names[days[0] - 1], "last": names[days[-1] - 1]}
    return words_list([names[day - 1] for day in days])


def words_list(words: list[str], style: Literal["standard", "or"] = "standard") -> str:
    """Words joined as people write them."""
    return str(format_list([str(word) for word in words], style=style, locale=_locale()))


def _locale() -> str:
    return (get_language() or "en").split("-")[0]


def _number(number: str) -> str:
    value = Fraction(number)
    return str(format_decimal(Decimal(value.numerator) / value.denominator, format="#,##0.###", locale=_locale()))


def _either(words: list[str]) -> str:
    return words_list(words, "or")


WORDS: dict[str, Callable[[Any], str]] = {
    "pieces": lambda number: _("With %(number)s more of it in the basket") % {"number": _number(number)},
    "weekdays": lambda days: _("On %(days)s") % {"days": weekday_names(days)},
    "hours": lambda spans: _("Between %(times)s") % {"times": _either(spans)},
    "from_day": lambda day: (
        _("From %(day)s on") % {"day": format_date(date.fromisoformat(day), format="long", locale=_locale())}
    ),
    "tiers": lambda tiers: _("In tier %(tiers)s") % {"tiers": _either([tier.title() for tier in tiers])},
    "channels": lambda channels: _("Bought by %(channels)s") % {"channels": _either(channels)},
    "stores": lambda stores: _("At the store %(stores)s") % {"stores": _either(stores)},
    "partners": lambda partners: _("At %(partners)s") % {"partners": _either(partners)},
    "payments": lambda payments: _("Paid with %(payments)s") % {"payments": _either(payments)},
    "birthday": lambda span: {
        "day": _("On the birthday"),
        "week": _("In the week of the birthday"),
        "month": _("In the month of the birthday"),
    }[span],
    "days": lambda days: ngettext("In %(days)s day", "In %(days)s days", days) % {"days": days},
    "purchases": lambda count: (
        ngettext("With %(count)s more purchase", "With %(count)s more purchases", count) % {"count": count}
    ),
}
