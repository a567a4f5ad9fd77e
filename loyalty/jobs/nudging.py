"""Looking for due work. Beat (or cron, or a person) nudges every minute; what is due is asked of the database.

A daily job owes each active program one run per business date, the day in the program clock. The run for business date
D is due from 00:05 of D in the program clock and settles everything up to 00:00 of D, so it says the same however late
it runs. Dates are made up oldest first, whichever are missing since the first, at most CATCH_UP_DAYS back; a fresh
installation begins today. Two nudges at once, a doubled beat, an outage of days or a changed clock decide
nothing: the unique row of a date does (RELIABILITY R-3).

One program's daily jobs run one after the other, in the order of DOMAIN 9.5: while one runs, whoever looks for work
leaves all of the program to whoever runs it, so that nothing expires beside the activation it has to wait for, and no
date is claimed before an older one.

Failed runs are tried again with growing pauses; runs that went silent are taken over. Both only by compare-and-set.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import structlog
from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import day_start, local_day
from loyalty.jobs import registry, running
from loyalty.jobs.models import Heartbeat, JobRun
from loyalty.ledger.models import Program

DUE_AFTER = timedelta(minutes=5)
CATCH_UP_DAYS = 31
SILENT_AFTER = timedelta(minutes=15)
MOST_ATTEMPTS = 6
FIRST_PAUSE = timedelta(minutes=2)
ACTOR = "job:nudge"
GIVEN_UP = _("It went silent %(attempts)d times without finishing, and is not tried again by itself.")
SILENT = _("Nothing was heard of it for %(minutes)d minutes: its process has probably ended. Run it again.")
Status = JobRun.Status
log = structlog.get_logger(__name__)


def nudge(at: datetime) -> list[JobRun]:
    """Do everything that is due at an instant, and return the runs that were made or taken up."""
    beat("worker", at=at)
    runs = [*_again(at), *_due(at), *_looked_for(at)]
    beat("nudge", at=at)
    return runs


def beat(name: str, *, at: datetime) -> None:
    """Note that a part of the machinery is alive."""
    Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": at})


def business_date(program: Program, at: datetime) -> date:
    """The latest business date whose run is due."""
    return local_day(at - DUE_AFTER, program.time_zone)


def dates_due(at: datetime) -> Iterator[tuple[registry.Job, Program, date]]:
    """Every (job, program, business date) that nobody has claimed, oldest date first and then in the jobs' order."""
    dated = JobRun.objects.filter(business_date__isnull=False).order_by()
    begun = {
        (job, program): day
        for job, program, day in dated.values_list("job", "program").annotate(first=Min("business_date"))
    }
    recent = dated.filter(business_date__gte=at.date() - timedelta(days=CATCH_UP_DAYS + 1))
    claimed = set(recent.values_list("job", "program", "business_date"))
    daily = [job for job in registry.jobs() if job.is_daily]
    for program in Program.objects.filter(is_active=True):
        today = business_date(program, at)
        for days in range(CATCH_UP_DAYS - 1, -1, -1):
            day = today - timedelta(days=days)
            for job in daily:
                if begun.get((job.name, program.pk), today) <= day and (job.name, program.pk, day) not in claimed:
                    yield job, program, day


def oldest_due(at: datetime) -> datetime | None:
    """Since when the oldest run that nobody has claimed is due. None when nothing waits."""
    return min((day_start(day, program.time_zone) + DUE_AFTER for _, program, day in dates_due(at)), default=None)


def _due(at: datetime) -> Iterator[JobRun]:
    left_to_others: set[int] = set()
    for job, program, day in list(dates_due(at)):
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


def _again(at: datetime) -> Iterator[JobRun]:
    """Take up what failed and has rested, and what went silent."""
    since = at - timedelta(days=CATCH_UP_DAYS)
    known = {job.name for job in registry.jobs()}
    _close_silent(at)
    daily = JobRun.objects.filter(business_date__isnull=False, job__in=known, attempts__lt=MOST_ATTEMPTS)
    silent = daily.filter(status=Status.RUNNING, seen_at__lt=at - SILENT_AFTER)
    failed = daily.filter(status=Status.FAILED, ended_at__gte=since)
    rested = [row for row in failed if row.ended_at and row.ended_at + pause_after(row.attempts) <= at]
    for row in sorted([*silent, *rested], key=lambda row: (row.business_date, row.pk)):
        if running.take_over(row, actor=ACTOR):
            yield running.perform(row)


def pause_after(attempts: int) -> timedelta:
    """How long a failed run rests: 2, 4, 8, 16, 32 minutes."""
    return FIRST_PAUSE * 2 ** (attempts - 1)


def _close_silent(at: datetime) -> None:
    """Runs that went silent and that nothing takes up again: say so, so that a person can."""
    silent = JobRun.objects.filter(status=Status.RUNNING, seen_at__lt=at - SILENT_AFTER)
    worn_out = silent.filter(business_date__isnull=False, attempts__gte=MOST_ATTEMPTS)
    worn_out.update(status=Status.FAILED, ended_at=at, error=GIVEN_UP % {"attempts": MOST_ATTEMPTS})
    minutes = int(SILENT_AFTER.total_seconds() // 60)
    silent.filter(business_date__isnull=True).update(
        status=Status.FAILED, ended_at=at, error=SILENT % {"minutes": minutes}
    )


def _looked_for(at: datetime) -> Iterator[JobRun]:
    """Run the jobs of every nudge. Only a run that did something, or failed, leaves a record."""
    for job in registry.jobs():
        if job.is_daily:
            continue
        row = JobRun(job=job.name, as_of=at, started_by=ACTOR)
        if running.perform(row, quietly=True).pk:
            yield row
