"""Explanations of awards as sentences, in the reader's language: for the member, staff and letters (DOMAIN 3.5).

The explanation is stored as numbers and names; the words are made when it is read. Phrases are whole, so that each
language can order them as it likes.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.dates import format_date
from django.utils.translation import get_language, ngettext, override
from django.utils.translation import gettext as _

from campaigns import missing
from campaigns.earning import FIXED, MULTIPLIER, RATE, UNIT
from campaigns.return_words import words_of
from loyalty.common.money import show_money, show_number, show_points


def sentence(explanation: dict[str, Any], language: str | None = None) -> str:
    """Why an entry has its points, e.g. "25 points: 1 point per $1 on $12.66, doubled by Ramadan (rounded down)".

    Empty for an entry that is no award (a redemption, an expiry).
    """
    if not explanation:
        return ""
    with override(language or get_language()):
        if "steps" not in explanation:
            return words_of(explanation)
        told, lasting = _sentence(explanation), _lasting(explanation)
        return _("%(award)s; %(lasting)s") % {"award": told, "lasting": lasting} if lasting else told


def near_misses(explanation: dict[str, Any], language: str | None = None) -> list[str]:
    """What would have earned more, e.g. "$10.00 more, and Ramadan would have counted"."""
    with override(language or get_language()):
        told = explanation or {}
        found = [missing.phrase(near, told["currency"], _name(near)) for near in told.get("near", [])]
        return [phrase for phrase in found if phrase]


def limits(explanation: dict[str, Any], language: str | None = None) -> list[str]:
    """Which caps bit and which campaigns did not count together, in sentences for staff and members."""
    with override(language or get_language()):
        told = explanation or {}
        capped = [_capped(step) for step in told.get("steps", []) if "capped" in step]
        return capped + [_left_out(one, told) for one in told.get("left_out", [])]


def _capped(step: dict[str, Any]) -> str:
    """Which cap bit, and what it left."""
    cap = step["capped"]
    what = {
        "purchase": _("the most for one purchase"),
        "day": _("the most for a member in a day"),
        "week": _("the most for a member in a week"),
        "month": _("the most for a member in a month"),
        "year": _("the most for a member in a year"),
        "lifetime": _("the most for a member"),
        "budget": _("the budget of the campaign"),
        "wallet": _("what the whole purchase earned"),
        "wallet_day": _("the most a member may earn in a day"),
        "wallet_week": _("the most a member may earn in a week"),
        "wallet_month": _("the most a member may earn in a month"),
        "wallet_year": _("the most a member may earn in a year"),
    }.get(cap["by"], cap["by"])
    words = {
        "name": _name(step),
        "what": what,
        "most": _number(Fraction(cap["most"])),
        "left": _number(Fraction(cap["left"])),
        "wanted": _number(Fraction(step["wanted"])),
    }
    if cap.get("refused"):
        return (
            _("%(name)s gave nothing: %(wanted)s points are more than is left of %(what)s (%(left)s of %(most)s).")
            % words
        )
    return _("%(name)s gave %(left)s instead of %(wanted)s points: no more was left of %(what)s (%(most)s).") % words


def _left_out(one: dict[str, Any], explanation: dict[str, Any]) -> str:
    """Why a campaign that applied did not count."""
    names = {step.get("campaign", step["rule"]): _name(step) for step in explanation["steps"]}
    words = {"name": _name(one), "other": names.get(one["by"], one["by"])}
    if one["because"] == "exclusive":
        return _("%(name)s did not count: %(other)s counts alone.") % words
    if one["because"] == "best":
        return _("%(name)s did not count: %(other)s gave more.") % words
    if one["because"] == "first":
        return _("%(name)s did not count: %(other)s comes first.") % words
    return _("%(name)s did not count: it does not go together with %(other)s.") % words


def _sentence(explanation: dict[str, Any]) -> str:
    """The sentence in the current language."""
    decimals = explanation.get("decimals", 0)
    points = explanation["points"]
    shown = show_points(points, decimals)
    reasons = [
        _("%(reason)s (at most %(points)s)") % {"reason": reason, "points": _number(Fraction(step["gives"]))}
        if "capped" in step
        else reason
        for step in explanation["steps"]
        for reason in [_reason(step, explanation)]
    ]
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


def _lasting(explanation: dict[str, Any]) -> str:
    """How long the points last, where a rule gave them an end of their own; empty where they end as all points do."""
    parts, decimals = explanation.get("lasts", []), explanation.get("decimals", 0)
    if len(parts) == 1:
        return _end_of(parts[0], _("these points"))
    return ", ".join(
        _end_of(part, _("%(points)s of them") % {"points": show_points(part["points"], decimals)}) for part in parts
    )


def _end_of(part: dict[str, Any], points: str) -> str:
    """The last day of the points of one policy, in words; the policy where no day was computed."""
    words = {"points": points, "policy": part["policy"]}
    if "from" in part:
        words["points"] = _("%(points)s (to be spent from %(day)s)") % {"points": points, "day": _day(part["from"])}
    if "through" not in part:
        return (
            _("%(points)s last as “%(policy)s” says") % words
            if part["policy"]
            else _("%(points)s last as usual") % words
        )
    if part["through"] is None:
        return _("%(points)s never expire") % words
    words["day"] = _day(part["through"])
    if "waits" in part:
        words["event"] = part["waits"]
        return _("%(points)s wait for “%(event)s” through %(day)s") % words
    if part.get("idle"):
        return _("%(points)s last through %(day)s, and longer with every activity before then") % words
    return _("%(points)s last through %(day)s") % words


def _day(text: str) -> str:
    """A day as it is read."""
    return format_date(date.fromisoformat(text), format="long", locale=get_language() or "en")


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
    if step["kind"] == UNIT:
        return _("%(points)s points for each of %(quantity)s pieces by %(name)s") % {
            "points": _number(Fraction(step["points"])),
            "quantity": _number(Fraction(step["quantity"])),
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
        "amount": _money(str(_decimal(step["amount"])) if "amount" in step else explanation["eligible"], currency),
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


def _decimal(number: str) -> Decimal:
    """An exact number as a decimal."""
    value = Fraction(number)
    return Decimal(value.numerator) / value.denominator


def _number(value: Fraction) -> str:
    """A number in the reader's format, with the decimals it has."""
    return show_number(Decimal(value.numerator) / value.denominator)


def _plural(value: Fraction) -> int:
    """Which plural form a number takes."""
    return 1 if value == 1 else 2
