"""The API's doors that set points aside for a while."""

import re
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from loyalty.common.errors import Refusal
from loyalty.ledger import holds
from loyalty.ledger.models import Account, Hold
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import REFERENCE, Incoming, InstantOut, Outgoing, Reference
from members import lookup, passing
from members.answers import BalanceOut, balances_out
from members.models import Member

router = Router(tags=["Holds and transfers"])
MOST_POINTS = 10**15
Wallet = Field("", max_length=50, examples=["points"])
Points = Field(ge=1, le=MOST_POINTS)


class HoldUnknown(Refusal):
    """The member has no hold of this reference."""

    code = "hold_unknown"
    status = 404


class CaptureTooLarge(Refusal):
    """No more can be captured than is held."""

    code = "capture_too_large"
    status = 422


class HoldIn(Incoming):
    """Points to set aside. `reference` is yours: the same one never holds twice. Empty `wallet`: the main one."""

    points: int = Points
    reference: Reference
    minutes: int = Field(holds.MINUTES, ge=1, le=7 * 24 * 60)
    wallet: str = Wallet
    source: str = Field("api", min_length=1, max_length=32)


class CaptureIn(Incoming):
    """How many of the held points to redeem: all without `points`; the rest is free again."""

    points: int | None = Field(None, ge=1, le=MOST_POINTS)
    reason: str = Field("", max_length=200)


class ReleaseIn(Incoming):
    """Nothing more is to be said."""


class HoldOut(Outgoing):
    """Points set aside. `state` is held, captured, released or timed_out: true now, whether or not a job has seen it."""

    reference: str
    wallet: str
    points: int
    state: str = Field(examples=["held"])
    held_at: InstantOut
    expires_at: InstantOut
    ended_at: InstantOut | None
    captured: int
    balances: list[BalanceOut]


@router.post(
    "/members/{number}/holds",
    response={201: HoldOut, 200: HoldOut},
    operation_id="hold_points",
    summary=gettext_noop("Hold points"),
    description=gettext_noop("Sets points aside for some minutes. A reference used before is answered with its hold."),
)
@writes("holds:write")
def hold_points(request: HttpRequest, number: str, wish: HoldIn) -> Any:
    """Sets points aside for some minutes. A reference used before is answered with its hold."""
    at = timezone.now()
    member, account = _account(request, number, wish.wallet)
    held = holds.hold(
        account.pk, wish.points, at=at, reference=wish.reference, source=wish.source, actor=actor(request), minutes=wish.minutes
    )  # fmt: skip
    return Status(201 if held.held_at == at else 200, _hold_out(member, held, at=at))


@router.get(
    "/members/{number}/holds/{reference}",
    response=HoldOut,
    operation_id="read_hold",
    summary=gettext_noop("Read a hold"),
    description=gettext_noop("What became of it; a hold past its end has timed out."),
)
@reads("members:read")
def read_hold(request: HttpRequest, number: str, reference: str, wallet: str = "") -> Any:
    """What became of it; a hold past its end has timed out."""
    member, account = _account(request, number, wallet)
    return _hold_out(member, _hold(account, reference), at=timezone.now())


@router.post(
    "/members/{number}/holds/{reference}/capture",
    response=HoldOut,
    operation_id="capture_hold",
    summary=gettext_noop("Capture a hold"),
    description=gettext_noop("Redeems the held points, or a part of them. Twice gives the first answer."),
)
@writes("holds:write")
def capture_hold(request: HttpRequest, number: str, reference: str, wish: CaptureIn, wallet: str = "") -> Any:
    """Redeems the held points, or a part of them. Twice gives the first answer."""
    at = timezone.now()
    member, account = _account(request, number, wallet)
    held = _hold(account, reference)
    if wish.points is not None and wish.points > held.amount:
        message = _("Only %(held)d points are held.") % {"held": held.amount}
        raise CaptureTooLarge(message, field="points", held=held.amount)
    holds.capture(held, at=at, actor=actor(request), amount=wish.points, reason=wish.reason)
    return _hold_out(member, _hold(account, reference), at=at)


@router.post(
    "/members/{number}/holds/{reference}/release",
    response=HoldOut,
    operation_id="release_hold",
    summary=gettext_noop("Release a hold"),
    description=gettext_noop("Gives the held points free. Twice gives the first answer."),
)
@writes("holds:write")
def release_hold(request: HttpRequest, number: str, reference: str, wish: ReleaseIn, wallet: str = "") -> Any:
    """Gives the held points free. Twice gives the first answer."""
    at = timezone.now()
    member, account = _account(request, number, wallet)
    return _hold_out(member, holds.release(_hold(account, reference), at=at), at=at)


def _account(request: HttpRequest, number: str, wallet: str) -> tuple[Member, Account]:
    member = lookup.by_number(caller(request).program, number)
    return member, passing.account_in(member, wallet)


def _hold(account: Account, reference: str) -> Hold:
    """A hold made through this door: what else is held (payments at the till) has references nobody can send here."""
    known = Hold.objects.select_related("entry").filter(account=account, reference=reference)
    found = known.first() if re.fullmatch(REFERENCE, reference) else None
    if found is None:
        raise HoldUnknown(_("This member has no hold with this reference. Please check it."))
    found.account = account
    return found


def _hold_out(member: Member, held: Hold, *, at: datetime) -> HoldOut:
    state, ended_at = holds.state(held, at=at)
    return HoldOut(
        reference=held.reference,
        wallet=held.account.wallet.slug,
        points=held.amount,
        state=state,
        held_at=held.held_at,
        expires_at=held.expires_at,
        ended_at=ended_at,
        captured=-held.entry.amount if held.entry else 0,
        balances=balances_out(member, at=at),
    )
