"""The API's doors for goods that come back: refunds, exchanges, and what became of an order's refunds."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Query, Router, Status
from pydantic import Field

from campaigns import refunds
from campaigns.answers import PurchaseIn, PurchaseOut, member_of, purchase_out, sale_of
from campaigns.refunds import Return
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Instant, InstantOut, Money, MoneyOut, Outgoing, Quantity
from members.answers import BalanceOut, TierOut, balances_out, tier_out
from members.models import Refund
from members.returns import ReturnedLine

router = Router(tags=["Refunds"])
MOST_LINES = 1_000


class ReturnedLineIn(Incoming):
    """A line of the purchase, numbered from 1 as it was sent: how many pieces, or how much money, came back."""

    line: int = Field(ge=1, le=MOST_LINES)
    quantity: Quantity | None = None
    amount: Money | None = None


class RefundIn(Incoming):
    """Goods of one purchase that came back: either `lines`, or an `amount` of what was paid."""

    source: str = Field(min_length=1, max_length=32)
    receipt: str = Field(min_length=1, max_length=80)
    number: str = Field(min_length=1, max_length=80)
    occurred_at: Instant
    amount: Money | None = None
    lines: list[ReturnedLineIn] = Field(default_factory=list, max_length=MOST_LINES)
    reason: str = Field("", max_length=200)


class RefundOut(Outgoing):
    """A refund: `waiting` for its purchase, `applied`, or `refused` because less had been bought. `points` it took back."""

    source: str
    receipt: str
    number: str
    status: str
    occurred_at: InstantOut
    recorded_at: InstantOut
    amount: MoneyOut
    points: int
    member: str | None
    is_repeat: bool = False


class RefundedOut(RefundOut):
    """A refund with where the member stands after it; empty while the refund waits."""

    balances: list[BalanceOut]
    tier: TierOut | None


class RefundsOut(Outgoing):
    """The refunds of an order, in order of time."""

    refunds: list[RefundOut]


class ExchangeIn(Incoming):
    """Goods taken back and others sold, in one call: both are recorded, or neither."""

    refund: RefundIn
    purchase: PurchaseIn


class ExchangeOut(Outgoing):
    """Both parts of an exchange; balances and tier are those after both."""

    refund: RefundOut
    purchase: PurchaseOut


@router.post(
    "/refunds",
    response={201: RefundedOut, 200: RefundedOut},
    operation_id="record_refund",
    summary=gettext_noop("Report returned goods"),
    description=gettext_noop(
        "The same number of the same order counts once. A refund that comes before its purchase waits for it."
    ),
)
@writes("refunds:write")
def record_refund(request: HttpRequest, refund: RefundIn) -> Any:
    """The same number of the same order counts once. A refund that comes before its purchase waits for it."""
    at = timezone.now()
    made = refunds.refund(caller(request).program, _return(refund), at=at, actor=actor(request))
    member = made.refund.purchase.member if made.refund.purchase else None
    answer = RefundedOut(
        **_told(made.refund, is_repeat=made.is_repeat),
        balances=balances_out(member, at=at) if member else [],
        tier=tier_out(member, at=at) if member else None,
    )
    return Status(200 if made.is_repeat else 201, answer)


@router.get(
    "/refunds",
    response=RefundsOut,
    operation_id="read_refunds",
    summary=gettext_noop("Read the refunds of an order"),
    description=gettext_noop("Those that still wait for their purchase too; an empty list when there are none."),
)
@reads("refunds:read")
def read_refunds(
    request: HttpRequest,
    source: str = Query(min_length=1, max_length=32),
    receipt: str = Query(min_length=1, max_length=80),
) -> Any:
    """Those that still wait for their purchase too; an empty list when there are none."""
    found = refunds.find(caller(request).program, source=source, receipt=receipt)
    return RefundsOut(refunds=[RefundOut(**_told(one)) for one in found])


@router.post(
    "/exchanges",
    response={201: ExchangeOut, 200: ExchangeOut},
    operation_id="record_exchange",
    summary=gettext_noop("Report an exchange"),
    description=gettext_noop("Goods taken back and others sold: both are recorded, or neither."),
)
@writes("refunds:write")
def record_exchange(request: HttpRequest, exchange: ExchangeIn) -> Any:
    """Goods taken back and others sold: both are recorded, or neither."""
    at = timezone.now()
    member = member_of(request, exchange.purchase.member)
    sale = sale_of(request, member, exchange.purchase)
    back, sold = refunds.exchange(caller(request).program, _return(exchange.refund), sale, at=at, actor=actor(request))
    is_repeat = back.is_repeat and sold.is_repeat
    told = RefundOut(**_told(back.refund, is_repeat=back.is_repeat))
    return Status(200 if is_repeat else 201, ExchangeOut(refund=told, purchase=purchase_out(member, sold, at)))


def _return(refund: RefundIn) -> Return:
    """The call as the verb takes it."""
    return Return(
        source=refund.source,
        receipt=refund.receipt,
        number=refund.number,
        occurred_at=refund.occurred_at,
        amount=refund.amount,
        lines=[ReturnedLine(**line.model_dump()) for line in refund.lines],
        reason=refund.reason,
    )


def _told(refund: Refund, *, is_repeat: bool = False) -> dict[str, Any]:
    """A refund as the API says it."""
    bought = refund.purchase
    told: dict[str, Any] = {
        name: getattr(refund, name) for name in ("source", "receipt", "number", "status", "amount", "points")
    }
    dates: dict[str, datetime] = {"occurred_at": refund.occurred_at, "recorded_at": refund.recorded_at}
    return told | dates | {"member": bought.member.number if bought else None, "is_repeat": is_repeat}
