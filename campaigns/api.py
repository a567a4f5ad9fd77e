"""The API's doors about what members do: purchases and events, and what they earn for them."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from campaigns import explanations, previewing, purchases
from campaigns.answers import MOST_LINES, LineIn, PurchaseIn, PurchaseOut, member_of, purchase_out, sale_of, store_of
from campaigns.purchases import Sale, SaleLine
from loyalty.common.errors import Refusal
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Instant, InstantOut, Money, Outgoing
from members.activity import CLOCK_TOLERANCE
from members.answers import BalanceOut, TierOut, balances_out, tier_out
from members.models import Member

router = Router(tags=["Purchases and events"])


class EventInFuture(Refusal):
    """It has not happened yet."""

    code = "event_in_future"
    status = 422


class PreviewIn(Incoming):
    """A basket that is not bought yet. `occurred_at` may lie up to a year ahead; left out, it is now."""

    member: str = Field(min_length=1, max_length=20)
    occurred_at: Instant | None = None
    total: Money
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["IDR"])
    lines: list[LineIn] = Field(default_factory=list, max_length=MOST_LINES)
    source: str = Field("preview", min_length=1, max_length=32)
    store: str = Field("", max_length=50)
    channel: str = Field("", max_length=16)
    payment: str = Field("", max_length=16)
    tax: Money = Field(default="0", validate_default=True)
    delivery: Money = Field(default="0", validate_default=True)
    paid_with_points: Money = Field(default="0", validate_default=True)


class PreviewOut(Outgoing):
    """What the basket would earn and why, which caps would bite, and what would earn more. Nothing was written."""

    member: str
    points: int
    tier: str
    explanation: str
    limits: list[str]
    near_misses: list[str]
    line_points: list[int]


class EventIn(Incoming):
    """Something a member did that is no purchase. `details` are those of its kind, where one is described."""

    member: str = Field(min_length=1, max_length=20)
    kind: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$", examples=["review"])
    source: str = Field(min_length=1, max_length=32)
    key: str = Field(min_length=1, max_length=80)
    occurred_at: Instant
    details: dict[str, str | int] = Field(default_factory=dict, max_length=20)


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
    member = member_of(request, purchase.member)
    recorded = purchases.record(
        caller(request).program, sale_of(request, member, purchase), at=at, actor=actor(request)
    )
    return Status(200 if recorded.is_repeat else 201, purchase_out(member, recorded, at))


@router.post(
    "/purchases/preview",
    response=PreviewOut,
    operation_id="preview_purchase",
    summary=gettext_noop("Ask what a basket would earn"),
    description=gettext_noop("Computed as a purchase is; nothing is written, so no Idempotency-Key is needed."),
)
@reads("purchases:write")
def preview_purchase(request: HttpRequest, basket: PreviewIn) -> Any:
    """Computed as a purchase is; nothing is written, so no Idempotency-Key is needed."""
    at = timezone.now()
    program = caller(request).program
    member = member_of(request, basket.member)
    told = previewing.preview(program, _unbought(request, member, basket, at), at=at)
    explanation = told.award.explanation
    return PreviewOut(
        member=member.number,
        points=told.award.points,
        tier=told.tier.slug,
        explanation=explanations.sentence(explanation),
        limits=explanations.limits(explanation),
        near_misses=explanations.near_misses(explanation),
        line_points=told.award.shares if basket.lines else [],
    )


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
    member = member_of(request, event.member)
    recorded = purchases.record_event(
        program,
        member,
        kind=event.kind,
        source=event.source,
        key=event.key,
        occurred_at=min(event.occurred_at, at),
        at=at,
        actor=actor(request),
        details=event.details,
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


def _unbought(request: HttpRequest, member: Member, basket: PreviewIn, at: datetime) -> Sale:
    """The basket as a sale that nobody records."""
    told = basket.model_dump(exclude={"member", "occurred_at", "lines", "store"})
    lines = [SaleLine(**line.model_dump()) for line in basket.lines]
    return Sale(
        member=member, receipt="preview", occurred_at=basket.occurred_at or at, lines=lines, store=store_of(request, basket.store), **told
    )  # fmt: skip
