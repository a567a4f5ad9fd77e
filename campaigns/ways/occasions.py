"""Days worth celebrating: birthdays, anniversaries of joining, and long memberships (DOMAIN 3.1, 10.3).

Each is an event of the program's own, once per member and year for ever; the rules of its kind say what it gives. Days are those of the
program clock. What a day without jobs missed is made up for, some days back; who was born on 29 February celebrates on the day before
or after in other years. A changed date of birth pays no second time: some days must lie between two birthdays.
"""

import calendar
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import ExtractDay, ExtractMonth

from campaigns.ways.models import WayTerms
from campaigns.ways.recording import SOURCE, Happening, is_rewarded, record
from campaigns.ways.terms import terms_of
from loyalty.common.clock import day_start, local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from members.models import Event, Member

BIRTHDAY, ANNIVERSARY, TENURE, PROFILE = "birthday", "anniversary", "tenure", "profile"
ACTOR = "job:celebrate"
PAGE = 500
# One member on one day: (member id, the day of the program clock it is celebrated on, years).
Found = tuple[int, date, int]


def celebrate(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Record every occasion that is due at an instant and not recorded yet, page by page."""
    tally = Tally(report=dict.fromkeys((BIRTHDAY, ANNIVERSARY, TENURE, PROFILE), 0))
    terms, today = terms_of(program), local_day(at, program.time_zone)
    days = days_of(program, terms, at=at)
    finders: list[tuple[str, Callable[[], Iterator[list[Found]]]]] = [
        (
            BIRTHDAY,
            lambda: birthdays(program, terms, days, Event.objects.filter(kind=BIRTHDAY, source=SOURCE), "occurred_at"),
        ),
        (ANNIVERSARY, lambda: _anniversaries(program, terms, days, set(range(1, 200)), ANNIVERSARY)),
        (TENURE, lambda: _anniversaries(program, terms, days, tenures(terms), TENURE)),
        (PROFILE, lambda: _profiles(program, today)),
    ]
    for kind, pages in finders:
        if not is_rewarded(program, kind, at=(_begin(program, day) for day in (days[0], today))):
            continue
        for page in pages():
            tally.found += len(page)
            if not dry_run:
                done = record(program, kind, [_happening(program, kind, one, at) for one in page], at=at, actor=ACTOR)
                tally.done += len(done)
                tally.report[kind] += len(done)
            if not progress(tally.found, tally.done, tally.skipped):
                return tally
    return tally


def tenures(terms: WayTerms) -> set[int]:
    """The years of membership that are celebrated apart."""
    return {int(years) for years in terms.tenure_years.replace(" ", "").split(",") if years.isdecimal() and int(years)}


def celebrated_on(born: date, year: int, leap_day: str) -> date:
    """The day of a year on which a date comes round: 29 February moves to the day before or after in common years."""
    if (born.month, born.day) != (2, 29) or calendar.isleap(year):
        return born.replace(year=year)
    return date(year, 2, 28) if leap_day == WayTerms.Leap.BEFORE else date(year, 3, 1)


def _begin(program: Program, day: date) -> datetime:
    return day_start(day, program.time_zone)


def _happening(program: Program, kind: str, one: Found, at: datetime) -> Happening:
    """An occasion as an event: at the begin of its day, once per member and year."""
    member_id, day, _years = one
    key = f"{PROFILE}:{member_id}" if kind == PROFILE else f"{kind}:{member_id}:{day.year}"
    return Happening(member_id, key, at if kind == PROFILE else _begin(program, day))


def days_of(program: Program, terms: WayTerms, *, at: datetime) -> list[date]:
    """The days of the program clock that are looked at: today, and those before that a stopped job may have missed."""
    today = local_day(at, program.time_zone)
    return [today - timedelta(days=back) for back in range(terms.catch_up_days, -1, -1)]


def birthdays(
    program: Program, terms: WayTerms, days: list[date], known: QuerySet[Any], column: str
) -> Iterator[list[Found]]:
    """Members whose birthday came round on one of the days, and who were members by then, less those it is known of.

    `known` are rows about members, each with the instant of a birthday in `column`.
    """
    gap = timedelta(days=terms.birthday_gap_days)
    lately = known.filter(member=OuterRef("pk"), **{f"{column}__gt": _begin(program, days[-1]) - gap})
    born = _active(program).filter(birthday__isnull=False).exclude(Exists(lately))
    born = born.annotate(month=ExtractMonth("birthday"), day=ExtractDay("birthday")).filter(_any_of(days, terms))
    for page in _paged(born, "birthday"):
        found = [one for one in (_on_a_day(pk, began, when, days, terms, program) for pk, began, when in page) if one]
        before = known.filter(
            member__any_of=[member_id for member_id, _, _ in found], **{f"{column}__gt": _begin(program, days[0]) - gap}
        )
        last = dict(before.order_by(column).values_list("member", column))
        yield [
            one for one in found
            if one[2] > 0 and (one[0] not in last or last[one[0]] <= _begin(program, one[1]) - gap)
        ]  # fmt: skip


def _anniversaries(
    program: Program, terms: WayTerms, days: list[date], wanted: set[int], kind: str
) -> Iterator[list[Found]]:
    """Members who joined on one of the days, some wanted number of years ago."""
    zone = ZoneInfo(program.time_zone)
    lately = Event.objects.filter(
        member=OuterRef("pk"), kind=kind, source=SOURCE, occurred_at__gte=_begin(program, days[0])
    )
    joined = _active(program).exclude(Exists(lately)).filter(enrolled_at__lt=_begin(program, days[-1]))
    joined = joined.annotate(
        month=ExtractMonth("enrolled_at", tzinfo=zone), day=ExtractDay("enrolled_at", tzinfo=zone)
    ).filter(_any_of(days, terms))
    for page in _paged(joined, "enrolled_at"):
        rows = ((pk, local_day(when, program.time_zone), when) for pk, when, _enrolled in page)
        found = [one for one in (_on_a_day(pk, began, when, days, terms, program) for pk, began, when in rows) if one]
        yield [one for one in found if one[2] in wanted]


def _profiles(program: Program, today: date) -> Iterator[list[Found]]:
    """Members whose name, address, phone and date of birth are all known, and who were not rewarded for it."""
    known = Event.objects.filter(member=OuterRef("pk"), kind=PROFILE, source=SOURCE)
    whole = _active(program).filter(birthday__isnull=False).exclude(Q(name="") | Q(email="") | Q(phone=""))
    for page in _paged(whole.exclude(Exists(known)), "birthday"):
        yield [(member_id, today, 0) for member_id, _birthday, _enrolled in page]


def _active(program: Program) -> QuerySet[Member]:
    return Member.objects.filter(program=program, status=Member.Status.ACTIVE)


def _paged(found: QuerySet[Member], column: str) -> Iterator[list[tuple[int, Any, datetime]]]:
    """(id, the date of the column, enrolled at), a page at a time."""
    last = 0
    while page := list(found.filter(pk__gt=last).order_by("pk").values_list("pk", column, "enrolled_at")[:PAGE]):
        last = page[-1][0]
        yield page


def _any_of(days: list[date], terms: WayTerms) -> Q:
    """The condition that a month and day come round on one of these days."""
    by_month: dict[int, set[int]] = {}
    for day in days:
        by_month.setdefault(day.month, set()).add(day.day)
        if celebrated_on(date(2000, 2, 29), day.year, terms.leap_day) == day:
            by_month.setdefault(2, set()).add(29)
    condition = Q(pk__in=[])
    for month, numbers in by_month.items():
        condition |= Q(month=month, day__in=numbers)
    return condition


def _on_a_day(
    member_id: int, began: date, enrolled_at: datetime, days: list[date], terms: WayTerms, program: Program
) -> Found | None:
    """On which of the days a date comes round for a member who had joined by the end of that day."""
    for year in {days[0].year, days[-1].year}:
        day = celebrated_on(began, year, terms.leap_day)
        if days[0] <= day <= days[-1] and local_day(enrolled_at, program.time_zone) <= day:
            return member_id, day, year - began.year
    return None
