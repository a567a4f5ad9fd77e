"""Explanations of awards as sentences, in the reader's language: for the member, staff and letters (DOMAIN 3.5).

The explanation is stored as numbers and names; the words are made when it is read. Phrases are whole, so that each
language can order them as it likes.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.numbers import format_decimal
from django.utils.translation import get_language, ngettext, override
from django.utils.translation import gettext as _

from campaigns.earning import FIXED, MULTIPLIER, RATE
from loyalty.common.money import show_money, show_points


def sentence(explanation: dict[str, Any], language: str | None = None) -> str:
    """Why an entry has its points, e.g. "25 points: 1 point per $1 on $12.66, doubled by Ramadan (rounded down)".

    Empty for an entry that is no award (a redemption, an expiry).
    """
    if not explanation or "steps" not in explanation:
        return ""
    with override(language or get_language()):
        return _sentence(explanation)


def near_misses(explanation: dict[str, Any], language: str | None = None) -> list[str]:
    """What would have earned more, e.g. "$10.00 more, and Ramadan would have counted"."""
    with override(language or get_language()):
        return [
            _("%(money)s more, and %(name)s would have counted")
            % {"money": show_money(Decimal(near["missing"]), explanation["currency"]), "name": _name(near)}
            for near in (explanation or {}).get("near", [])
        ]


def _sentence(explanation: dict[str, Any]) -> str:
    """The sentence in the current language."""
    decimals = explanation.get("decimals", 0)
    points = explanation["points"]
    shown = show_points(points, decimals)
    reasons = [_reason(step, explanation) for step in explanation["steps"]]
    rounding = _rounding(explanation)
    if not reasons:
        return _("No points: no rule applies")
    # Translators: %(reasons)s is a list such as "1 point per $1 on $12.66, doubled by Ramadan"
    if rounding:
        return ngettext(
            "%(points)s point: %(reasons)s (%(rounding)s)", "%(points)s points: %(reasons)s (%(rounding)s)", points
        ) % {"points": shown, "reasons": ", ".join(reasons), "rounding": rounding}
    return ngettext("%(points)s point: %(reasons)s", "%(points)s points: %(reasons)s", points) % {
        "points": shown,
        "reasons": ", ".join(reasons),
    }


def _reason(step: dict[str, Any], explanation: dict[str, Any]) -> str:
    """One step in words."""
    if step["kind"] == RATE:
        return _rate_reason(step, explanation)
    if step["kind"] == MULTIPLIER:
        return _multiplier_reason(step)
    if step["kind"] == FIXED:
        points = Fraction(step["points"])
        return ngettext(
            "%(points)s extra point for %(name)s", "%(points)s extra points for %(name)s", _plural(points)
        ) % {
            "points": _number(points),
            "name": _name(step),
        }
    return step["rule"]


def _rate_reason(step: dict[str, Any], explanation: dict[str, Any]) -> str:
    """So many points per so much money, on how much."""
    points, currency = Fraction(step["points"]), explanation["currency"]
    return ngettext(
        "%(points)s point per %(per)s on %(amount)s", "%(points)s points per %(per)s on %(amount)s", _plural(points)
    ) % {
        "points": _number(points),
        "per": _money(step["per"], currency, short=True),
        "amount": _money(explanation["eligible"], currency),
    }


def _multiplier_reason(step: dict[str, Any]) -> str:
    """Doubled, tripled or times a number, by what."""
    factor, name = Fraction(step["factor"]), _name(step)
    if factor == 2:
        return _("doubled by %(name)s") % {"name": name}
    if factor == 3:
        return _("tripled by %(name)s") % {"name": name}
    return _("times %(factor)s by %(name)s") % {"factor": _number(factor), "name": name}


def _rounding(explanation: dict[str, Any]) -> str:
    """How the result was rounded; empty when it came out whole."""
    if Fraction(explanation["exact"]) == explanation["points"]:
        return ""
    return {"floor": _("rounded down"), "half_up": _("rounded to the nearest"), "ceiling": _("rounded up")}[
        explanation["rounding"]
    ]


def _name(step: dict[str, Any]) -> str:
    """The name of a campaign or rule in the current language, as it was when the points were earned."""
    names = step.get("names", {})
    return names.get((get_language() or "en").split("-")[0]) or names.get("en") or step["rule"]


def _money(amount: str, currency: str, *, short: bool = False) -> str:
    """Money as people read it; `short` drops the cents of a round amount ("$1")."""
    value = Decimal(amount)
    shown = show_money(value, currency)
    if short and value == value.to_integral_value():
        whole = show_money(value.to_integral_value(), currency)
        for separator in (".", ","):
            whole = whole.removesuffix(f"{separator}00")
        return whole
    return shown


def _number(value: Fraction) -> str:
    """A number in the reader's format, with the decimals it has."""
    return format_decimal(
        Decimal(value.numerator) / value.denominator, format="#,##0.######", locale=get_language() or "en"
    )


def _plural(value: Fraction) -> int:
    """Which plural form a number takes."""
    return 1 if value == 1 else 2
