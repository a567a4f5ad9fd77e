"""What a segment's question may ask, as data: groups of conditions, each group and the whole "all of" or "any of" (DOMAIN 10.1).

One table says of each condition what it is about and which values it takes; from it come what is judged here, the rows of the
form and the sentences. Unknown fields are refused, so that a segment never means less than it says.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.languages import LANGUAGES
from members.models import Consent
from members.segments.models import MemberScore

ALL, ANY = "all", "any"
MOST_GROUPS, MOST_CONDITIONS, MOST_WORDS, LONGEST_WORD = 6, 24, 100, 80
LARGEST = 1_000_000_000
COUNT, MONEY, WORDS, ONE_OF, SOME_OF = "count", "money", "words", "one of", "some of"
MONTHS = ("this", "next", *(str(month) for month in range(1, 13)))
YES_OR_NO = ("yes", "no")
PARTS = ("recency", "frequency", "money")
Problem = dict[str, str]


class Value(NamedTuple):
    """One value of a condition: its name in the definition, its kind, its label in the form and what may be chosen."""

    name: str
    kind: str
    label: Any
    choices: tuple[str, ...] = ()
    most: int = LARGEST


class About(NamedTuple):
    """One thing conditions can be about: its title, its values, and those of which at least one is needed."""

    title: Any
    values: tuple[Value, ...]
    needed: tuple[str, ...]

    def value(self, name: str) -> Value:
        """The value of this name."""
        return next(one for one in self.values if one.name == name)


_DAYS = 36_500
_WITHIN = Value("days", COUNT, gettext_lazy("within so many days (empty: ever)"), most=_DAYS)
_AT_LEAST, _AT_MOST = gettext_lazy("at least"), gettext_lazy("at most")
# Of which goods, where: a line counts when one of its product, category, brand, collection or supplier is named, as in rules.
GOODS = ("products", "categories", "brands", "collections", "suppliers")
NARROWING = (
    Value("products", WORDS, gettext_lazy("of the products")), Value("categories", WORDS, gettext_lazy("of the categories")),
    Value("brands", WORDS, gettext_lazy("of the brands")), Value("collections", WORDS, gettext_lazy("of the collections")),
    Value("suppliers", WORDS, gettext_lazy("of the suppliers")),
    Value("stores", SOME_OF, gettext_lazy("in the stores")), Value("channels", WORDS, gettext_lazy("over the channels")),
)  # fmt: skip
ABOUT: dict[str, About] = {
    "tier": About(gettext_lazy("Tier"), (Value("is", SOME_OF, gettext_lazy("one of")),), ("is",)),
    "language": About(
        gettext_lazy("Language"), (Value("is", SOME_OF, gettext_lazy("one of"), tuple(code for code, _name in LANGUAGES)),), ("is",)
    ),
    "birthday": About(gettext_lazy("Birthday"), (Value("month", ONE_OF, gettext_lazy("in"), MONTHS),), ("month",)),
    "business": About(gettext_lazy("Business member"), (Value("is", ONE_OF, gettext_lazy("a company is named"), YES_OR_NO),), ("is",)),
    "enrolled": About(
        gettext_lazy("Days as a member"),
        (Value("least", COUNT, _AT_LEAST, most=_DAYS), Value("most", COUNT, _AT_MOST, most=_DAYS)), ("least", "most"),
    ),
    "points": About(
        gettext_lazy("Points that can be spent"), (Value("least", MONEY, _AT_LEAST), Value("most", MONEY, _AT_MOST)), ("least", "most")
    ),
    "expiring": About(
        gettext_lazy("Points that expire soon"),
        (Value("days", COUNT, gettext_lazy("in the next days"), most=_DAYS), Value("least", MONEY, gettext_lazy("at least (empty: any)"))),
        ("days",),
    ),
    "purchases": About(
        gettext_lazy("Purchases"),
        (
            Value("least", COUNT, gettext_lazy("number, at least")), Value("most", COUNT, gettext_lazy("number, at most")),
            Value("spent_least", MONEY, gettext_lazy("spent, at least")), Value("spent_most", MONEY, gettext_lazy("spent, at most")),
            _WITHIN, *NARROWING,
        ),
        ("least", "most", "spent_least", "spent_most"),
    ),
    "bought": About(
        gettext_lazy("Days since the last purchase"),
        (Value("least", COUNT, _AT_LEAST, most=_DAYS), Value("most", COUNT, _AT_MOST, most=_DAYS), *NARROWING), ("least", "most"),
    ),
    "events": About(
        gettext_lazy("Events"),
        (
            Value("kinds", WORDS, gettext_lazy("of the kinds")), Value("least", COUNT, gettext_lazy("number, at least")),
            Value("most", COUNT, gettext_lazy("number, at most")), _WITHIN,
        ),
        ("least", "most"),
    ),
    "consent": About(
        gettext_lazy("Consent"),
        (Value("purpose", ONE_OF, gettext_lazy("to"), tuple(Consent.Purpose.values)), Value("channel", ONE_OF, gettext_lazy("by"), tuple(Consent.Channel.values))),
        ("purpose",),
    ),
    "class": About(gettext_lazy("Buys like (class)"), (Value("is", SOME_OF, gettext_lazy("one of"), tuple(MemberScore.Class.values)),), ("is",)),
    "score": About(
        gettext_lazy("Score from 1 to 5"),
        (Value("part", ONE_OF, gettext_lazy("of"), PARTS), Value("least", COUNT, _AT_LEAST, most=5), Value("most", COUNT, _AT_MOST, most=5)),
        ("least", "most"),
    ),
}  # fmt: skip
ALWAYS = {"score": ("part",), "consent": ("channel",)}


def conditions(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every condition of a definition, in its order."""
    for group in definition["groups"]:
        yield from group["conditions"]


