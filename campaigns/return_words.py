"""Why a claw-back or a later credit of a purchase is there, in words: for the member, staff and letters (DOMAIN 3.5, 6.3)."""

from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns.challenges.words import entry_in_words
from campaigns.partners.words import entry_in_words as partner_words
from loyalty.common.money import show_money, show_points


def words_of(explanation: dict[str, Any]) -> str:
    """The sentence in the current language; empty for an entry that is no correction of a purchase and no prize."""
    if "challenge" in explanation:
        return entry_in_words(explanation["challenge"])
    if "birthday" in explanation:
        names = explanation["birthday"]["names"]
        tier = names.get((get_language() or "en").split("-")[0]) or names.get("en", "")
        return _("The birthday gift of %(tier)s members.") % {"tier": tier}
    if "partner" in explanation:
        return partner_words(explanation["partner"])
    if "in_turn" in explanation:
        why = _("Had they been known in time, they would have been used before points that last longer.")
        return " ".join([*(_in_turn(part, explanation.get("decimals", 0)) for part in explanation["in_turn"]), why])
    if "returned_goods" in explanation:
        return _returned(explanation["returned_goods"], explanation)
    if "settled_again" in explanation:
        return _settled(explanation["settled_again"])
    if "event_again" in explanation:
        return _event_again(explanation["event_again"])
    return ""


def _returned(told: dict[str, Any], explanation: dict[str, Any]) -> str:
    """Goods came back: what was earned, what the kept goods earn, and what was not taken."""
    decimals = told.get("decimals", 0)
    kept = told["earned"] - told["returned"]
    said = _(
        "Goods of purchase %(receipt)s worth %(amount)s came back. Of its %(earned)s points the kept goods would have earned %(kept)s."
    ) % {
        "receipt": told["receipt"],
        "amount": show_money(Decimal(told["amount"]), told["currency"]),
        "earned": show_points(told["earned"], decimals),
        "kept": show_points(kept, decimals),
    }
    owed, written_off = explanation.get("owed", 0), explanation.get("written_off", 0)
    if owed:
        more = ngettext(
            "%(points)s point was spent already and is repaid by what is earned next.",
            "%(points)s points were spent already and are repaid by what is earned next.",
            owed,
        ) % {"points": show_points(owed, decimals)}
        said = f"{said} {more}"
    if written_off:
        more = ngettext(
            "%(points)s point was spent already and is not asked for.",
            "%(points)s points were spent already and are not asked for.",
            written_off,
        ) % {"points": show_points(written_off, decimals)}
        said = f"{said} {more}"
    return said


def _settled(told: dict[str, Any]) -> str:
    """Something came late: the tier that the purchase met came out another one."""
    decimals = told.get("decimals", 0)
    before, now = told["names"]
    if told["tier"] == told["tier_before"] and "award" in told:
        return _(
            "Something that came before purchase %(receipt)s was reported late. With it the purchase earns %(points)s points instead of %(was)s."
        ) % {
            "receipt": told["receipt"],
            "points": show_points(told["earned"], decimals),
            "was": show_points(told["before"], decimals),
        }
    if told["tier"] == told["tier_before"]:
        return _("Purchase %(receipt)s was reckoned again, because a refund of it was reported late.") % {
            "receipt": told["receipt"]
        }
    return _(
        "Something you did before purchase %(receipt)s was reported late. With it the purchase counts as %(tier)s instead of %(before)s: %(points)s points instead of %(was)s."
    ) % {
        "receipt": told["receipt"],
        "tier": _name(now),
        "before": _name(before),
        "points": show_points(told["earned"], decimals),
        "was": show_points(told["before"], decimals),
    }


def _in_turn(told: dict[str, Any], decimals: int) -> str:
    """Points that end sooner became known after others had been used: so many of them live as long as those."""
    words = {"points": show_points(told["points"], decimals), "was": _day(told["was"])}
    if told["until"] is None:
        said = ngettext(
            "%(points)s point that would have lasted through %(was)s never expires.",
            "%(points)s points that would have lasted through %(was)s never expire.",
            told["points"],
        )
    else:
        said = ngettext(
            "%(points)s point that would have lasted through %(was)s lasts through %(until)s.",
            "%(points)s points that would have lasted through %(was)s last through %(until)s.",
            told["points"],
        )
        words["until"] = _day(told["until"])
    return said % words


def _day(text: str) -> str:
    """A day as it is read."""
    return format_date(date.fromisoformat(text), format="long", locale=get_language() or "en")


def _event_again(told: dict[str, Any]) -> str:
    """Something came late: what was done earns otherwise."""
    decimals = told.get("decimals", 0)
    return _(
        "Something that came before was reported late. With it this earns %(points)s points instead of %(was)s."
    ) % {
        "points": show_points(told["earned"], decimals),
        "was": show_points(told["before"], decimals),
    }


def _name(names: dict[str, str]) -> str:
    """A tier's name in the current language."""
    return names.get((get_language() or "en").split("-")[0]) or names["en"]
