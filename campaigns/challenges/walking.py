"""The arithmetic of progress, and nothing else: no database, no clock.

What counted is walked in order of time. A card is full when its sum reaches the goal; what is over begins the next one. A streak
grows by each day, week (Monday to Sunday) or month of the program clock in which enough was done, lasts while none is left out (or
one, with a freeze), and begins anew when it has reached its goal. Every step obeys the version in force when it happened.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from campaigns.challenges.definitions import ALL, DAYS, ROLLING, STREAK, Terms
from campaigns.conditions import period_start

NOTHING = Decimal(0)
# No single purchase fills more cards than this; what is over is lost.
MOST_AT_ONCE = 100


class Step(NamedTuple):
    """Something that counted: when, on which day of the program clock, its reference, how much, under which version."""

    at: datetime
    day: date
    reference: str
    amount: Decimal
    terms: Terms


class Achieved(NamedTuple):
    """A round that was finished: its key, when, by what, under which version."""

    key: str
    at: datetime
    reference: str
    terms: Terms


@dataclass(slots=True)
class Standing:
    """Where the walk ended. `count` is what the running round has; `period` the first day of the running period.

    For a streak `count` is its length, `in_period` what the running period has, and `is_frozen` says that its freeze is used up.
    """

    achieved: list[Achieved] = field(default_factory=list)
    count: Decimal = NOTHING
    total: Decimal = NOTHING
    period: date | None = None
    in_period: Decimal = NOTHING
    is_frozen: bool = False
    is_over: bool = False


def walk(steps: Iterable[Step], *, today: date, latest: Terms) -> Standing:
    """Progress by what counted; `steps` in any order, `today` in the program clock, `latest` the version in force now."""
    ordered = sorted(steps, key=lambda step: (step.at, step.reference))
    return _streak(ordered, today, latest) if latest.kind == STREAK else _card(ordered, today, latest)


def _card(steps: Sequence[Step], today: date, latest: Terms) -> Standing:
    """Cards and goals: in all, in a calendar period, or within the last days."""
    here, days_seen = Standing(), set[date]()
    window: deque[tuple[date, Decimal]] = deque()
    done_before: dict[str, int] = {}
    for step in steps:
        terms = step.terms
        start = _period(step.day, terms)
        if start != here.period:
            here.period, here.count, here.total = start, NOTHING, NOTHING
            here.is_over = False
            days_seen.clear()
        amount = _once_a_day(step, days_seen)
        here.total += amount
        name = start.isoformat() if start else ""
        if here.is_over or not amount:
            continue
        here.count += amount
        if terms.per == ROLLING:
            window.append((step.day, amount))
            _forget(window, step.day, terms.days)
            here.count = sum((many for _, many in window), NOTHING)
        rounds = 0
        while here.count >= terms.goal and rounds < MOST_AT_ONCE and not here.is_over:
            rounds += 1
            here.count = NOTHING if terms.per == ROLLING else here.count - terms.goal
            window.clear()
            done_before[name] = done_before.get(name, 0) + 1
            here.achieved.append(Achieved(f"{name}#{done_before[name]}", step.at, step.reference, terms))
            here.is_over = not terms.repeats
        here.count %= terms.goal
    return _today_of_card(here, window, today, latest)


def _today_of_card(here: Standing, window: deque[tuple[date, Decimal]], today: date, latest: Terms) -> Standing:
    """What is left of it today: a new period begins with nothing."""
    start = _period(today, latest)
    if latest.per == ROLLING:
        _forget(window, today, latest.days)
        here.count = sum((many for _, many in window), NOTHING)
    elif start != here.period:
        here.count, here.total, here.is_over, here.period = NOTHING, NOTHING, False, start
    if here.is_over and not latest.repeats:
        here.count = latest.goal
    return here


def _streak(steps: Sequence[Step], today: date, latest: Terms) -> Standing:
    """Periods in a row."""
    here, days_seen = Standing(), set[date]()
    last: int | None = None
    running: int | None = None
    for step in steps:
        terms = step.terms
        number = _number(step.day, terms.per)
        if number != running:
            running, here.in_period = number, NOTHING
            days_seen.clear()
        amount = _once_a_day(step, days_seen)
        here.total += amount
        here.in_period += amount
        if here.is_over or number == last or here.in_period < terms.each:
            continue
        _grow(here, number - last if last is not None else 0, terms.freeze)
        last = number
        if here.count >= terms.goal:
            here.achieved.append(Achieved(f"#{len(here.achieved) + 1}", step.at, step.reference, terms))
            here.count, here.is_frozen, here.is_over = NOTHING, False, not terms.repeats
    return _today_of_streak(here, last, running, today, latest)


def _grow(here: Standing, gap: int, has_freeze: bool) -> None:
    """One more period with enough in it, `gap` periods after the last one that had."""
    if gap == 1 and here.count:
        here.count += 1
    elif gap == 2 and here.count and has_freeze and not here.is_frozen:
        here.count, here.is_frozen = here.count + 1, True
    else:
        here.count, here.is_frozen = Decimal(1), False


def _today_of_streak(here: Standing, last: int | None, running: int | None, today: date, latest: Terms) -> Standing:
    """What is left of it today: a period that went by without enough ends it, unless the freeze holds it."""
    now = _number(today, latest.per)
    here.period = period_start(today, latest.per)
    if running != now:
        here.in_period = NOTHING
    if here.is_over:
        here.count = latest.goal
    elif last is not None and here.count:
        missed = now - last - 1
        if missed > 1 or (missed == 1 and (here.is_frozen or not latest.freeze)):
            here.count, here.is_frozen = NOTHING, False
    return here


def _once_a_day(step: Step, seen: set[date]) -> Decimal:
    """What a step adds: where days are counted, only the first of each day."""
    if step.terms.measure != DAYS:
        return step.amount
    is_first = step.day not in seen
    seen.add(step.day)
    return Decimal(1) if is_first else NOTHING


def _period(day: date, terms: Terms) -> date | None:
    """The first day of the calendar period a day lies in; None where there is only one."""
    return None if terms.per in (ALL, ROLLING) else period_start(day, terms.per)


def _number(day: date, per: str) -> int:
    """Days, weeks from Monday, or months, numbered without gaps."""
    if per == "month":
        return day.year * 12 + day.month
    return (day.toordinal() - 1) // 7 if per == "week" else day.toordinal()


def _forget(window: deque[tuple[date, Decimal]], day: date, days: int) -> None:
    """Drop what is older than the last days, this one included."""
    while window and window[0][0] <= day - timedelta(days=days):
        window.popleft()
