"""Whether the conditions of a rule hold for a basket, and what was missing when just one of them did not.

No database, no clock: days, weekdays and hours are those of the moment it happened, in the program clock (DOMAIN 2.1, 3.2).
Every check answers None when it holds, and otherwise what would have helped; an empty answer means that nothing the member
does would.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.terms import MOST_NAMED, Basket, Known, ProgramTerms, RuleTerms

Missing = dict[str, Any]


class Facts:
    """One activity as conditions look at it; what few of them ask is worked out when asked."""

    __slots__ = ("_local", "basket", "eligible", "known", "occurred_at", "program", "tier")

    def __init__(
        self, basket: Basket, tier: str, occurred_at: datetime, eligible: Decimal, program: ProgramTerms, known: Known
    ) -> None:
        """Only what is given."""
        self.basket, self.tier, self.occurred_at = basket, tier, occurred_at
        self.eligible, self.program, self.known = eligible, program, known
        self._local: datetime | None = None

    @property
    def names_goods(self) -> bool:
        """Whether the till said what any of the goods were; else nobody knows what was not among them."""
        return any(goods[:2] != ("", "") or any(goods[3:]) for goods in self.basket.goods)

    @property
    def local(self) -> datetime:
        """The moment in the program clock."""
        if self._local is None:
            self._local = self.occurred_at.astimezone(_zone(self.program.zone))
        return self._local

    def day_of(self, instant: datetime) -> date:
        """The day of an instant in the program clock."""
        return instant.astimezone(_zone(self.program.zone)).date()

    def matching(self, terms: RuleTerms) -> tuple[int, ...]:
        """The numbers of the lines a rule is about."""
        return tuple(
            number
            for number, goods in enumerate(self.basket.goods)
            if goods.product in terms.products
            or goods.category in terms.categories
            or goods.brand in terms.brands
            or goods.collection in terms.collections
            or goods.supplier in terms.suppliers
        )


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def judge(terms: RuleTerms, facts: Facts, *, is_told: bool = True) -> tuple[bool, Missing, tuple[int, ...] | None]:
    """Whether a rule counts, what was missing if only that kept it out, and the lines it is about (None: all).

    Where nobody reads why (`is_told` is False), missing goods end the matter.
    """
    basket = facts.basket
    if (
        terms.activity != basket.activity
        or (terms.since is not None and terms.since > facts.occurred_at)
        or (terms.until is not None and facts.occurred_at >= terms.until)
    ):
        return False, {}, None
    missing: Missing | None = None
    if terms.tiers and facts.tier not in terms.tiers:
        missing = {"tiers": sorted(terms.tiers)}
    if terms.channels and basket.channel not in terms.channels:
        if missing is not None:
            return False, {}, None
        missing = {"channels": sorted(terms.channels)}
    if facts.eligible < terms.minimum:
        if missing is not None:
            return False, {}, None
        missing = {"missing": str(terms.minimum - facts.eligible)}
    over = None
    if terms.is_about_goods:
        over = facts.matching(terms)
        if not over:
            if not is_told or missing is not None or not facts.names_goods:
                return False, {}, over
            missing = _goods(terms)
    for name, value in terms.conditions:
        if over == () and name in ABOUT_GOODS:
            continue
        found = CHECKS[name](value, facts, over)
        if found is None:
            continue
        if missing is not None or not found:
            return False, {}, over
        missing = found
    return missing is None, missing or {}, over


def _goods(terms: RuleTerms) -> Missing:
    """What a basket without any of a rule's goods lacked: some of them by name, how many others, and how much of them."""
    named = terms.goods
    missing: Missing = {"goods": named[:MOST_NAMED]}
    if len(named) > MOST_NAMED:
        missing["others"] = len(named) - MOST_NAMED
    asked = dict(terms.conditions)
    if "quantity" in asked:
        missing["pieces"] = str(asked["quantity"])
    if "lines_minimum" in asked:
        missing["for"] = str(asked["lines_minimum"])
    return missing


