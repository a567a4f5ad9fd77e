"""What runs next for a program, in its clock: what is waiting first, then the days ahead."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from loyalty.common.clock import day_start, local_day
from loyalty.jobs import nudging, registry, timetable
from loyalty.ledger.models import Program

DAYS_AHEAD = 3


@dataclass(frozen=True)
class Coming:
    """Jobs that are due together: since or from when, which, for which business date, and up to where they settle."""

    due_at: datetime
    day: date
    settles_up_to: datetime
    jobs: list[str]
    is_waiting: bool


def coming(program: Program, *, at: datetime) -> list[Coming]:
    """The dates that wait, oldest first, and those of the next days; jobs that are switched off are left out."""
    times = timetable.read()
    owed = [(one.due_at, one.day, one.job) for one in nudging.dates_due(at, times) if one.program.pk == program.pk]
    waiting = sorted(owed, key=lambda one: (one[1], one[0]))
    daily = [job for job in registry.jobs() if job.name in times.daily]
    done = nudging.claimed(program, since=local_day(at, program.time_zone))
    ahead = sorted(
        (
            (times.due_at(job.name, day, program.time_zone), day, job)
            for job in daily
            for day in _days(times.latest(job.name, program.time_zone, at=at))
            if (job.name, day) not in done  # a job that was moved to a later hour has had its run of today
        ),
        key=lambda one: one[:2],
    )
    return [*_together(waiting, program, is_waiting=True), *_together(ahead, program, is_waiting=False)]


def _days(latest: date) -> list[date]:
    return [latest + timedelta(days=ahead) for ahead in range(1, DAYS_AHEAD + 1)]


def _together(found: list[tuple[datetime, date, registry.Job]], program: Program, *, is_waiting: bool) -> list[Coming]:
    return [
        Coming(due_at, day, day_start(day, program.time_zone), [str(job.title) for _due, _day, job in jobs], is_waiting)
        for (due_at, day), jobs in groupby(found, key=lambda one: one[:2])
    ]
