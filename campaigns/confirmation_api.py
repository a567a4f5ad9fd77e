"""The API's doors for what happens to orders whose points wait for it, such as their delivery."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Query, Router, Status
from pydantic import Field

from campaigns import confirmations
from campaigns.confirmations import Happened
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Instant, InstantOut, Outgoing
from members.answers import BalanceOut, balances_out
from members.models import Confirmation

router = Router(tags=["Purchases and events"])


class ConfirmationIn(Incoming):
    """Something that happened to an order: `kind` is the event that an expiry policy lets points wait for."""

    source: str = Field(min_length=1, max_length=32)
    receipt: str = Field(min_length=1, max_length=80)
    kind: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$", examples=["delivered"])
    occurred_at: Instant


class ConfirmationOut(Outgoing):
    """A confirmation: `waiting` for its purchase, `applied`, or `late` because the points had lapsed. `points` it confirmed."""

    source: str
    receipt: str
    kind: str
    status: str
    occurred_at: InstantOut
    recorded_at: InstantOut
    points: int
    member: str | None
    is_repeat: bool = False


class ConfirmedOut(ConfirmationOut):
    """A confirmation with the member's balances after it; empty while it waits."""

    balances: list[BalanceOut]


class ConfirmationsOut(Outgoing):
    """The confirmations of an order, in order of time."""

    confirmations: list[ConfirmationOut]


@router.post(
    "/confirmations",
    response={201: ConfirmedOut, 200: ConfirmedOut},
    operation_id="confirm_order",
    summary=gettext_noop("Report what happened to an order"),
    description=gettext_noop(
        "Points of the order that waited for this can be spent from then on. It may come before the purchase; an order is confirmed once per kind."
    ),
)
@writes("points:confirm")
def confirm_order(request: HttpRequest, event: ConfirmationIn) -> Any:
    """Points of the order that waited for this can be spent from then on."""
    at = timezone.now()
    happened = Happened(**event.model_dump())
    made = confirmations.confirm(caller(request).program, happened, at=at, actor=actor(request))
    member = made.confirmation.purchase.member if made.confirmation.purchase else None
    answer = ConfirmedOut(
        **_told(made.confirmation, is_repeat=made.is_repeat), balances=balances_out(member, at=at) if member else []
    )
    return Status(200 if made.is_repeat else 201, answer)


@router.get(
    "/confirmations",
    response=ConfirmationsOut,
    operation_id="read_confirmations",
    summary=gettext_noop("Read what happened to an order"),
    description=gettext_noop("What still waits for its purchase too; an empty list when there is nothing."),
)
@reads("points:confirm")
def read_confirmations(
    request: HttpRequest,
    source: str = Query(min_length=1, max_length=32),
    receipt: str = Query(min_length=1, max_length=80),
) -> Any:
    """What still waits for its purchase too; an empty list when there is nothing."""
    found = confirmations.find(caller(request).program, source=source, receipt=receipt)
    return ConfirmationsOut(confirmations=[ConfirmationOut(**_told(one)) for one in found])


def _told(one: Confirmation, *, is_repeat: bool = False) -> dict[str, Any]:
    """A confirmation as the API says it."""
    names = ("source", "receipt", "kind", "status", "occurred_at", "recorded_at", "points")
    told = {name: getattr(one, name) for name in names}
    return told | {"member": one.purchase.member.number if one.purchase else None, "is_repeat": is_repeat}
