"""Running a job. The row comes first and is the claim: it is committed before any work, and the work is its owner's.

A daily run belongs to its business date: the unique row (job, program, business date) is made once by whoever comes
first. Later owners (after a failure, or when the last owner was not heard of any more) take it over by compare-and-set
on `attempts`; an owner that lost its row is told to stop by its next progress call. Nothing a job raises is lost: it
ends as words on the row (RELIABILITY R-3, R-4).

This module reads the clock for signs of life only. What a job may do is decided by `as_of` alone.
"""

import contextlib
import inspect
import time
import traceback
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, OperationalError, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty.common.errors import Refusal
from loyalty.common.patience import longer_statements
from loyalty.common.tally import Tally
from loyalty.jobs import registry
from loyalty.jobs.models import JobRun
from loyalty.ledger.models import Program

SECONDS_BETWEEN_SIGNS = 1.0
MOST_COUNTED = 30_000
ENDED_EARLY = _("The process was told to end before the job had finished. It will be run again.")
Status = JobRun.Status
log = structlog.get_logger(__name__)


class NotToBeResumed(Refusal):
    """Only a run that was stopped or has failed can go on."""

    code = "run_not_to_be_resumed"


def run(
    job: str,
    *,
    program: Program | None,
    as_of: datetime,
    started_by: str,
    dry_run: bool = False,
    business_date: date | None = None,
) -> JobRun:
    """Run a job now and return its record; a failure is on the record, not raised. Raises UnknownJob.

    With a business date the record of that date is claimed first; when somebody has it already, theirs is returned
    and nothing is run.
    """
    known = registry.find(job)
    row = JobRun(
        job=known.name,
        program=program,
        business_date=business_date,
        as_of=as_of,
        is_dry=dry_run,
        started_by=started_by,
    )
    if not claim(row):
        return JobRun.objects.get(job=known.name, program=program, business_date=business_date)
    return perform(row)


def claim(row: JobRun) -> bool:
    """Write the row of a run. False when its business date has one already."""
    row.started_at = row.seen_at = timezone.now()
    row.version = settings.SETIA_VERSION
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        taken = JobRun.objects.filter(job=row.job, program=row.program, business_date=row.business_date)
        if row.business_date is None or not taken.exists():
            raise
        return False
    return True


def take_over(row: JobRun, *, actor: str) -> bool:
    """Become the owner of a failed run, or of one whose owner went silent. False when somebody else was faster."""
    as_seen = JobRun.objects.filter(pk=row.pk, status=row.status, attempts=row.attempts, seen_at=row.seen_at)
    taken = as_seen.update(
        status=Status.RUNNING,
        attempts=F("attempts") + 1,
        seen_at=timezone.now(),
        ended_at=None,
        error="",
        version=settings.SETIA_VERSION,
        started_by=actor,
        stop_requested_at=None,
        stop_requested_by="",
    )
    if taken:
        row.refresh_from_db()
    return bool(taken)


def ask(job: str, *, program: Program | None, as_of: datetime, started_by: str) -> JobRun:
    """Leave a run to the worker, which takes it up at its next look. One that was asked for already is returned. Raises UnknownJob."""
    terms = {"job": registry.find(job).name, "program": program, "status": Status.WAITING, "attempts": 0}
    waiting = JobRun.objects.filter(business_date__isnull=True, **terms).order_by("id").first()
    if waiting is None:
        waiting = JobRun(as_of=as_of, started_by=started_by, **terms)
        claim(waiting)
    return waiting


def resume(row: JobRun, *, at: datetime, actor: str) -> JobRun:
    """Let a stopped or failed run go on, with the instant it decides by; the worker takes it up. Raises NotToBeResumed."""
    registry.find(row.job)
    ended = JobRun.objects.filter(pk=row.pk, is_dry=False, status__in=[Status.STOPPED, Status.FAILED])
    waits = ended.update(
        status=Status.WAITING,
        started_by=actor,
        seen_at=at,
        ended_at=None,
        error="",
        stop_requested_at=None,
        stop_requested_by="",
    )
    row.refresh_from_db()
    if not waits:
        raise NotToBeResumed(_("Only a run that was stopped or has failed can go on. This one is %(status)s.") % {"status": row.get_status_display()})  # fmt: skip
    return row


def take_up(row: JobRun) -> bool:
    """Become the owner of a run that somebody asked for. False when somebody else was faster, or it was called off.

    What a job of every nudge writes is dated by its instant, so that is now, however long the run has waited.
    """
    now = timezone.now()
    begun = {} if row.attempts else {"started_at": now}  # one that goes on began when it began
    begun |= {} if registry.find(row.job).is_daily else {"as_of": now}
    as_seen = JobRun.objects.filter(pk=row.pk, status=Status.WAITING, attempts=row.attempts)
    taken = as_seen.update(
        status=Status.RUNNING, attempts=F("attempts") + 1, seen_at=now, version=settings.SETIA_VERSION, **begun
    )
    if taken:
        row.refresh_from_db()
    return bool(taken)