def period_start(day: date, period: str) -> date:
    """The first day of the day, week (from Monday), month or year that a day lies in; for "lifetime" the first of all."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    if period == "year":
        return day.replace(month=1, day=1)
    return day if period == "day" else date.min


def _amount(facts: Facts, over: tuple[int, ...] | None) -> Decimal:
    """The eligible amount of the lines a rule is about."""
    return facts.eligible if over is None else sum((facts.basket.lines[number] for number in over), Decimal(0))


def _quantity(facts: Facts, over: tuple[int, ...] | None) -> Decimal:
    """How many pieces those lines hold."""
    goods = facts.basket.goods
    return sum((goods[number].quantity for number in (range(len(goods)) if over is None else over)), Decimal(0))


def _maximum(value: Decimal, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    return None if facts.eligible <= value else {}


def _lines_minimum(value: Decimal, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    there = _amount(facts, over)
    return None if there >= value else {"missing": str(value - there), "of": "lines"}


def _lines_maximum(value: Decimal, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    return None if _amount(facts, over) <= value else {}


def _pieces(value: Decimal, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    there = _quantity(facts, over)
    return None if there >= value else {"pieces": str(value - there)}


def _one_of(field: str) -> Callable[..., Missing | None]:
    """A check that a word of the basket is one of the words named."""

    def check(value: tuple[str, ...], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
        return None if getattr(facts.basket, field) in value else {f"{field}s": list(value)}

    return check


def _languages(value: tuple[str, ...], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    return None if facts.known.shopper.language in value else {}


def _segments(value: tuple[str, ...], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    return None if facts.known.shopper.segments.intersection(value) else {}


def _control(value: tuple[str, int], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    """Whoever is in the control group of the campaign gets nothing by it; that is told to staff alone."""
    return {"control": True} if in_control(*value, facts.known.shopper.member_id) else None


def in_control(secret: str, percent: int, member_id: int) -> bool:
    """Whether a member is among the percent that a campaign keeps out: drawn by the hash of its secret and the member (DOMAIN 10.4)."""
    drawn = int.from_bytes(sha256(f"{secret}:{member_id}".encode()).digest()[:8])
    return drawn % 100 < percent


def _days_a_member(facts: Facts) -> int | None:
    enrolled_at = facts.known.shopper.enrolled_at
    return None if enrolled_at is None else (facts.local.date() - facts.day_of(enrolled_at)).days


def _new_within(value: int, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    days = _days_a_member(facts)
    return None if days is not None and days < value else {}


def _member_for(value: int, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    days = _days_a_member(facts)
    return None if days is not None and days >= value else {"days": value - (days or 0)}


def birthday_in(year: int, birthday: date) -> date:
    """The day a birthday is kept in a year: the month's last day where the year has none such (DOMAIN 2.3)."""
    return date(year, birthday.month, min(birthday.day, monthrange(year, birthday.month)[1]))


def _birthday(value: str, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    """Today, or in the week (Monday to Sunday) or month of the birthday."""
    born = facts.known.shopper.birthday
    if born is None:
        return {}
    today = facts.local.date()
    years = (year for year in (today.year - 1, today.year, today.year + 1) if 1 <= year <= 9999)
    kept = (birthday_in(year, born) for year in years)
    return None if any(period_start(day, value) == period_start(today, value) for day in kept) else {"birthday": value}


def _dates(value: tuple[tuple[date, date], ...], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    today = facts.local.date()
    if any(first <= today <= last for first, last in value):
        return None
    coming = sorted(first for first, _ in value if first > today)
    return {"from_day": coming[0].isoformat()} if coming else {}


def _yearly(
    value: tuple[tuple[tuple[int, int], tuple[int, int]], ...], facts: Facts, over: tuple[int, ...] | None
) -> Missing | None:
    """Days that come again each year, as (month, day); a span may run over new year."""
    today = (facts.local.month, facts.local.day)
    for first, last in value:
        if (first <= today <= last) if first <= last else (today >= first or today <= last):
            return None
    return {}


def _weekdays(value: tuple[int, ...], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    return None if facts.local.isoweekday() in value else {"weekdays": list(value)}


def _hours(value: tuple[tuple[str, str], ...], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    """Times of the day from..until (exclusive); a span may run over midnight."""
    now = f"{facts.local:%H:%M}"
    for begin, end in value:
        if (begin <= now < end) if begin < end else (now >= begin or now < end):
            return None
    return {"hours": [f"{begin}–{end}" for begin, end in value]}


def _number(facts: Facts) -> int:
    """Which purchase (or event) of the member this is, counted by when it happened."""
    return bisect_left(facts.known.earlier, facts.occurred_at) + 1


def _first_in(value: str, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    number = _number(facts)
    if number == 1:
        return None
    before = facts.day_of(facts.known.earlier[number - 2])
    return None if period_start(before, value) < period_start(facts.local.date(), value) else {}


def _nth(value: int, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    number = _number(facts)
    return None if number == value else {"purchases": value - number} if number < value else {}


def _every_nth(value: int, facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    beyond = _number(facts) % value
    return None if not beyond else {"purchases": value - beyond}


def _frequency(value: tuple[int, int], facts: Facts, over: tuple[int, ...] | None) -> Missing | None:
    """At least `count` purchases, this one included, within the last `days` days."""
    count, days = value
    since = facts.occurred_at - timedelta(days=days)
    there = _number(facts) - bisect_left(facts.known.earlier, since)
    return None if there >= count else {"purchases": count - there}


CHECKS: dict[str, Callable[[Any, Facts, tuple[int, ...] | None], Missing | None]] = {
    "maximum": _maximum, "lines_minimum": _lines_minimum, "lines_maximum": _lines_maximum, "quantity": _pieces,
    "stores": _one_of("store"), "partners": _one_of("partner"), "payments": _one_of("payment"),
    "languages": _languages, "segments": _segments, "new_within_days": _new_within, "member_for_days": _member_for,
    "birthday": _birthday, "dates": _dates, "seasons": _dates, "yearly": _yearly, "weekdays": _weekdays, "hours": _hours,
    "first_in": _first_in, "nth": _nth, "every_nth": _every_nth, "frequency": _frequency, "control": _control,
}  # fmt: skip
# What is asked of the goods a rule is about.
ABOUT_GOODS = {"lines_minimum", "lines_maximum", "quantity"}
# What has to be read before a rule with such a condition can be judged.
ABOUT_SHOPPER = {"languages", "new_within_days", "member_for_days", "birthday", "control"}
ABOUT_SEGMENTS = {"segments"}
ABOUT_EARLIER = {"first_in", "nth", "every_nth", "frequency"}
