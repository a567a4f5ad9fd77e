"""The API's doors about corrections: adjusting one member, and reading what became of it."""

from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from loyalty.jobs.changes import deciding, drafting, reading
from loyalty.jobs.models import ChangeRequest
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Day, Incoming, InstantOut, Outgoing, Reference
from members import lookup

router = Router(tags=["Corrections"])
MOST = 10**15


class AdjustmentIn(Incoming):
    """Points to add, or with a minus sign to take, in the wallet's smallest unit. `reference` is yours: the same one never adjusts twice."""

    points: int = Field(ge=-MOST, le=MOST, examples=[50])
    reason: str = Field(min_length=1, max_length=200, examples=["Late delivery"])
    reference: Reference
    last_day: Day | None = None


class ChangeOut(Outgoing):
    """A change and what became of it: `waiting` for a second person, `done`, `refused`, `stale` and so on."""

    id: int
    status: str = Field(examples=["waiting"])
    kind: str = Field(examples=["adjust"])
    points: int
    reason: str
    reference: str
    limits: list[str]
    decision: str
    differences: list[str]
    asked_at: InstantOut
    decided_at: InstantOut | None


@router.post(
    "/members/{number}/adjustments",
    response={201: ChangeOut, 202: ChangeOut},
    operation_id="adjust_points",
    summary=gettext_noop("Adjust a member's points"),
    description=gettext_noop(
        "Posted at once below the program's limits (201). Above, it waits for one of the staff (202): read the change to learn what became of it."
    ),
)
@writes("adjustments:write")
def adjust_points(request: HttpRequest, number: str, wish: AdjustmentIn) -> Any:
    """Posted at once below the program's limits (201). Above, it waits for one of the staff (202)."""
    at, program = timezone.now(), caller(request).program
    member = lookup.by_number(program, number)
    parameters: dict[str, Any] = {"number": member.number, "amount": wish.points}
    if wish.last_day is not None:
        parameters["last_day"] = wish.last_day.isoformat()
    terms = {"parameters": parameters, "reason": wish.reason, "reference": wish.reference}
    change = drafting.draft(program, "adjust", at=at, actor=actor(request), **terms)
    change = deciding.submit(change, at=at, actor=actor(request))
    return Status(201 if change.status == ChangeRequest.Status.DONE else 202, change_out(change))


@router.get(
    "/changes/{number}",
    response=ChangeOut,
    operation_id="read_change",
    summary=gettext_noop("Read a change"),
    description=gettext_noop("What became of a change that this key asked for."),
)
@reads("adjustments:write")
def read_change(request: HttpRequest, number: int) -> Any:
    """What became of a change that this key asked for."""
    change = reading.asked_by(actor(request), caller(request).program, number)
    if change is None:
        raise Http404
    return change_out(change)


def change_out(change: ChangeRequest) -> ChangeOut:
    """A change as the API tells it."""
    return ChangeOut(
        id=change.pk,
        status=change.status,
        kind=change.kind,
        points=change.points_given - change.points_taken,
        reason=change.reason,
        reference=change.reference,
        limits=change.summary.get("limits", []),
        decision=change.decision,
        differences=change.differences,
        asked_at=change.asked_at,
        decided_at=change.decided_at,
    )
