"""Challenges in words, in the reader's language: what is to be done, what is missing, what is won, and entries of the books."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns.challenges.definitions import (
    ALL,
    AMOUNT,
    CHANCE,
    DAILY,
    DAYS,
    INSTANT,
    PIECES,
    POINTS,
    ROLLING,
    STREAK,
    Terms,
)
from campaigns.models import Prize
from campaigns.terms import PURCHASE
from loyalty.common.money import show_money, show_points
from loyalty.ledger.models import Wallet
from rewards.models import Reward


def number(value: Decimal) -> str:
    """A number in the reader's format, with the decimals it has."""
    return str(format_decimal(value, format="#,##0.###", locale=(get_language() or "en").split("-")[0]))


def measured(value: Decimal, terms: Terms, currency: str) -> str:
    """How much of what is counted: `3 purchases`, `2 days`, `Rp50,000`."""
    shown, many = number(value), 1 if value == 1 else 2
    if terms.measure == AMOUNT:
        return show_money(value, currency)
    if terms.measure == POINTS:
        return ngettext("%(number)s point earned", "%(number)s points earned", many) % {"number": shown}
    if terms.measure == PIECES:
        return ngettext("%(number)s piece", "%(number)s pieces", many) % {"number": shown}
    if terms.measure == DAYS:
        return ngettext("%(number)s day", "%(number)s days", many) % {"number": shown}
    if terms.rule.activity == PURCHASE:
        return ngettext("%(number)s purchase", "%(number)s purchases", many) % {"number": shown}
    return ngettext("%(number)s time", "%(number)s times", many) % {"number": shown}


def periods(value: Decimal, per: str) -> str:
    """So many days, weeks or months of a streak."""
    words = {
        "day": ngettext("%(number)s day", "%(number)s days", int(value)),
        "week": ngettext("%(number)s week", "%(number)s weeks", int(value)),
        "month": ngettext("%(number)s month", "%(number)s months", int(value)),
    }
    return words[per] % {"number": number(value)}


def goal_in_words(terms: Terms, currency: str) -> str:
    """What is to be done, e.g. `5 purchases in a month`."""
    if terms.kind == STREAK:
        words = {"each": measured(terms.each, terms, currency), "periods": periods(terms.goal, terms.per)}
        said = {
            "day": _("%(each)s a day, %(periods)s in a row"),
            "week": _("%(each)s a week, %(periods)s in a row"),
            "month": _("%(each)s a month, %(periods)s in a row"),
        }[terms.per] % words
        return _("%(goal)s; one may be left out") % {"goal": said} if terms.freeze else said
    if terms.kind == INSTANT:
        return _draw_in_words(terms)
    goal = measured(terms.goal, terms, currency)
    if terms.per == ALL:
        return _("every %(goal)s") % {"goal": goal} if terms.repeats else goal
    if terms.per == ROLLING:
        return ngettext("%(goal)s within %(days)d day", "%(goal)s within %(days)d days", terms.days) % {
            "goal": goal,
            "days": terms.days,
        }
    return {
        "day": _("%(goal)s in a day"),
        "week": _("%(goal)s in a week"),
        "month": _("%(goal)s in a month"),
        "year": _("%(goal)s in a year"),
    }[terms.per] % {"goal": goal}


def _draw_in_words(terms: Terms) -> str:
    """Which entries win."""
    shown = {"number": number(terms.goal)}
    if terms.draw == CHANCE:
        return _("one entry in %(number)s wins, by chance") % shown
    if terms.draw == DAILY:
        return _("entry number %(number)s of each day wins") % shown
    return _("every entry number %(number)s wins") % shown


def prize_in_words(prize: Prize, wallet: Wallet) -> str:
    """What was won: `100 points, a badge and Free latte`."""
    return _joined(prize.points, prize.is_badge, prize.reward, wallet)


def promise_in_words(terms: Terms, wallet: Wallet, rewards: Mapping[str, str] | None = None) -> str:
    """What can be won; `rewards` are names by short name, where somebody has read them for many."""
    return _joined(terms.points * 10**wallet.decimals, terms.badge, terms.reward, wallet, rewards)


def _joined(points: int, badge: bool, reward: str, wallet: Wallet, rewards: Mapping[str, str] | None = None) -> str:
    named: Any = (rewards or {}).get(reward)
    if reward and rewards is None:
        named = Reward.objects.filter(program=wallet.program_id, slug=reward).first()
    parts = [f"{show_points(points, wallet.decimals)} {wallet.name_of(points)}"] if points else []
    parts += [_("a badge")] if badge else []
    parts += [str(named or reward)] if reward else []
    if len(parts) < 2:
        return "".join(parts)
    return _("%(first)s and %(last)s") % {"first": ", ".join(parts[:-1]), "last": parts[-1]}


def entry_in_words(told: Mapping[str, Any]) -> str:
    """Why an entry of the books is there: a challenge was done, or is no longer."""
    names = told.get("names", {})
    words = {"name": names.get((get_language() or "en").split("-")[0]) or names.get("en", told["slug"])}
    if told.get("is_back"):
        return _("Goods came back, so the challenge “%(name)s” is no longer done.") % words
    if told["kind"] == INSTANT:
        entry = {"number": told["key"].removeprefix("entry:")}
        return _("Won by entry number %(number)s of “%(name)s”.") % (words | entry)
    return _("The challenge “%(name)s” was done.") % words
