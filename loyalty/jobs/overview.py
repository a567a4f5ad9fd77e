"""The jobs as an operator sees them: each with its last run, when it is next due, and whether it is late."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Max, Min

from loyalty.common.clock import local_day
from loyalty.jobs import nudging, registry, timetable, wording
from loyalty.jobs.models import Heartbeat, JobRun
from loyalty.ledger.models import Program


@dataclass(frozen=True)
class JobState:
    """One job for one program (None: for the whole installation)."""

    job: registry.Job
    last: JobRun | None
    next_due: datetime | None
    is_late: bool
    is_on: bool = True
    missed: int = 0
    title: str = ""
    report: list[str] = field(default_factory=list)


def states(program: Program | None, *, at: datetime) -> list[JobState]:
    """Every job with its last run and next due time; a constant number of queries."""
    known = registry.jobs()
    newest = JobRun.objects.filter(job__in=[job.name for job in known], is_dry=False).order_by()
    mine = newest.filter(program__isnull=True) | (newest.filter(program=program) if program else newest.none())
    last = {
        run.job: run
        for run in JobRun.objects.filter(pk__in=mine.values("job").annotate(newest=Max("pk")).values("newest"))
    }
    times = timetable.read()
    owed: dict[str, list[datetime]] = {}
    for waiting in nudging.dates_due(at, times):
        if program and waiting.program.pk == program.pk:
            owed.setdefault(waiting.job.name, []).append(waiting.due_at)
    done = nudging.claimed(program, since=local_day(at, program.time_zone)) if program else set()
    patience = timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    found = []
    for job in known:
        missed = owed.get(job.name, [])
        due = missed[0] if missed else None
        run = last.get(job.name)
        found.append(
            JobState(
                job=job,
                last=run,
                next_due=due or _following(job, program, times, done, at),
                is_late=due is not None and max(due, program.created_at if program else due) + patience < at,
                is_on=times.is_on(job.name),
                missed=len(missed),
                title=str(job.title),
                report=wording.report(run) if run else [],
            )
        )
    return found


def signs_of_life(*, at: datetime) -> dict[str, datetime]:
    """When beat's nudge and the worker were last seen."""
    return dict(Heartbeat.objects.values_list("name", "seen_at"))


def is_asleep(*, at: datetime) -> bool:
    """Whether nobody has looked for due work for longer than we are patient; a new installation has that long to begin."""
    seen = signs_of_life(at=at).get("nudge") or Program.objects.aggregate(first=Min("created_at"))["first"]
    return seen is not None and at - seen > timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)


def _following(
    job: registry.Job, program: Program | None, times: timetable.Timetable, done: set[tuple[str, date]], at: datetime
) -> datetime | None:
    """When a daily job that owes nothing is due again; nudged jobs are due all the time."""
    if program is None or job.name not in times.daily:
        return None
    following = times.latest(job.name, program.time_zone, at=at) + timedelta(days=1)
    while (job.name, following) in done:  # it was moved to a later hour after its run
        following += timedelta(days=1)
    return times.due_at(job.name, following, program.time_zone)
