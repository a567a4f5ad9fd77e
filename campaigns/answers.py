"""A sale as the API takes and answers it, for the doors of purchases and of exchanges."""

from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _
from pydantic import Field

from campaigns import explanations
from campaigns.purchases import Recorded, Sale, SaleLine
from loyalty.common.errors import Refusal
from loyalty.pos.doors import caller
from loyalty.pos.models import Store
from loyalty.pos.wire import Incoming, Instant, InstantOut, Money, MoneyOut, Outgoing, Quantity
from members import lookup
from members.answers import BalanceOut, TierOut, balances_out, tier_out
from members.models import Member

MOST_LINES = 1_000


class StoreUnknown(Refusal):
    """The program has no such store, or the key belongs to another one."""

    code = "store_unknown"
    status = 422


class LineIn(Incoming):
    """One line. `amount` is what was paid for it, after discounts."""

    amount: Money
    product: str = Field("", max_length=80)
    category: str = Field("", max_length=80)
    brand: str = Field("", max_length=80)
    collection: str = Field("", max_length=80)
    supplier: str = Field("", max_length=80)
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
    payment: str = Field("", max_length=16, examples=["card"])
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
    limits: list[str]
    near_misses: list[str]
    is_repeat: bool
    balances: list[BalanceOut]
    tier: TierOut


def sale_of(request: HttpRequest, member: Member, purchase: PurchaseIn) -> Sale:
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
        store=store_of(request, purchase.store),
        channel=purchase.channel,
        payment=purchase.payment,
        tax=purchase.tax,
        delivery=purchase.delivery,
        paid_with_points=purchase.paid_with_points,
    )


def member_of(request: HttpRequest, number: str) -> Member:
    """The member of the key's program with this number. Raises MemberUnknown."""
    return lookup.by_number(caller(request).program, number)


def store_of(request: HttpRequest, code: str) -> Store | None:
    """The store named, or the one the key belongs to. Raises StoreUnknown."""
    own = caller(request).store
    if not code or (own is not None and own.code == code):
        return own
    found = None if own else Store.objects.filter(program=caller(request).program, code=code, is_active=True).first()
    if found is None:
        raise StoreUnknown(_("This key knows no such store. Check its code, or leave it out."), field="store")
    return found


def purchase_out(member: Member, recorded: Recorded, at: datetime) -> PurchaseOut:
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
        limits=explanations.limits(recorded.explanation),
        near_misses=explanations.near_misses(recorded.explanation),
        is_repeat=recorded.is_repeat,
        balances=balances_out(member, at=at),
        tier=tier_out(member, at=at, known=recorded.standing),
    )
