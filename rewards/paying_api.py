"""The API's doors for paying with points: what a bill takes, hold, capture, release, give back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Query, Router, Status
from pydantic import Field

from loyalty.common.errors import Refusal
from loyalty.ledger import holds
from loyalty.ledger.models import Account
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, InstantOut, Money, MoneyOut, Outgoing, Reference
from members import lookup, passing
from members.answers import BalanceOut, balances_out
from members.models import Member
from members.sales import MemberClosed
from rewards import paying, quoting
from rewards.answers import RefusalOut, refusal_out
from rewards.models import PointsPayment

router = Router(tags=["Paying with points"])
MOST_POINTS = 10**15


class QuoteOut(Outgoing):
    """What the member's points pay of this bill: any whole number of steps from `least` to `most`; 0 when none can."""

    member: str
    wallet: str
    basket: MoneyOut
    available: int
    can_pay: bool
    least: int
    most: int
    step: int
    money: MoneyOut
    value: MoneyOut
    hold_minutes: int
    refusal: RefusalOut | None


class PaymentIn(Incoming):
    """Points for a bill. `reference` is yours: the same one never holds twice. Empty `wallet`: the main one."""

    points: int = Field(ge=1, le=MOST_POINTS)
    basket: Money
    reference: Reference
    wallet: str = Field("", max_length=50, examples=["points"])
    till: str = Field("", max_length=64)


class PaidIn(Incoming):
    """The receipt that the points paid, as its purchase will be or was reported."""

    source: str = Field(min_length=1, max_length=32)
    receipt: str = Field(min_length=1, max_length=80)


class PaymentReleaseIn(Incoming):
    """Nothing more is to be said."""


class BackIn(Incoming):
    """How much of what points paid is given back. `number` is yours: the same one gives back once."""

    amount: Money
    number: str = Field(min_length=1, max_length=80)
    reason: str = Field("", max_length=200)


class PaymentOut(Outgoing):
    """A payment. `state` is held, captured, released or timed_out: true now. `to_pay` is the rest of the bill."""

    reference: str
    member: str
    wallet: str
    state: str = Field(examples=["held"])
    points: int
    money: MoneyOut
    basket: MoneyOut
    to_pay: MoneyOut
    held_at: InstantOut
    expires_at: InstantOut
    captured_at: InstantOut | None
    source: str
    receipt: str
    points_back: int
    money_back: MoneyOut
    balances: list[BalanceOut]


@router.get(
    "/members/{number}/payment-quote",
    response=QuoteOut,
    operation_id="quote_payment",
    summary=gettext_noop("Ask how many points a bill takes"),
    description=gettext_noop(
        "By value, minimum, step, maximum and share of the bill. Without a bill it tells the smallest that points pay."
    ),
)
@reads("holds:write")
def quote_payment(
    request: HttpRequest,
    number: str,
    basket: str = Query("0", pattern=r"^[0-9]{1,13}(\.[0-9]{1,2})?$"),
    wallet: str = "",
) -> Any:
    """By value, minimum, step, maximum and share of the bill. Without a bill it tells the smallest that points pay."""
    member, bill = lookup.by_number(caller(request).program, number), Decimal(basket)
    account = passing.account_in(member, wallet)
    try:
        told = quoting.quote(member, bill, at=timezone.now(), wallet=wallet)
    except (quoting.NotPayable, MemberClosed) as refusal:
        return _none(member, account, bill, refusal)
    return QuoteOut(
        member=member.number,
        wallet=told.account.wallet.slug,
        basket=told.basket,
        available=told.available,
        can_pay=told.refusal is None,
        least=told.least,
        most=told.most,
        step=told.terms.step,
        money=told.worth,
        value=told.terms.value,
        hold_minutes=told.terms.hold_minutes,
        refusal=refusal_out(told.refusal),
    )


