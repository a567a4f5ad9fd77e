"""The nightly expiry behind its limit: a run that would expire more than the program allows waits for approval.

Without a limit, or below it, the plain sweep runs as ever. What waits is one change per program: the next night's
run takes the place of one that nobody has decided yet, since it holds everything that one held. Points are gone at
their end in any case (DOMAIN 2.4): waiting only delays the record of it. Before anything is swept, whoever is named in
`SETIA_GUARANTEE` gives points more time that nobody was told of (DOMAIN 9.2); the run reports them.
"""

from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.jobs.changes import deciding, drafting, limits
from loyalty.jobs.models import ChangeRequest, JobRun

KIND = "expiry_run"
TAKEN_BACK = "expiry_undo"
ACTOR = "job:expire_points"
Status = ChangeRequest.Status


class NothingExpired(Refusal):
    """Only what a run of the expiry wrote off can be taken back."""

    code = "nothing_expired"
    status = 422


def expire(
    program: Any,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Expire what is due, or ask for approval when it is more than the limit; the job `expire_points`."""
    guarantee, sweep = import_module(settings.SETIA_GUARANTEE), import_string(settings.SETIA_SWEEP)
    if dry_run:
        extended = guarantee.foreseen(program, at=max(at, recorded_at or at))
        return _with(sweep(program, at=at, dry_run=True, spared=guarantee.spared(program, at=at)), extended)
    kept = guarantee.keep_untold(program, at=at, recorded_at=recorded_at, progress=progress)
    if not progress(kept.found, kept.done, 0):
        return kept
    most = limits.of(program).expired_points
    if most is not None:
        due = sweep(program, at=at, dry_run=True)
        if due.report["points"] > most:
            change = ask(program, at=at, recorded_at=recorded_at or at)
            report = due.report | kept.report | {"waiting_for_approval": change.pk}
            return Tally(found=due.found, done=0, skipped=due.found, report=report)
    terms = {"recorded_at": recorded_at} if recorded_at else {}
    return _with(sweep(program, at=at, progress=progress, **terms), kept.report)


def _with(swept: Tally, extended: dict[str, Any]) -> Tally:
    """What was swept, and what got more time, where anything did."""
    if any(extended.values()):
        swept.report |= extended
    return swept


@transaction.atomic
def ask(program: Any, *, at: datetime, recorded_at: datetime) -> ChangeRequest:
    """Ask for tonight's run; an earlier one that still waits is overtaken by it."""
    change = drafting.draft(
        program,
        KIND,
        parameters={"as_of": at.isoformat()},
        reason=_("The nightly expiry would expire more than the limit."),
        at=recorded_at,
        actor=ACTOR,
        reference=f"expiry:{at.isoformat()}",
    )
    earlier = ChangeRequest.objects.filter(program=program, kind=KIND, asked_by=ACTOR, status=Status.WAITING)
    words = [_("A later run holds everything that this one held: change %(number)d.") % {"number": change.pk}]
    earlier.exclude(pk=change.pk).update(status=Status.STALE, differences=words, ended_at=recorded_at)
    return deciding.submit(change, at=recorded_at, actor=ACTOR)


def may_be_taken_back(run: JobRun) -> bool:
    """Whether a run has expired something of a program, and has ended."""
    is_expiry = f"job:{run.job}" == ACTOR and run.program_id is not None and not run.is_dry
    return is_expiry and run.done > 0 and run.ended_at is not None


def take_back(run: JobRun, *, reason: str, at: datetime, actor: str) -> ChangeRequest:
    """Look up what would give everything back that a run expired, as a draft. Nothing moves. Raises what a draft raises."""
    if run.program is None or not may_be_taken_back(run):
        raise NothingExpired(_("This run expired nothing, so there is nothing to take back."))
    told = {"since": run.started_at, "until": run.ended_at, "as_of": run.as_of}
    parameters: dict[str, Any] = {name: instant.isoformat() for name, instant in told.items() if instant}
    parameters["but"] = _runs_within(run)
    return drafting.draft(run.program, TAKEN_BACK, parameters=parameters, reason=reason, at=at, actor=actor)


def _runs_within(run: JobRun) -> list[list[str]]:
    """When other runs of the expiry wrote while this one rested before it went on: what they wrote off is theirs."""
    others = JobRun.objects.filter(job=run.job, program=run.program, is_dry=False, started_at__gt=run.started_at)
    within = others.exclude(pk=run.pk).filter(ended_at__lte=run.ended_at).order_by("started_at")
    return [
        [since.isoformat(), until.isoformat()] for since, until in within.values_list("started_at", "ended_at") if until
    ]
