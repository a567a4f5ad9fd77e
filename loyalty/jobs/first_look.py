"""What an operator has to see first: what failed or is late and what to do about it, what runs or waits, or that all is done."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.money import show_points
from loyalty.desk.panels import time
from loyalty.jobs import nudging, registry, troubles
from loyalty.jobs.changes import nightly
from loyalty.jobs.models import ChangeRequest, Heartbeat, JobRun
from loyalty.ledger.models import Program

MOST = 20


@dataclass(frozen=True)
class Notice:
    """One thing to know, in words, with the next step and where it is taken. `tone`: bad, warn, info or good."""

    tone: str
    icon: str
    text: str
    url: str = ""
    words: str = ""


def notices(program: Program | None, *, at: datetime) -> list[Notice]:
    """What needs a person, then what is going on; that all is done when there is neither."""
    wrong = [*_asleep(at), *_failed(at), *_late(at), *_approvals(program)]
    going_on = list(_at_work())
    if wrong or going_on:
        return [*wrong, *going_on][:MOST]
    return [
        Notice("good", "verified", _("Everything that was due is done. Nothing failed, nothing waits and nothing runs."))
    ]  # fmt: skip


def next_try(run: JobRun) -> datetime | None:
    """When a failed run is tried again by itself; None: only when a person says so."""
    is_dated = run.business_date is not None and run.ended_at is not None
    if not is_dated or run.attempts >= nudging.MOST_ATTEMPTS or run.ended_at is None:
        return None
    return run.ended_at + nudging.pause_after(run.attempts)


def what_next(run: JobRun, *, at: datetime) -> str:
    """What happens to a failed run, in words."""
    if run.business_date is None:
        return _("A job of every nudge is tried again at the next one.") if _is_nudged(run) else _("It is not tried again by itself.")  # fmt: skip
    due = next_try(run)
    if due is None:
        words = _("It was tried %(attempts)d times and is not tried again by itself: mend the cause and let it go on.")
        return words % {"attempts": run.attempts}
    if due <= at:
        return _("It is tried again at the next nudge; it does nothing twice.")
    words = _("It is tried again by itself at %(time)s (try %(number)d of %(most)d); it does nothing twice.")
    return words % {"time": time(due), "number": run.attempts + 1, "most": nudging.MOST_ATTEMPTS}


def _asleep(at: datetime) -> Iterator[Notice]:
    seen = Heartbeat.objects.filter(name="nudge").values_list("seen_at", flat=True).first()
    first = seen or Program.objects.order_by("created_at").values_list("created_at", flat=True).first()
    if first is not None and at - first > timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES):
        text = _("Nobody is looking for due work. Start beat and the worker; whatever was missed is made up then, oldest day first.")  # fmt: skip
        yield Notice("bad", "bedtime", text, reverse("admin:jobs_health"), _("See the health"))


def _failed(at: datetime) -> Iterator[Notice]:
    titles = {job.name: str(job.title) for job in registry.jobs()}
    for run in troubles.failing(at)[:MOST]:
        facts = {"job": titles.get(run.job, run.job), "program": run.program.name if run.program else ""}
        text = _("%(program)s: %(job)s failed.") % facts if run.program else _("%(job)s failed.") % facts
        page = reverse("admin:jobs_jobrun_change", args=[run.pk])
        yield Notice("bad", "error", f"{text} {what_next(run, at=at)}", page, _("See why, and let it go on"))


def _late(at: datetime) -> Iterator[Notice]:
    for trouble in troubles.late(at):
        text = troubles.words(trouble.kind, trouble.facts)
        step = _("They are taken up one after the other, oldest day first, as soon as the worker looks.")
        yield Notice("bad", "schedule", f"{text} {step}", reverse("admin:jobs_health"), _("See the health"))


def _approvals(program: Program | None) -> Iterator[Notice]:
    waiting = ChangeRequest.objects.filter(kind=nightly.KIND, status=ChangeRequest.Status.WAITING)
    for change in (waiting.filter(program=program) if program else waiting).select_related("program")[:MOST]:
        text = _("%(program)s: an expiry run of %(points)s points waits for approval.")
        said = text % {"program": change.program.name, "points": show_points(change.points_taken)}
        page = reverse("admin:jobs_changerequest_change", args=[change.pk])
        yield Notice("warn", "approval", said, page, _("Open it"))


def _at_work() -> Iterator[Notice]:
    """Runs that a worker has, or that wait for one; those of the present page included."""
    titles = {job.name: str(job.title) for job in registry.jobs()}
    status = JobRun.Status
    busy = JobRun.objects.filter(status__in=[status.RUNNING, status.WAITING]).order_by("id")
    for run in busy.select_related("program")[:MOST]:
        facts: dict[str, Any] = {
            "job": titles.get(run.job, run.job), "since": time(run.started_at), "done": show_points(run.done + run.skipped),
            "found": show_points(run.found),
        }  # fmt: skip
        if run.status == status.WAITING:
            text = _("%(job)s waits for the worker.")
        elif run.found:
            text = _("%(job)s is running since %(since)s: %(done)s of %(found)s.")
        else:
            text = _("%(job)s is running since %(since)s.")
        page = reverse("admin:jobs_jobrun_change", args=[run.pk])
        yield Notice("info", "progress_activity", text % facts, page, _("Follow it, or stop it"))


def short_list(jobs: list[str], all_jobs: list[str]) -> str:
    """The names of jobs that are due together; of all there are only how many, since they stand on the same page."""
    if jobs != all_jobs:
        return ", ".join(jobs)
    count = len(jobs)
    return ngettext("The daily job", "All %(count)d daily jobs, in the order below", count) % {"count": count}


def _is_nudged(run: JobRun) -> bool:
    return run.started_by == nudging.ACTOR
