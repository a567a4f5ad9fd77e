"""The API's doors that pass points on: to another member, another wallet or another program, and what that would do."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from loyalty.ledger import transfers
from loyalty.ledger.lookup import program_named
from loyalty.ledger.models import Account, Entry, Program
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import DayOut, Incoming, InstantOut, MoneyOut, Outgoing, Reference
from members import lookup, passing
from members.answers import BalanceOut, balances_out
from members.models import Member

router = Router(tags=["Holds and transfers"])
MOST_POINTS = 10**15
Wallet = Field("", max_length=50, examples=["points"])
Points = Field(ge=1, le=MOST_POINTS)


class TransferUnknown(Refusal):
    """The member passed nothing on under this reference."""

    code = "transfer_unknown"
    status = 404


class TransferIn(Incoming):
    """Points to pass on. `to` is the receiver's member number; the same one for another wallet of the member.

    Without `to_wallet` they arrive in the wallet of the same name, or in the main one of a partner's program.
    """

    to: str = Field(min_length=1, max_length=20)
    points: int = Points
    reference: Reference
    wallet: str = Wallet
    to_wallet: str = Wallet
    to_program: str = Field("", max_length=50)
    source: str = Field("api", min_length=1, max_length=32)


class MoveIn(Incoming):
    """What would be passed on; see TransferIn."""

    to: str = Field(min_length=1, max_length=20)
    points: int = Points
    wallet: str = Wallet
    to_wallet: str = Wallet
    to_program: str = Field("", max_length=50)


class EndOut(Outgoing):
    """Points that arrive and their last valid day; null: they never end."""

    last_day: DayOut | None
    points: int


class MoveOut(Outgoing):
    """What would arrive: `points` times `rate`, rounded down, in a `wallet` of a `program`, with the ends it has now."""

    points: int
    received: int
    rate: MoneyOut
    program: str
    wallet: str
    ends: list[EndOut]


class TransferOut(Outgoing):
    """Points that were passed on. `received` counts in the receiver's wallet, at `rate` per smallest unit."""

    reference: str
    points: int
    received: int
    rate: MoneyOut
    transferred_at: InstantOut
    balances: list[BalanceOut]


@router.post(
    "/members/{number}/transfers",
    response={201: TransferOut, 200: TransferOut},
    operation_id="transfer_points",
    summary=gettext_noop("Pass points on"),
    description=gettext_noop(
        "To another member or wallet, where the wallet allows it; between wallets at the agreed rate. Both are written to."
    ),
)
@writes("transfers:write")
def transfer_points(request: HttpRequest, number: str, wish: TransferIn) -> Any:
    """To another member or wallet, where the wallet allows it; between wallets at the agreed rate. Both are written to."""
    at = timezone.now()
    member, account = _account(request, number, wish.wallet)
    passed = passing.pass_on(
        account, passing.receiver(_program(request, wish.to_program), wish.to), wish.points, at=at, reference=wish.reference, source=wish.source,
        actor=actor(request), to_wallet=wish.to_wallet,
    )  # fmt: skip
    entry = _transfer(account, wish.reference)
    return Status(201 if entry.recorded_at == at else 200, _transfer_out(member, entry, passed.received, at=at))


@router.post(
    "/members/{number}/transfers/preview",
    response=MoveOut,
    operation_id="preview_transfer",
    summary=gettext_noop("Ask what passing points on would do"),
    description=gettext_noop(
        "Rate, rounding and ends; refused as the transfer would be. Nothing is written, so no Idempotency-Key is needed."
    ),
)
@reads("transfers:write")
def preview_transfer(request: HttpRequest, number: str, wish: MoveIn) -> Any:
    """Rate, rounding and ends; refused as the transfer would be. Nothing is written, so no Idempotency-Key is needed."""
    _member, account = _account(request, number, wish.wallet)
    to = passing.receiver(_program(request, wish.to_program), wish.to)
    told = passing.preview(account, to, wish.points, at=timezone.now(), to_wallet=wish.to_wallet)
    into = told.taker.wallet
    ends = [
        EndOut(last_day=last_valid_day(end, into.program.time_zone) if end else None, points=part)
        for end, part in told.ends
    ]
    return MoveOut(
        points=told.points,
        received=told.received,
        rate=told.rate,
        program=into.program.slug,
        wallet=into.slug,
        ends=ends,
    )


@router.get(
    "/members/{number}/transfers/{reference}",
    response=TransferOut,
    operation_id="read_transfer",
    summary=gettext_noop("Read a transfer"),
    description=gettext_noop("What the member passed on under a reference."),
)
@reads("members:read")
def read_transfer(request: HttpRequest, number: str, reference: str, wallet: str = "") -> Any:
    """What the member passed on under a reference."""
    member, account = _account(request, number, wallet)
    entry = _transfer(account, reference)
    rate = transfers.rate_of(entry)
    return _transfer_out(member, entry, transfers.received(-entry.amount, rate), at=timezone.now())


def _program(request: HttpRequest, slug: str) -> Program:
    return program_named(slug) if slug else caller(request).program


def _account(request: HttpRequest, number: str, wallet: str) -> tuple[Member, Account]:
    member = lookup.by_number(caller(request).program, number)
    return member, passing.account_in(member, wallet)


def _transfer(account: Account, reference: str) -> Entry:
    found = transfers.known(account.pk, reference)
    if found is None:
        raise TransferUnknown(_("This member passed nothing on under this reference. Please check it."))
    return found


def _transfer_out(member: Member, entry: Entry, received: int, *, at: datetime) -> TransferOut:
    return TransferOut(
        reference=entry.reference,
        points=-entry.amount,
        received=received,
        rate=transfers.rate_of(entry),
        transferred_at=entry.recorded_at,
        balances=balances_out(member, at=at),
    )
