"""A challenge as one sentence, in the reader's language: “Buy 3 × coffee by 31 December: 200 points.”

What is to be done, on what and when it counts, by when, and what is won. Phrases are whole, so that each language can order them.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from babel.dates import format_date
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns.challenges import words
from campaigns.challenges.definitions import ALL, AMOUNT, DAYS, INSTANT, PIECES, POINTS, ROLLING, STREAK, Terms
from campaigns.definitions import GOODS
from campaigns.missing import words_list
from campaigns.reading import conditions_in_words
from campaigns.terms import PURCHASE
from loyalty.common.money import show_money
from loyalty.ledger.models import Wallet


def sentence(
    terms: Terms,
    wallet: Wallet,
    currency: str,
    *,
    through: date,
    tiers: Mapping[str, str],
    rewards: Mapping[str, str] | None = None,
    segments: Mapping[str, str] | None = None,
) -> str:
    """The challenge in one sentence; `through` is its last day, `tiers`, `rewards` and `segments` are names by short name.

    Without `segments` nothing is said of them: members who read it are in one, and are not told which.
    """
    locale = (get_language() or "en").split("-")[0]
    told = {
        "deed": _with_conditions(_deed(terms, terms.each if terms.kind == STREAK else terms.goal, currency), terms, currency, tiers, segments),
        "prize": words.promise_in_words(terms, wallet, rewards),
        "day": format_date(through, format="long", locale=locale),
    }  # fmt: skip
    if terms.kind == INSTANT:
        return _("%(deed)s: %(draw)s. To be won: %(prize)s, until %(day)s.") % (
            told | {"draw": words.goal_in_words(terms, currency)}
        )
    if terms.kind == STREAK:
        return _in_a_row(terms) % (told | {"periods": words.periods(terms.goal, terms.per)})
    if terms.per == ALL:
        return (
            _("%(deed)s: %(prize)s each time, until %(day)s.")
            if terms.repeats
            else _("%(deed)s by %(day)s: %(prize)s.")
        ) % told
    return _within(terms) % told


def _within(terms: Terms) -> str:
    """The sentence of a card that is to be filled within a time."""
    if terms.per == ROLLING:
        return ngettext(
            "%(deed)s within one day: %(prize)s. Counts until %(day)s.",
            "%(deed)s within %(days)d days: %(prize)s. Counts until %(day)s.",
            terms.days,
        ).replace("%(days)d", str(terms.days))
    return {
        "day": _("%(deed)s in a day: %(prize)s. Counts until %(day)s."),
        "week": _("%(deed)s in a week: %(prize)s. Counts until %(day)s."),
        "month": _("%(deed)s in a month: %(prize)s. Counts until %(day)s."),
        "year": _("%(deed)s in a year: %(prize)s. Counts until %(day)s."),
    }[terms.per]


def _in_a_row(terms: Terms) -> str:
    """The sentence of a streak."""
    return {
        "day": _("%(deed)s each day, %(periods)s in a row: %(prize)s. Counts until %(day)s."),
        "week": _("%(deed)s each week, %(periods)s in a row: %(prize)s. Counts until %(day)s."),
        "month": _("%(deed)s each month, %(periods)s in a row: %(prize)s. Counts until %(day)s."),
    }[terms.per]


def _deed(terms: Terms, count: Decimal, currency: str) -> str:
    """What is to be done."""
    shown, many = words.number(count), 1 if count == 1 else 2
    if terms.kind == INSTANT:
        return _("Every purchase is an entry") if terms.rule.activity == PURCHASE else _("Every time is an entry")
    if terms.measure == POINTS:
        return ngettext("Earn %(number)s point", "Earn %(number)s points", many) % {"number": shown}
    if terms.rule.activity != PURCHASE:
        phrase = OTHERS.get(terms.rule.activity, lambda n: ngettext("Do “%(activity)s” %(number)s time", "Do “%(activity)s” %(number)s times", n))(many)  # fmt: skip
        return phrase % {"number": shown, "activity": terms.rule.activity}
    goods = words_list([word for name in GOODS for word in terms.conditions.get(name, ())], "or")
    told = {"number": shown, "goods": goods, "amount": show_money(count, currency)}
    return _bought(terms.measure, many, is_of_goods=bool(goods)) % told


def _bought(measure: str, many: int, *, is_of_goods: bool) -> str:
    """The phrase for purchases, with what they must hold."""
    if measure == AMOUNT:
        return _("Spend %(amount)s on %(goods)s") if is_of_goods else _("Spend %(amount)s")
    if measure == PIECES:
        return (
            _("Buy %(number)s × %(goods)s")
            if is_of_goods
            else ngettext("Buy %(number)s piece", "Buy %(number)s pieces", many)
        )
    if measure == DAYS:
        return (
            ngettext("Buy %(goods)s on %(number)s day", "Buy %(goods)s on %(number)s different days", many)
            if is_of_goods
            else ngettext("Buy on %(number)s day", "Buy on %(number)s different days", many)
        )
    return (
        ngettext("Buy %(goods)s %(number)s time", "Buy %(goods)s %(number)s times", many)
        if is_of_goods
        else ngettext("Make %(number)s purchase", "Make %(number)s purchases", many)
    )


def _with_conditions(
    deed: str, terms: Terms, currency: str, tiers: Mapping[str, str], segments: Mapping[str, str] | None
) -> str:
    """The deed with where, when and for whom it counts."""
    hidden = {*GOODS, "segments"} if segments is None else GOODS
    told = {name: value for name, value in terms.conditions.items() if name not in hidden}
    names = {**tiers, **{f"segment:{slug}": name for slug, name in (segments or {}).items()}}
    return ", ".join([deed, *conditions_in_words(told, currency=currency, tiers=names)])


OTHERS: dict[str, Callable[[int], str]] = {
    "visit": lambda n: ngettext("Come by %(number)s time", "Come by %(number)s times", n),
    "review": lambda n: ngettext("Write %(number)s review", "Write %(number)s reviews", n),
    "survey": lambda n: ngettext("Answer %(number)s survey", "Answer %(number)s surveys", n),
    "referral": lambda n: ngettext("Bring %(number)s friend", "Bring %(number)s friends", n),
    "registration": lambda n: ngettext("Register %(number)s product", "Register %(number)s products", n),
}
