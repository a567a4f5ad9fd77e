"""A rule's definition in plain words, e.g. “2× points on Coffee, for Gold, on Fridays, at most 500 points a month”."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns import activities
from campaigns.definitions import GOODS
from campaigns.earning import FIXED, MULTIPLIER, PURCHASE, UNIT
from campaigns.missing import weekday_names, words_list
from loyalty.common.money import show_money

LEAP_YEAR = 2000


def definition_in_words(definition: Mapping[str, Any], *, currency: str, tiers: Mapping[str, str]) -> str:
    """The terms in one line; `tiers` maps short names to names, and `segment:` or `kind:` before those of segments and kinds of events."""
    told = definition.get("conditions", {})
    phrases = [_award(definition["award"], told, currency, tiers)]
    phrases += conditions_in_words(told, currency=currency, tiers=tiers)
    phrases += _caps(definition.get("caps", {}))
    phrases += _stacking(definition.get("stacking", {}))
    phrases += _lasting(definition.get("expiry", {}))
    return ", ".join(phrase for phrase in phrases if phrase)


def conditions_in_words(told: Mapping[str, Any], *, currency: str, tiers: Mapping[str, str]) -> list[str]:
    """The conditions as phrases, in their order: who, where and when; what is bought stands with the award."""
    found = [_condition(name, value, currency, tiers) for name, value in told.items() if name in CONDITIONS and value]
    return [phrase for phrase in found if phrase]


def _award(award: Mapping[str, Any], told: Mapping[str, Any], currency: str, tiers: Mapping[str, str]) -> str:
    goods = _either([word for name in GOODS for word in told.get(name, [])])
    phrase = _gives(award, told, currency, tiers)
    activity = told.get("activity", PURCHASE)
    if award["kind"] != FIXED and activity != PURCHASE:
        return _("%(award)s for each %(activity)s") % {
            "award": phrase,
            "activity": activities.in_words(activity, tiers),
        }
    if not goods:
        return phrase
    if award["kind"] == FIXED or award.get("on") == "basket":
        return _("%(award)s with %(goods)s in the basket") % {"award": phrase, "goods": goods}
    return _("%(award)s on %(goods)s") % {"award": phrase, "goods": goods}


def _gives(award: Mapping[str, Any], told: Mapping[str, Any], currency: str, tiers: Mapping[str, str]) -> str:
    """What is earned."""
    if award["kind"] == MULTIPLIER:
        factor = _("%(factor)s× points") % {"factor": award.get("factor", "1")}
        by_tier = [f"{tiers.get(slug, slug)} {number}×" for slug, number in award.get("by_tier", {}).items()]
        return f"{factor} ({', '.join(by_tier)})" if by_tier else factor
    if award["kind"] == UNIT:
        return _("%(points)s points for each piece") % {"points": _number(award["points"])}
    if award["kind"] == FIXED:
        activity = activities.in_words(told.get("activity", PURCHASE), tiers)
        return _("%(points)s points for each %(activity)s") % {"points": _number(award["points"]), "activity": activity}
    return _("%(points)s points per %(amount)s") % {
        "points": _number(award["points"]),
        "amount": _money(award["per"], currency),
    }


def _condition(name: str, value: Any, currency: str, tiers: Mapping[str, str]) -> str:
    if name == "tiers":
        return _("only %(tiers)s") % {"tiers": ", ".join(tiers.get(slug, slug.title()) for slug in value)}
    if name == "segments":  # a table that has them calls them segment:slug, beside the tiers
        named = [tiers.get(f"segment:{slug}") or slug.replace("-", " ").title() for slug in value]
        return CONDITIONS[name]([_("“%(name)s”") % {"name": one} for one in named])
    if name in MONEY:
        return MONEY[name]() % {"amount": _money(value, currency)} if Decimal(value) else ""
    return CONDITIONS[name](value)


def _caps(caps: Mapping[str, Any]) -> list[str]:
    """The caps, each with what it holds for."""
    words: dict[str, Callable[[], str]] = {
        "purchase": lambda: _("at most %(points)s points a purchase"),
        "day": lambda: _("at most %(points)s points a day"),
        "week": lambda: _("at most %(points)s points a week"),
        "month": lambda: _("at most %(points)s points a month"),
        "year": lambda: _("at most %(points)s points a year"),
        "lifetime": lambda: _("at most %(points)s points for a member"),
    }
    phrases = [words[name]() % {"points": _number(most)} for name, most in caps.items() if name in words]
    return [*phrases, _("all or nothing")] if caps.get("refuse") and phrases else phrases


def _stacking(stacking: Mapping[str, Any]) -> list[str]:
    """How it stands to other campaigns."""
    phrases = []
    if stacking.get("exclusive"):
        phrases.append(_("counts alone"))
    if stacking.get("group") == "best":
        phrases.append(_("only when it is the best for the member"))
    if stacking.get("group") == "first":
        phrases.append(_("only when it comes first"))
    if stacking.get("not_with"):
        phrases.append(_("not together with %(campaigns)s") % {"campaigns": _either(stacking["not_with"])})
    return phrases


def _lasting(expiry: Mapping[str, Any]) -> list[str]:
    """By which policy its points expire, if not as all points do."""
    return [_("its points expire by “%(policy)s”") % expiry] if expiry.get("policy") else []


def _either(words: list[str]) -> str:
    return words_list(words, "or") if words else ""


def _money(amount: str, currency: str) -> str:
    return show_money(Decimal(amount), currency) if currency else amount


def _number(number: str) -> str:
    return str(format_decimal(Decimal(number), format="#,##0.######", locale=_locale()))


def _locale() -> str:
    return (get_language() or "en").split("-")[0]


def _day(text: str) -> str:
    return str(format_date(date.fromisoformat(text), format="medium", locale=_locale()))


def _month_day(text: str) -> str:
    day = date(LEAP_YEAR, int(text[:2]), int(text[3:]))
    return str(format_skeleton("MMMd", day, locale=_locale()))


def _spans(spans: list[dict[str, str]], show: Callable[[str], str], end: str = "through") -> str:
    shown = [
        show(span["from"]) if span["from"] == span[end] else f"{show(span['from'])}–{show(span[end])}" for span in spans
    ]
    return ", ".join(shown)


MONEY: dict[str, Callable[[], str]] = {
    "minimum": lambda: _("from %(amount)s"),
    "maximum": lambda: _("up to %(amount)s"),
    "lines_minimum": lambda: _("from %(amount)s of it"),
    "lines_maximum": lambda: _("up to %(amount)s of it"),
}
CONDITIONS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys([*MONEY, "tiers"], str),
    "channels": lambda words: _("only %(channels)s") % {"channels": ", ".join(words)},
    "stores": lambda words: _("at %(stores)s") % {"stores": _either(words)},
    "partners": lambda words: _("told by %(partners)s") % {"partners": _either(words)},
    "payments": lambda words: _("paid with %(payments)s") % {"payments": _either(words)},
    "quantity": lambda number: _("from %(number)s pieces") % {"number": number},
    "languages": lambda words: _("for members who read %(languages)s") % {"languages": _either(words)},
    "segments": lambda words: _("for %(segments)s") % {"segments": _either(words)},
    "new_within_days": lambda days: (
        ngettext("in the first %(days)s day as a member", "in the first %(days)s days as a member", days)
        % {"days": days}
    ),
    "member_for_days": lambda days: (
        ngettext("after %(days)s day as a member", "after %(days)s days as a member", days) % {"days": days}
    ),
    "birthday": lambda span: {
        "day": _("on the member's birthday"),
        "week": _("in the week of the member's birthday"),
        "month": _("in the month of the member's birthday"),
    }[span],
    "dates": lambda spans: _spans(spans, _day),
    "seasons": lambda words: (
        _("in %(seasons)s, every year") % {"seasons": _either([word.replace("-", " ").title() for word in words])}
    ),
    "yearly": lambda spans: _("every year %(days)s") % {"days": _spans(spans, _month_day)},
    "weekdays": lambda days: _("on %(days)s") % {"days": weekday_names(days)},
    "hours": lambda spans: _("between %(times)s") % {"times": _spans(spans, str, "until")},
    "first_in": lambda period: {
        "day": _("for the first purchase of a day"),
        "week": _("for the first purchase of a week"),
        "month": _("for the first purchase of a month"),
        "year": _("for the first purchase of a year"),
    }[period],
    "nth": lambda number: _("for purchase number %(number)s") % {"number": number},
    "every_nth": lambda number: _("for every purchase number %(number)s") % {"number": number},
    "frequency": lambda value: _("from %(count)s purchases within %(days)s days") % value,
}
