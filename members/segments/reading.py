"""A segment's question in plain words, e.g. “Tier Gold, and at least 3 purchases in the last 90 days”."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from babel.dates import get_month_names
from babel.lists import format_list
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from loyalty.common.languages import LANGUAGES
from loyalty.common.money import show_money
from loyalty.ledger.models import Program
from members.models import Consent
from members.segments.definitions import ANY, GOODS
from members.segments.models import MemberScore

Told = Mapping[str, Any]


def names_of(program: Program) -> dict[str, str]:
    """What the short names of tiers and the codes of stores are called: two queries."""
    tiers = {f"tier:{tier.slug}": str(tier) for tier in program.tiers.all()}
    return tiers | {f"store:{store.code}": str(store) for store in program.stores.all()}


def in_words(definition: Told, *, currency: str, names: Mapping[str, str]) -> str:
    """The whole question as one sentence; `names` as `names_of` gives them."""
    groups = [
        _joined(
            [condition_in_words(told, currency=currency, names=names) for told in group["conditions"]], group["match"]
        )
        for group in definition["groups"]
    ]
    if len(groups) > 1:
        groups = [
            f"({group})" if len(told["conditions"]) > 1 else group
            for group, told in zip(groups, definition["groups"], strict=True)
        ]
    return _joined(groups, definition["match"])  # fmt: skip


def condition_in_words(told: Told, *, currency: str, names: Mapping[str, str]) -> str:
    """One condition as a phrase."""
    phrase = PHRASES[told["about"]](told, currency, names)
    return _("not: %(condition)s") % {"condition": phrase} if told.get("not") else phrase


def _joined(phrases: list[str], match: str) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return (_(" or ") if match == ANY else _(", and ")).join(phrases)


def _either(words: list[str]) -> str:
    return str(format_list(words, style="or", locale=_locale()))


def _locale() -> str:
    return (get_language() or "en").split("-")[0]


def month_name(month: str) -> str:
    """A month as the form and the sentences call it."""
    named = {"this": _("this month"), "next": _("next month")}
    return named.get(month) or str(get_month_names("wide", context="stand-alone", locale=_locale())[int(month)])


def _span(told: Told, show: Callable[[Any], str], least: str = "least", most: str = "most") -> str:
    """Between two bounds, of which one may be missing."""
    if least in told and most in told:
        if told[least] == told[most]:
            return show(told[least])
        return _("%(least)s to %(most)s") % {"least": show(told[least]), "most": show(told[most])}
    if least in told:
        return _("at least %(number)s") % {"number": show(told[least])}
    return _("at most %(number)s") % {"number": show(told[most])}


def _last(told: Told) -> int:
    """The number that stands next to the word it counts."""
    return int(Decimal(told.get("most", told.get("least", 0))))


def _number(number: Any) -> str:
    return f"{Decimal(number):,f}"


def _within(told: Told) -> str:
    if "days" not in told:
        return ""
    return ngettext("in the last %(days)s day", "in the last %(days)s days", told["days"]) % {"days": told["days"]}


def _tier(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("tier %(tiers)s") % {"tiers": _either([names.get(f"tier:{slug}", slug) for slug in told["is"]])}


def _language(told: Told, currency: str, names: Mapping[str, str]) -> str:
    spoken = dict(LANGUAGES)
    return _("reads %(languages)s") % {"languages": _either([spoken.get(code, code) for code in told["is"]])}


def _birthday(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("birthday in %(month)s") % {"month": month_name(told["month"])} if told["month"].isdecimal() else (
        _("birthday %(month)s") % {"month": month_name(told["month"])}
    )  # fmt: skip


def _business(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("a business member") if told["is"] == "yes" else _("a private person")


def _enrolled(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return ngettext("a member for %(days)s day", "a member for %(days)s days", _last(told)) % {"days": _span(told, str)}


def _points(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("%(points)s points to spend") % {"points": _span(told, _number)}


def _expiring(told: Told, currency: str, names: Mapping[str, str]) -> str:
    if Decimal(told.get("least", 0)):
        return _("at least %(points)s points that expire in the next %(days)s days") % {
            "points": _number(told["least"]), "days": told["days"],
        }  # fmt: skip
    return _("points that expire in the next %(days)s days") % {"days": told["days"]}


def _purchases(told: Told, currency: str, names: Mapping[str, str]) -> str:
    def money(amount: str) -> str:
        return show_money(Decimal(amount), currency) if currency else amount

    parts = []
    if "least" in told or "most" in told:
        words = ngettext("%(number)s purchase", "%(number)s purchases", _last(told))
        parts.append(words % {"number": _span(told, _number)})
    if "spent_least" in told or "spent_most" in told:
        parts.append(_("spent %(amount)s") % {"amount": _span(told, money, "spent_least", "spent_most")})
    return " ".join([*parts, *_of_what(told, names), _within(told)]).strip()


def _of_what(told: Told, names: Mapping[str, str]) -> list[str]:
    """Of which goods, at which stores, over which channels."""
    parts = []
    goods = [word for name in GOODS for word in told.get(name, ())]
    if goods:
        parts.append(_("on %(goods)s") % {"goods": _either(goods)})
    if "stores" in told:
        parts.append(
            _("at %(stores)s") % {"stores": _either([names.get(f"store:{code}", code) for code in told["stores"]])}
        )
    if "channels" in told:
        parts.append(_("over %(channels)s") % {"channels": _either(told["channels"])})
    return parts


def _bought(told: Told, currency: str, names: Mapping[str, str]) -> str:
    words = ngettext("last bought %(days)s day ago", "last bought %(days)s days ago", _last(told))
    last = words % {"days": _span(told, str)}
    where = " ".join(_of_what(told, names))
    return f"{last} ({where})" if where else last


def _events(told: Told, currency: str, names: Mapping[str, str]) -> str:
    kinds = _either(told["kinds"]) if "kinds" in told else _("any kind")
    words = ngettext("%(number)s event of %(kinds)s", "%(number)s events of %(kinds)s", _last(told))
    phrase = words % {"number": _span(told, _number), "kinds": kinds}
    return f"{phrase} {_within(told)}".strip()


def purpose_name(purpose: str) -> str:
    """What a member agrees to, as people read it."""
    return str(dict(Consent.Purpose.choices).get(purpose, purpose))


def channel_name(channel: str) -> str:
    """By which channel, as people read it."""
    return str(dict(Consent.Channel.choices).get(channel, channel))


def _consent(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("agreed to %(purpose)s by %(channel)s") % {
        "purpose": purpose_name(told["purpose"]), "channel": channel_name(told["channel"]),
    }  # fmt: skip


def class_name(name: str) -> str:
    """A class as people read it."""
    return str(dict(MemberScore.Class.choices).get(name, name))


def _class(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("buys like: %(classes)s") % {"classes": _either([class_name(name) for name in told["is"]])}


def part_name(part: str) -> str:
    """A part of the score as people read it."""
    return str(MemberScore._meta.get_field(part).verbose_name)  # type: ignore[union-attr]


def _score(told: Told, currency: str, names: Mapping[str, str]) -> str:
    return _("score of %(part)s %(score)s") % {"part": part_name(told["part"]), "score": _span(told, str)}


PHRASES: dict[str, Callable[[Told, str, Mapping[str, str]], str]] = {
    "tier": _tier, "language": _language, "birthday": _birthday, "business": _business, "enrolled": _enrolled, "points": _points, "expiring": _expiring,
    "purchases": _purchases, "bought": _bought, "events": _events, "consent": _consent, "class": _class, "score": _score,
}  # fmt: skip