@router.post(
    "/members/{number}/payments",
    response={201: PaymentOut, 200: PaymentOut},
    operation_id="hold_payment",
    summary=gettext_noop("Hold points for a bill"),
    description=gettext_noop("For as long as the terms say. A reference used before is answered with its payment."),
)
@writes("holds:write")
def hold_payment(request: HttpRequest, number: str, wish: PaymentIn) -> Any:
    """For as long as the terms say. A reference used before is answered with its payment."""
    at = timezone.now()
    member = lookup.by_number(caller(request).program, number)
    made = paying.hold(
        member, wish.points, basket=wish.basket, at=at, reference=wish.reference, actor=actor(request),
        wallet=wish.wallet, till=wish.till, store=caller(request).store,
    )  # fmt: skip
    return Status(201 if made.hold.held_at == at else 200, _payment_out(made, at=at))


@router.get(
    "/payments/{reference}",
    response=PaymentOut,
    operation_id="read_payment",
    summary=gettext_noop("Read a payment with points"),
    description=gettext_noop("What became of it; one that was held too long has timed out."),
)
@reads("members:read")
def read_payment(request: HttpRequest, reference: str) -> Any:
    """What became of it; one that was held too long has timed out."""
    return _payment_out(paying.find(caller(request).program, reference), at=timezone.now())


@router.post(
    "/payments/{reference}/capture",
    response=PaymentOut,
    operation_id="capture_payment",
    summary=gettext_noop("Capture a payment with points"),
    description=gettext_noop(
        "Takes the points for a receipt. Capture first, then report the purchase: it earns on the rest only."
    ),
)
@writes("holds:write")
def capture_payment(request: HttpRequest, reference: str, paid: PaidIn) -> Any:
    """Takes the points for a receipt. Capture first, then report the purchase: it earns on the rest only."""
    at = timezone.now()
    found = paying.find(caller(request).program, reference)
    made = paying.capture(found, at=at, source=paid.source, receipt=paid.receipt, actor=actor(request))
    return _payment_out(made, at=at)


@router.post(
    "/payments/{reference}/release",
    response=PaymentOut,
    operation_id="release_payment",
    summary=gettext_noop("Release a payment with points"),
    description=gettext_noop("Gives the held points free. Twice gives the first answer."),
)
@writes("holds:write")
def release_payment(request: HttpRequest, reference: str, wish: PaymentReleaseIn) -> Any:
    """Gives the held points free. Twice gives the first answer."""
    at = timezone.now()
    return _payment_out(paying.release(paying.find(caller(request).program, reference), at=at), at=at)


@router.post(
    "/payments/{reference}/refunds",
    response=PaymentOut,
    operation_id="refund_payment",
    summary=gettext_noop("Give points back that paid"),
    description=gettext_noop(
        "For goods that came back; the points return to the lots they came from, once per number."
    ),
)
@writes("refunds:write")
def refund_payment(request: HttpRequest, reference: str, back: BackIn) -> Any:
    """For goods that came back; the points return to the lots they came from, once per number."""
    at = timezone.now()
    program = caller(request).program
    found = paying.find(program, reference)
    paying.give_back(found, back.amount, number=back.number, at=at, actor=actor(request), reason=back.reason)
    return _payment_out(paying.find(program, reference), at=at)


def _none(member: Member, account: Account, bill: Decimal, refusal: Refusal) -> QuoteOut:
    """The answer where no points pay at all."""
    return QuoteOut(
        member=member.number, wallet=account.wallet.slug, basket=bill, available=0, can_pay=False, least=0, most=0, step=0,
        money=Decimal(0), value=Decimal(0), hold_minutes=0, refusal=refusal_out(refusal),
    )  # fmt: skip


def _payment_out(made: PointsPayment, *, at: datetime) -> PaymentOut:
    """A payment as the API says it, true at that instant."""
    state, _ended = holds.state(made.hold, at=at)
    return PaymentOut(
        reference=made.reference,
        member=made.member.number,
        wallet=made.account.wallet.slug,
        state=state,
        points=made.points,
        money=made.money,
        basket=made.basket,
        to_pay=made.basket - made.money,
        held_at=made.hold.held_at,
        expires_at=made.hold.expires_at,
        captured_at=made.captured_at,
        source=made.source,
        receipt=made.receipt,
        points_back=made.points_back,
        money_back=made.money_back,
        balances=balances_out(made.member, at=at),
    )
