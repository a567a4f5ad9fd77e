"""What is wrong with the installation right now: jobs that fail or are late, and checks of its health that do not hold.

A daily job that failed is told at once: its next try may mend it, and then that is told too. A job of every nudge is told
when it has failed three times in a row, so that one refused connection wakes nobody up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.jobs import nudging, registry, timetable
from loyalty.jobs.models import Heartbeat, JobRun

TIMES_IN_A_ROW = 3
# A job of every nudge that has not failed again for this long is taken to work: success leaves no record when there is nothing to do.
FAILS_NO_MORE = timedelta(minutes=10)


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: its name for machines, what kind of thing, and its numbers and short words."""

    name: str
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


def find(at: datetime) -> list[Trouble]:
    """Everything that is wrong at an instant, each under a name that stays the same while it lasts."""
    return [*_failed(at), *late(at), *_unhealthy(at)]


def failing(at: datetime) -> QuerySet[JobRun]:
    """Runs that failed and were not made good, newest first; what was switched off since is nobody's trouble."""
    times = timetable.read()
    known = [job.name for job in registry.jobs() if times.is_on(job.name)]
    failed = JobRun.objects.filter(job__in=known, status=JobRun.Status.FAILED, is_dry=False)
    dated = Q(business_date__isnull=False, ended_at__gte=at - timedelta(days=nudging.CATCH_UP_DAYS))
    again = Q(attempts__gte=TIMES_IN_A_ROW, started_by=nudging.ACTOR, ended_at__gte=at - FAILS_NO_MORE)
    return failed.filter(dated | again & Q(business_date__isnull=True)).select_related("program").order_by("-id")


def words(kind: str, facts: dict[str, Any]) -> str:
    """A trouble as a sentence, in the reader's language."""
    titles = {job.name: str(job.title) for job in registry.jobs()}
    jobs = ", ".join(titles.get(name, name) for name in facts.get("jobs", []))
    said = {
        "failed": _("%(jobs)s failed."),
        "late": _("Late: %(jobs)s."),
        "letters": _("Letters have been waiting for %(minutes)s minutes."),
        "nudge": _("Nobody looks for due work: beat or the worker does not run."),
        "disk": _("The disk is nearly full: %(free_mb)s MB are left."),
        "migrations": _("The database is older than the program: run manage.py migrate."),
    }.get(kind, kind)
    where = facts.get("program")
    return (f"{where}: " if where else "") + said % ({"minutes": "?", "free_mb": "?"} | facts | {"jobs": jobs})


def _failed(at: datetime) -> Iterator[Trouble]:
    """One trouble per job and program, however many dates failed; the newest run is the one to look at."""
    told = set()
    for run in failing(at):
        slug = run.program.slug if run.program else ""
        if (run.job, slug) not in told:
            told.add((run.job, slug))
            facts = {"jobs": [run.job], "program": run.program.name if run.program else "", "run": run.pk}
            yield Trouble(f"failed:{run.job}:{slug}", "failed", facts)


def late(at: datetime) -> Iterator[Trouble]:
    """One trouble per program, with all its late jobs."""
    patience = timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    late: dict[str, Trouble] = {}
    for owed in nudging.dates_due(at):
        if max(owed.due_at, owed.program.created_at) + patience < at:
            found = late.setdefault(
                owed.program.slug,
                Trouble(f"late:{owed.program.slug}", "late", {"jobs": [], "program": owed.program.name}),
            )
            if owed.job.name not in found.facts["jobs"]:
                found.facts["jobs"].append(owed.job.name)
    yield from late.values()


def _unhealthy(at: datetime) -> Iterator[Trouble]:
    """Checks that do not hold. Whoever looks from within a nudge is a nudge: then nobody says that there is none."""
    checks = import_string(settings.SETIA_HEALTH)(at=at)
    looked_at = Heartbeat.objects.filter(name="worker").values_list("seen_at", flat=True).first()
    is_awake = looked_at is not None and at - looked_at <= timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    for name in ("migrations", "letters", "nudge", "disk"):
        check = checks.get(name)
        if check and not check["ok"] and not (name == "nudge" and is_awake):
            yield Trouble(
                f"check:{name}", name, {key: check[key] for key in ("minutes", "free_mb") if check.get(key) is not None}
            )
