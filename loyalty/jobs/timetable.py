"""When jobs are due: a time of day in the program clock for each, which operators set (`JobSchedule`).

The order of one business date is kept (DOMAIN 9.5): a daily job is not due before those that stand before it and run by
themselves. A job that was switched off owes nothing until it is switched on again; then its missed dates are made up.
Nobody but operators changes a schedule: a migration adds those that are missing and touches no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connections

from loyalty.common.clock import local_day
from loyalty.jobs import registry
from loyalty.jobs.models import JobSchedule

UNLESS_SAID = time(0, 5)


@dataclass(frozen=True)
class Timetable:
    """The jobs that run by themselves, in their order; of the daily ones, from what time of day on."""

    daily: dict[str, time]
    nudged: frozenset[str]

    def is_on(self, job: str) -> bool:
        """Whether a job runs by itself."""
        return job in self.daily or job in self.nudged

    def latest(self, job: str, zone: str, *, at: datetime) -> date:
        """The last business date whose run of a daily job is due at an instant."""
        today = local_day(at, zone)
        return today if self.due_at(job, today, zone) <= at else today - timedelta(days=1)

    def due_at(self, job: str, day: date, zone: str) -> datetime:
        """From when on the run of a business date is due. A time that the clock skips or repeats is one instant all the same."""
        return datetime.combine(day, self.daily[job], tzinfo=ZoneInfo(zone)).astimezone(UTC)


def read() -> Timetable:
    """The timetable as operators have set it; one query."""
    kept = {row.job: row for row in JobSchedule.objects.all()}
    on = [job for job in registry.jobs() if job.name not in kept or kept[job.name].is_on]
    nudged = frozenset(job.name for job in on if not job.is_daily)
    return Timetable(dict(_one_after_the_other(on, kept)), nudged)


def _one_after_the_other(on: list[registry.Job], kept: dict[str, JobSchedule]) -> Iterator[tuple[str, time]]:
    earliest = time.min
    for job in on:
        if job.is_daily:
            earliest = max(earliest, kept[job.name].due_from if job.name in kept else UNLESS_SAID)
            yield job.name, earliest


def make_schedules(using: str = "default", **more: Any) -> None:
    """Add a schedule for each job that has none, once their table is there. A receiver of `post_migrate`."""
    if JobSchedule._meta.db_table not in connections[using].introspection.table_names():
        return
    missing = [JobSchedule(job=name) for name in settings.SETIA_JOBS]
    JobSchedule.objects.using(using).bulk_create(missing, ignore_conflicts=True)
