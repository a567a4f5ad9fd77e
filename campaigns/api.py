"""The API's doors about what members do: purchases and events, and what they earn for them."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from campaigns import explanations, purchases
from campaigns.purchases import Recorded, Sale, SaleLine
from loyalty.common.errors import Refusal
from loyalty.pos.doors import actor, caller, writes
from loyalty.pos.models import Store
from loyalty.pos.wire import Incoming, Instant, InstantOut, Money, MoneyOut, Outgoing, Quantity
from members import lookup
from members.activity import CLOCK_TOLERANCE
from members.answers import BalanceOut, TierOut, balances_out, tier_out
from members.models import Member

router = Router(tags=["Purchases and events"])
MOST_LINES = 1_000


class StoreUnknown(Refusal):
    """The program has no such store, or the key belongs to another one."""

    code = "store_unknown"
    status = 422


class EventInFuture(Refusal):
    """It has not happened yet."""

    code = "event_in_future"
    status = 422


class LineIn(Incoming):
    """One line. `amount` is what was paid for it, after discounts."""

    amount: Money
    product: str = Field("", max_length=80)
    category: str = Field("", max_length=80)
    quantity: Quantity = Field(default="1", validate_default=True)


class PurchaseIn(Incoming):
    """A sale as the till reports it. The lines and `delivery` add up to `total`; `tax` says how much of it is tax."""

    member: str = Field(min_length=1, max_length=20)
    source: str = Field(min_length=1, max_length=32)
    receipt: str = Field(min_length=1, max_length=80)
    occurred_at: Instant
    total: Money
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["IDR"])
    items: int = Field(0, ge=0, le=1_000_000)
    lines: list[LineIn] = Field(default_factory=list, max_length=MOST_LINES)
    store: str = Field("", max_length=50)
    channel: str = Field("", max_length=16)
    tax: Money = Field(default="0", validate_default=True)
    delivery: Money = Field(default="0", validate_default=True)
    paid_with_points: Money = Field(default="0", validate_default=True)


class PurchaseOut(Outgoing):
    """A recorded purchase: what it earned and why, and where the member stands now."""

    source: str
    receipt: str
    member: str
    occurred_at: InstantOut
    recorded_at: InstantOut
    total: MoneyOut
    currency: str
    points: int
    explanation: str
    near_misses: list[str]
    is_repeat: bool
    balances: list[BalanceOut]
    tier: TierOut


class EventIn(Incoming):
    """Something a member did that is no purchase."""

    member: str = Field(min_length=1, max_length=20)
    kind: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$", examples=["review"])
    source: str = Field(min_length=1, max_length=32)
    key: str = Field(min_length=1, max_length=80)
    occurred_at: Instant


class EventOut(Outgoing):
    """A recorded event: what it earned and why, and where the member stands now."""

    source: str
    key: str
    kind: str
    member: str
    occurred_at: InstantOut
    recorded_at: InstantOut
    points: int
    explanation: str
    is_repeat: bool
    balances: list[BalanceOut]
    tier: TierOut


@router.post(
    "/purchases",
    response={201: PurchaseOut, 200: PurchaseOut},
    operation_id="record_purchase",
    summary=gettext_noop("Report a purchase"),
    description=gettext_noop("The same receipt of the same source counts once: the first result is answered with 200."),
)
@writes("purchases:write")
def record_purchase(request: HttpRequest, purchase: PurchaseIn) -> Any:
    """The same receipt of the same source counts once: the first result is answered with 200."""
    at = timezone.now()
    member = lookup.by_number(caller(request).program, purchase.member)
    recorded = purchases.record(caller(request).program, _sale(request, member, purchase), at=at, actor=actor(request))
    return Status(200 if recorded.is_repeat else 201, _purchase_out(member, recorded, at))


@router.post(
    "/events",
    response={201: EventOut, 200: EventOut},
    operation_id="record_event",
    summary=gettext_noop("Report an event"),
    description=gettext_noop("The same key of the same source counts once: the first result is answered with 200."),
)
@writes("events:write")
def record_event(request: HttpRequest, event: EventIn) -> Any:
    """The same key of the same source counts once: the first result is answered with 200."""
    at = timezone.now()
    if event.occurred_at > at + CLOCK_TOLERANCE:
        raise EventInFuture(_("This event lies in the future. Check the clock that reported it."), field="occurred_at")
    program = caller(request).program
    member = lookup.by_number(program, event.member)
    recorded = purchases.record_event(
        program,
        member,
        kind=event.kind,
        source=event.source,
        key=event.key,
        occurred_at=min(event.occurred_at, at),
        at=at,
        actor=actor(request),
    )
    answer = EventOut(
        source=recorded.event.source,
        key=recorded.event.key,
        kind=recorded.event.kind,
        member=member.number,
        occurred_at=recorded.event.occurred_at,
        recorded_at=recorded.event.recorded_at,
        points=recorded.points,
        explanation=explanations.sentence(recorded.explanation),
        is_repeat=recorded.is_repeat,
        balances=balances_out(member, at=at),
        tier=tier_out(member, at=at),
    )
    return Status(200 if recorded.is_repeat else 201, answer)


def _sale(request: HttpRequest, member: Member, purchase: PurchaseIn) -> Sale:
    """The call as the verb takes it."""
    return Sale(
        member=member,
        source=purchase.source,
        receipt=purchase.receipt,
        occurred_at=purchase.occurred_at,
        total=purchase.total,
        currency=purchase.currency,
        items=purchase.items,
        lines=[SaleLine(**line.model_dump()) for line in purchase.lines],
        store=_store(request, purchase.store),
        channel=purchase.channel,
        tax=purchase.tax,
        delivery=purchase.delivery,
        paid_with_points=purchase.paid_with_points,
    )


def _store(request: HttpRequest, code: str) -> Store | None:
    """The store named, or the one the key belongs to. Raises StoreUnknown."""
    own = caller(request).store
    if not code or (own is not None and own.code == code):
        return own
    found = None if own else Store.objects.filter(program=caller(request).program, code=code, is_active=True).first()
    if found is None:
        raise StoreUnknown(_("This key knows no such store. Check its code, or leave it out."), field="store")
    return found


def _purchase_out(member: Member, recorded: Recorded, at: datetime) -> PurchaseOut:
    """A purchase as the API says it."""
    purchase = recorded.purchase
    return PurchaseOut(
        source=purchase.source,
        receipt=purchase.receipt,
        member=member.number,
        occurred_at=purchase.occurred_at,
        recorded_at=purchase.recorded_at,
        total=purchase.total,
        currency=purchase.currency,
        points=recorded.points,
        explanation=explanations.sentence(recorded.explanation),
        near_misses=explanations.near_misses(recorded.explanation),
        is_repeat=recorded.is_repeat,
        balances=balances_out(member, at=at),
        tier=tier_out(member, at=at, known=recorded.standing),
    )
