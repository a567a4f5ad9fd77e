"""Looking for due work. Beat (or cron, or a person) nudges every minute; what is due is asked of the database.

A daily job owes each active program one run per business date, the day in the program clock. The run for business date
D is due from a time of D in the program clock (00:05, unless operators set another: `timetable`) and settles everything
up to 00:00 of D, so it says the same however late it runs. Dates are made up oldest first, whichever are missing since the first, at most CATCH_UP_DAYS back; a fresh
installation begins today. Two nudges at once, a doubled beat, an outage of days or a changed clock decide
nothing: the unique row of a date does (RELIABILITY R-3).

One program's daily jobs run one after the other, in the order of DOMAIN 9.5: while one runs, whoever looks for work
leaves all of the program to whoever runs it, so that nothing expires beside the activation it has to wait for, and no
date is claimed before an older one.

Failed runs are tried again with growing pauses; runs that went silent are taken over; what a person asked for is taken
up first. All only by compare-and-set.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

import structlog
from django.db.models import Min, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import day_start
from loyalty.jobs import registry, running, timetable
from loyalty.jobs.models import Heartbeat, JobRun
from loyalty.ledger.models import Program

CATCH_UP_DAYS = 31
SILENT_AFTER = timedelta(minutes=15)
MOST_ATTEMPTS = 6
FIRST_PAUSE = timedelta(minutes=2)
ACTOR = "job:nudge"
GIVEN_UP = _("It went silent %(attempts)d times without finishing, and is not tried again by itself.")
SILENT = _("Nothing was heard of it for %(minutes)d minutes: its process has probably ended. Run it again.")
Status = JobRun.Status
log = structlog.get_logger(__name__)


class Owed(NamedTuple):
    """A business date that nobody has claimed, and since when its run is due."""

    job: registry.Job
    program: Program
    day: date
    due_at: datetime


def nudge(at: datetime) -> list[JobRun]:
    """Do everything that is due at an instant, and return the runs that were made or taken up."""
    beat("worker", at=at)
    runs = [*_asked_for(at), *_again(at), *_due(at), *_looked_for(at)]
    beat("nudge", at=at)
    return runs


def beat(name: str, *, at: datetime) -> None:
    """Note that a part of the machinery is alive."""
    Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": at})


def dates_due(at: datetime, times: timetable.Timetable | None = None) -> Iterator[Owed]:
    """Every business date that nobody has claimed, oldest date first and then in the jobs' order."""
    dated = JobRun.objects.filter(business_date__isnull=False).order_by()
    begun = {
        (job, program): day
        for job, program, day in dated.values_list("job", "program").annotate(first=Min("business_date"))
    }
    recent = dated.filter(business_date__gte=at.date() - timedelta(days=CATCH_UP_DAYS + 2))
    claimed = set(recent.values_list("job", "program", "business_date"))
    times = times or timetable.read()
    daily = [job for job in registry.jobs() if job.name in times.daily]
    for program in Program.objects.filter(is_active=True) if daily else ():
        latest = {job.name: times.latest(job.name, program.time_zone, at=at) for job in daily}
        newest = max(latest.values())
        for day in (newest - timedelta(days=days) for days in range(CATCH_UP_DAYS, -1, -1)):
            for job in daily:
                last = latest[job.name]
                first = max(last - timedelta(days=CATCH_UP_DAYS - 1), begun.get((job.name, program.pk), last))
                if first <= day <= last and (job.name, program.pk, day) not in claimed:
                    yield Owed(job, program, day, times.due_at(job.name, day, program.time_zone))


def claimed(program: Program, *, since: date) -> set[tuple[str, date]]:
    """Which jobs have had their run of which business dates, from a date on. One query."""
    runs = JobRun.objects.filter(program=program, business_date__gte=since)
    return {(job, day) for job, day in runs.values_list("job", "business_date") if day}


def oldest_due(at: datetime) -> datetime | None:
    """Since when the oldest run that nobody has taken up is due. None when nothing waits."""
    asked = JobRun.objects.filter(status=Status.WAITING).order_by("seen_at").values_list("seen_at", flat=True).first()
    return min([owed.due_at for owed in dates_due(at)] + ([asked] if asked else []), default=None)


def _due(at: datetime) -> Iterator[JobRun]:
    left_to_others: set[int] = set()
    for job, program, day, _since in list(dates_due(at)):
        if program.pk in left_to_others or _is_at_work(program):
            left_to_others.add(program.pk)
            continue
        as_of = day_start(day, program.time_zone)
        row = JobRun(job=job.name, program=program, business_date=day, as_of=as_of, started_by=ACTOR)
        if running.claim(row):
            yield running.perform(row)


def _is_at_work(program: Program) -> bool:
    """Whether a daily job of the program runs right now, here or elsewhere."""
    return JobRun.objects.filter(program=program, business_date__isnull=False, status=Status.RUNNING).exists()


def _asked_for(at: datetime) -> Iterator[JobRun]:
    """Take up what people asked for and left to the worker, oldest first."""
    known = [job.name for job in registry.jobs()]
    for row in JobRun.objects.filter(status=Status.WAITING, job__in=known).select_related("program").order_by("id"):
        is_next = row.program is None or row.business_date is None or not _is_at_work(row.program)
        if is_next and running.take_up(row):
            yield running.perform(row)


def _again(at: datetime) -> Iterator[JobRun]:
    """Take up what failed and has rested, and what went silent."""
    since = at - timedelta(days=CATCH_UP_DAYS)
    on = set(timetable.read().daily)
    _close_silent(at, on)
    daily = JobRun.objects.filter(business_date__isnull=False, job__in=on, attempts__lt=MOST_ATTEMPTS)
    silent = daily.filter(status=Status.RUNNING, seen_at__lt=at - SILENT_AFTER)
    failed = daily.filter(status=Status.FAILED, ended_at__gte=since)
    rested = [row for row in failed if row.ended_at and row.ended_at + pause_after(row.attempts) <= at]
    for row in sorted([*silent, *rested], key=lambda row: (row.business_date, row.pk)):
        if running.take_over(row, actor=ACTOR):
            yield running.perform(row)


def pause_after(attempts: int) -> timedelta:
    """How long a failed run rests: 2, 4, 8, 16, 32 minutes."""
    return FIRST_PAUSE * 2 ** (attempts - 1)


def _close_silent(at: datetime, on: set[str]) -> None:
    """Runs that went silent and that nothing takes up again: say so, so that a person can."""
    silent = JobRun.objects.filter(status=Status.RUNNING, seen_at__lt=at - SILENT_AFTER)
    worn_out = silent.filter(business_date__isnull=False, attempts__gte=MOST_ATTEMPTS)
    worn_out.update(status=Status.FAILED, ended_at=at, error=GIVEN_UP % {"attempts": MOST_ATTEMPTS})
    minutes = int(SILENT_AFTER.total_seconds() // 60)
    silent.filter(Q(business_date__isnull=True) | ~Q(job__in=on)).update(
        status=Status.FAILED, ended_at=at, error=SILENT % {"minutes": minutes}
    )


def _looked_for(at: datetime) -> Iterator[JobRun]:
    """Run the jobs of every nudge. Only a run that did something, or failed, leaves a record."""
    times = timetable.read()
    for job in registry.jobs():
        if job.name not in times.nudged:
            continue
        row = JobRun(job=job.name, as_of=at, started_by=ACTOR)
        if running.perform(row, quietly=True).pk:
            yield row
