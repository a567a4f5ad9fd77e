"""Looking up what a change would write, and keeping exactly that, line by line, for everybody to see.

A draft moves nothing. Its lines, their digest and the limits they pass are stored when they are looked up; asking for
it, approving and posting compare the books with them again and go on only while they agree.
"""

from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows
from loyalty.common.changes import Asked, ChangeKind, Parameters, Plan, Row
from loyalty.common.errors import Refusal
from loyalty.jobs.changes import kinds, limits, people, spreading
from loyalty.jobs.models import ChangeLine, ChangeRequest
from loyalty.ledger.models import Program

LINE_FIELDS = ("change", "number", "key", "account", "kind", "amount", "short", "facts", "outcome", "said")
LEFT_OUT_KEPT = 2_000
OUTLIERS_KEPT = 20
OUTLIER_TIMES = 10
Status = ChangeRequest.Status


class ReasonMissing(Refusal):
    """A change needs a reason in words."""

    code = "reason_missing"
    status = 422


class NothingToDo(Refusal):
    """The change would write nothing."""

    code = "nothing_to_do"
    status = 422


class ReferenceTaken(Refusal):
    """The reference was used before, for something else."""

    code = "reference_conflict"


class NotUndoable(Refusal):
    """Only what was posted, and not undone yet, can be undone."""

    code = "not_undoable"


@transaction.atomic
def draft(
    program: Program,
    kind_name: str,
    *,
    parameters: Parameters,
    reason: str,
    at: datetime,
    actor: str,
    reference: str = "",
) -> ChangeRequest:
    """Look up what a change would write at an instant and keep it as a draft. Nothing moves.

    The same reference of the same actor returns the first change. Raises ReasonMissing, NothingToDo, OwnAccount,
    ReferenceTaken, and what the kind refuses.
    """
    kind = kinds.find(kind_name)
    if reference and (first := _earlier(program, actor, reference)):
        if (first.kind, first.parameters) != (kind_name, parameters):
            raise ReferenceTaken(_("This reference already stands for another change."), reference=reference)
        return first
    told = Asked(program, parameters, _said(reason), at, actor)
    return _store(kind, told, kind.plan(told, at=at), reference=reference)


@transaction.atomic
def draft_undo(change: ChangeRequest, *, reason: str, at: datetime, actor: str) -> ChangeRequest:
    """Look up what would take a posted change back, and what is short because it was spent. Nothing moves.

    Raises ReasonMissing, NothingToDo, OwnAccount, NotUndoable.
    """
    change.refresh_from_db()
    kind = kinds.find(change.kind)
    need_undoable(change)
    told = Asked(change.program, change.parameters, _said(reason), at, actor, undoes=change.pk)
    plan = kinds.plan(told, kind, undoes=change, at=at)
    return _store(kind, told, plan, undoes=change)


@transaction.atomic
def again(change: ChangeRequest, *, at: datetime, actor: str) -> ChangeRequest:
    """The same wish looked up anew, as a draft of its own: for what was overtaken, refused or withdrawn."""
    if change.undoes is not None:
        return draft_undo(change.undoes, reason=change.reason, at=at, actor=actor)
    return draft(change.program, change.kind, parameters=change.parameters, reason=change.reason, at=at, actor=actor)


def may_be_undone(change: ChangeRequest) -> bool:
    """Whether there is something to take back, and nobody has begun to."""
    posted = change.status in (Status.DONE, Status.FAILED) and change.posted_count > 0 and change.undoes_id is None
    living = (Status.WAITING, Status.APPROVED, Status.POSTING, Status.DONE, Status.FAILED)
    return posted and kinds.find(change.kind).can_undo and not change.undone_by.filter(status__in=living).exists()


def need_undoable(change: ChangeRequest) -> None:
    """Raise NotUndoable unless there is something to take back and nobody has begun to."""
    if not may_be_undone(change):
        raise NotUndoable(
            _("This change is %(status)s. Only what was posted, and not undone yet, can be undone.")
            % {"status": change.get_status_display()}
        )


def outliers(rows: Sequence[Row]) -> list[str]:
    """The keys of lines that move far more points than is usual here, the biggest first."""
    amounts = [abs(row.amount) for row in rows if row.amount]
    usual = median(amounts) if amounts else 0
    far = [row for row in rows if abs(row.amount) > OUTLIER_TIMES * usual]
    return [row.key for row in sorted(far, key=lambda row: -abs(row.amount))[:OUTLIERS_KEPT]]


def _said(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing(_("Please say why, in a few words: the reason stays with everything that is posted."))
    return reason.strip()[:200]


def _earlier(program: Program, actor: str, reference: str) -> ChangeRequest | None:
    return ChangeRequest.objects.filter(program=program, asked_by=actor, reference=reference).first()


def _store(
    kind: ChangeKind, told: Asked, plan: Plan, *, reference: str = "", undoes: ChangeRequest | None = None
) -> ChangeRequest:
    if not plan.rows:
        if plan.refusal:
            raise plan.refusal
        why = plan.left_out[0][1] if plan.left_out else _("Nothing would change.")
        raise NothingToDo(_("There is nothing to post. %(why)s") % {"why": why})
    if kind.is_personal:
        people.refuse_own(told.asked_by, (row.account_id for row in plan.rows))
    over = limits.passed(told.program, kind, plan, actor=told.asked_by, at=told.asked_at)
    change = ChangeRequest.objects.create(
        program=told.program,
        kind=kind.name,
        parameters=told.parameters,
        reason=told.reason,
        reference=reference,
        wallet=plan.wallet,
        asked_by=told.asked_by,
        asked_at=told.asked_at,
        planned_at=told.asked_at,
        digest=plan.digest(),
        summary=_summary(kind, told, plan, over),
        is_above_limit=bool(over),
        lines_count=len(plan.rows),
        points_given=sum(row.amount for row in plan.rows if row.amount > 0),
        points_taken=-sum(row.amount for row in plan.rows if row.amount < 0),
        weight=limits.weight(kind.limits(plan)),
        undoes=undoes,
    )
    insert_rows(ChangeLine, LINE_FIELDS, [_line(change, number, row) for number, row in enumerate(plan.rows, start=1)])
    return change


def _line(change: ChangeRequest, number: int, row: Row) -> tuple[Any, ...]:
    planned = ChangeLine.Outcome.PLANNED
    return (change.pk, number, row.key, row.account_id, row.kind, row.amount, row.short, row.facts, planned, "")


def _summary(kind: ChangeKind, told: Asked, plan: Plan, over: list[str]) -> dict[str, Any]:
    """What is read of a plan beside its lines."""
    return {
        "said": kind.summary(told),
        "members": len({row.account_id for row in plan.rows if row.account_id is not None}),
        "short": sum(row.short for row in plan.rows),
        "warnings": plan.warnings,
        "months": plan.months,
        "worth": plan.worth,
        "limits": over,
        "left_out": plan.left_out[:LEFT_OUT_KEPT],
        "left_out_count": len(plan.left_out),
        "outliers": outliers(plan.rows),
        "spread": spreading.spread(plan.rows, decimals=plan.wallet.decimals if plan.wallet else 0),
    }