def request_stop(row: JobRun, *, at: datetime, actor: str) -> bool:
    """Ask a running job to end after its present batch; one that waits ends at once. False when it has ended already."""
    waiting = JobRun.objects.filter(pk=row.pk, status=Status.WAITING)
    if waiting.update(status=Status.STOPPED, ended_at=at, stop_requested_at=at, stop_requested_by=actor):
        return True
    asked = JobRun.objects.filter(pk=row.pk, status=Status.RUNNING, stop_requested_at__isnull=True)
    return bool(asked.update(stop_requested_at=at, stop_requested_by=actor))


def perform(row: JobRun, *, quietly: bool = False) -> JobRun:
    """Do the work of a claimed row and write down how it ended.

    Quietly: the row is not written yet, and is only written when there is something to tell.
    """
    watch = Watch(row)
    try:
        with longer_statements():
            tally = work(registry.find(row.job), row, watch)
    except Exception as failure:
        log.error("job_failed", job=row.job, run=row.pk, failure=type(failure).__name__, where=place_of(failure))
        error = words(failure)
        traceback.clear_frames(failure.__traceback__)  # closes what was still being read: SQLite could not write below
        watch.end(Status.FAILED, error=error)
    except BaseException:
        watch.end(Status.FAILED, error=str(ENDED_EARLY))
        raise
    else:
        if row.pk or not (quietly and tally.is_empty):
            watch.end(Status.STOPPED if watch.was_stopped else Status.DONE, tally=tally)
    return row


def work(job: registry.Job, row: JobRun, progress: "Watch") -> Tally:
    """Call a job's verb. One that writes lines of the books is told when they are written, beside what they settle."""
    terms: dict[str, Any] = {"at": row.as_of, "dry_run": row.is_dry, "progress": progress}
    if "recorded_at" in inspect.signature(job.verb).parameters:
        terms["recorded_at"] = timezone.now()
    return job.verb(row.program, **terms)


class Watch:
    """The progress callback of one run: writes figures and a sign of life, and tells when to stop.

    At most one write a second. A write that finds no row of ours (stopped by staff, or taken over) ends the run.
    """

    def __init__(self, row: JobRun) -> None:
        self.row = row
        self.figures = {"found": row.found, "done": row.done, "skipped": row.skipped}
        self.was_stopped = False
        self.signed_at = time.monotonic() - SECONDS_BETWEEN_SIGNS

    def __call__(self, found: int, done: int, skipped: int) -> bool:
        self.figures = {"found": found, "done": done, "skipped": skipped}
        if self.was_stopped:
            return False
        if time.monotonic() - self.signed_at < SECONDS_BETWEEN_SIGNS or not any(self.figures.values()):
            return True
        self.signed_at = time.monotonic()
        with contextlib.suppress(OperationalError):
            self._sign()
        return not self.was_stopped

    def _sign(self) -> None:
        """Write the figures. SQLite refuses while a job still reads what others have changed since: the next sign will do."""
        self._write_row()
        going_on = self._mine().filter(stop_requested_at__isnull=True)
        self.was_stopped = not going_on.update(seen_at=timezone.now(), **self.figures)

    def end(self, status: str, *, tally: Tally | None = None, error: str = "") -> None:
        """Close the row, if it is still ours. The same failure again and again stays one row that counts them."""
        if tally is not None:
            self.figures = {"found": tally.found, "done": tally.done, "skipped": tally.skipped}
        if not self.row.pk and status == Status.FAILED and self._failed_as_before(error):
            return
        self._write_row()
        at = timezone.now()
        self._mine().update(
            status=status,
            ended_at=at,
            seen_at=at,
            error=error,
            version=settings.SETIA_VERSION,
            report=tally.report if tally else {},
            **self.figures,
        )
        self.row.refresh_from_db()

    def _mine(self) -> models.QuerySet[JobRun]:
        return JobRun.objects.filter(pk=self.row.pk, status=Status.RUNNING, attempts=self.row.attempts)

    def _write_row(self) -> None:
        if not self.row.pk:
            claim(self.row)

    def _failed_as_before(self, error: str) -> bool:
        """An outage of hours fails every minute: count it on the last row, when that says the very same."""
        last = JobRun.objects.filter(job=self.row.job, program=self.row.program, business_date=None).first()
        if last is None or last.status != Status.FAILED or last.error != error or last.attempts > MOST_COUNTED:
            return False
        at = timezone.now()
        same = JobRun.objects.filter(pk=last.pk, status=Status.FAILED, attempts=last.attempts)
        same.update(attempts=F("attempts") + 1, seen_at=at, ended_at=at)
        self.row.pk = last.pk
        self.row.refresh_from_db()
        return True


def words(failure: BaseException) -> str:
    """A failure for people: what, and where in our code. Only the first line: details may hold personal values."""
    said = (str(failure).strip().splitlines() or [""])[0][:300]
    if isinstance(failure, Refusal):
        return said
    return f"{type(failure).__name__}: {said} ({place_of(failure)})"


def place_of(failure: BaseException) -> str:
    """The innermost line of the project's own code that a failure came through, as `file:line`."""
    root = settings.BASE_DIR
    ours = [f for f in traceback.extract_tb(failure.__traceback__) if Path(f.filename).is_relative_to(root)]
    frames = [f for f in ours if "site-packages" not in f.filename] or ours
    if not frames:
        return "?"
    return f"{Path(frames[-1].filename).relative_to(root)}:{frames[-1].lineno}"