def problems(definition: Any, *, tiers: set[str] | None = None, stores: set[str] | None = None) -> Problem:
    """What is wrong with a definition, as place -> sentence; empty when it is sound.

    `tiers` and `stores` are the short names the program has; None: they are not looked at.
    """
    if not isinstance(definition, dict) or set(definition) != {"match", "groups"}:
        return {"definition": _("A segment says how its groups go together (match) and which they are (groups).")}
    groups = definition["groups"]
    if definition["match"] not in (ALL, ANY):
        return {"match": _("Choose one of: %(kinds)s.") % {"kinds": f"{ALL}, {ANY}"}}
    if not isinstance(groups, list) or not 1 <= len(groups) <= MOST_GROUPS:
        return {"groups": _("Say at least one condition; at most %(most)s groups.") % {"most": MOST_GROUPS}}
    known = {"tier": tiers, "stores": stores}
    found: Problem = {}
    count = 0
    for number, group in enumerate(groups):
        place = f"groups.{number}"
        if not isinstance(group, dict) or set(group) != {"match", "conditions"} or group["match"] not in (ALL, ANY):
            found[place] = _("A group says how its conditions go together (match) and which they are (conditions).")
        elif not isinstance(group["conditions"], list) or not group["conditions"]:
            found[place] = _("A group has at least one condition.")
        else:
            count += len(group["conditions"])
            for index, condition in enumerate(group["conditions"]):
                found |= _condition_problems(condition, f"{place}.conditions.{index}", known)
    if count > MOST_CONDITIONS:
        found["groups"] = _("At most %(most)s conditions.") % {"most": MOST_CONDITIONS}
    return found


def _condition_problems(told: Any, place: str, known: Mapping[str, set[str] | None]) -> Problem:
    """What is wrong with one condition."""
    if not isinstance(told, dict) or not isinstance(told.get("about"), str) or told["about"] not in ABOUT:
        return {place: _("Say what it is about, one of: %(kinds)s.") % {"kinds": ", ".join(ABOUT)}}
    about = ABOUT[told["about"]]
    names = {value.name for value in about.values}
    unknown = sorted(set(map(str, told)) - names - {"about", "not"})
    if unknown:
        return {f"{place}.{unknown[0]}"[:100]: _("This field is not known. Known are: %(fields)s.") % {"fields": ", ".join(sorted(names))}}  # fmt: skip
    if not isinstance(told.get("not", False), bool):
        return {f"{place}.not": _("Write true or false.")}
    for value in about.values:
        if value.name in told:
            sentence = JUDGES[value.kind](value, told[value.name])
            if sentence:
                return {f"{place}.{value.name}": sentence}
    if not any(name in told for name in about.needed) or not all(
        name in told for name in ALWAYS.get(told["about"], ())
    ):
        labels = [str(about.value(name).label) for name in (*ALWAYS.get(told["about"], ()), *about.needed)]
        return {place: _("%(about)s: fill in at least one of these: %(fields)s.") % {"about": about.title, "fields": ", ".join(labels)}}  # fmt: skip
    return _order_problem(told, place) | _unknown_words(told, place, known)


def _order_problem(told: Mapping[str, Any], place: str) -> Problem:
    for least, most in (("least", "most"), ("spent_least", "spent_most")):
        if least in told and most in told and Decimal(told[most]) < Decimal(told[least]):
            return {f"{place}.{most}": _("The most cannot be less than the least.")}
    return {}


def _unknown_words(told: Mapping[str, Any], place: str, known: Mapping[str, set[str] | None]) -> Problem:
    """Tiers and stores that the program does not have."""
    tiers, stores = known["tier"], known["stores"]
    if told["about"] == "tier" and tiers is not None:
        for slug in told["is"]:
            if slug not in tiers:
                return {f"{place}.is": _("There is no tier “%(tier)s”.") % {"tier": slug}}
    if stores is not None:
        for code in told.get("stores", ()):
            if code not in stores:
                return {f"{place}.stores": _("There is no store “%(code)s”.") % {"code": code}}
    return {}


def _judge_count(value: Value, told: Any) -> str | None:
    if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= value.most:
        return None
    return _("Write a whole number from %(least)s to %(most)s.") % {"least": 0, "most": value.most}


def _judge_money(value: Value, told: Any) -> str | None:
    try:
        number = Decimal(told) if isinstance(told, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or not 0 <= number <= LARGEST or (number * 100) % 1:
        return _("Write a plain number in quotes, such as “1.5”.")
    return None


def _judge_words(value: Value, told: Any) -> str | None:
    fine = isinstance(told, list) and 0 < len(told) <= MOST_WORDS and all(
        isinstance(word, str) and 0 < len(word) <= LONGEST_WORD and word.isprintable() for word in told
    )  # fmt: skip
    if not fine:
        return _("Write a list of short names.")
    if value.choices and not set(told) <= set(value.choices):
        return _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(value.choices)}
    return None


def _judge_choice(value: Value, told: Any) -> str | None:
    return None if told in value.choices else _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(value.choices)}


JUDGES: dict[str, Callable[[Value, Any], str | None]] = {
    COUNT: _judge_count, MONEY: _judge_money, WORDS: _judge_words, SOME_OF: _judge_words, ONE_OF: _judge_choice,
}  # fmt: skip
