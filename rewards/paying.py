"""Points pay at the till: computed for a bill, held, then captured with the receipt or released (DOMAIN 3.6, 5.3, 7.4).

The account is locked first, and a known reference is answered with what it stands for before anything is judged, so each
step can be repeated. Nothing is earned on what points paid: a purchase with the receipt of a payment earns on the rest
only, whatever the till says of it (`captured`). What is given back returns to the lots it came from.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.money import show_money
from loyalty.common.retrying import retried
from loyalty.jobs.changes import people
from loyalty.ledger import holds
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Hold, Program
from loyalty.ledger.reversing import reverse_part
from loyalty.pos.models import Store
from members.enrolment import main_account
from members.models import Member, Purchase
from members.passing import account_in
from members.sales import Sale
from rewards.models import PointsGivenBack, PointsPayment
from rewards.quoting import judge, payable, quote
from rewards.redemption import STAFF_GRACE_DAYS, ReferenceConflict


class PaymentUnknown(Refusal):
    """The program has no payment with points of this reference."""

    code = "payment_unknown"
    status = 404


class PaymentCaptured(Refusal):
    """The payment belongs to another receipt already, or the receipt to another payment."""

    code = "payment_captured"


class ReceiptEarned(Refusal):
    """The purchase of this receipt was reported before, and earned on the part that points are to pay."""

    code = "receipt_earned"


class NotCaptured(Refusal):
    """Only what was paid can be given back."""

    code = "payment_not_captured"


class MoreThanPaid(Refusal):
    """No more can be given back than points paid (`left`)."""

    code = "more_than_paid"
    status = 422


@retried
@transaction.atomic
def hold(
    member: Member, points: int, *, basket: Decimal, at: datetime, reference: str, actor: str, wallet: str = "",
    till: str = "", store: Store | None = None,
) -> PointsPayment:  # fmt: skip
    """Set points aside for a bill, for as long as the terms say. A repeated reference gets its first payment.

    Raises what `quote` raises, InsufficientPoints, BasketTooSmall, PointsRefused, and ReferenceConflict.
    """
    account = account_in(member, wallet)
    lock(account.pk)
    first = _of(member.program).filter(reference=reference).first()
    if first:
        if (first.account_id, first.points, first.basket) != (account.pk, points, basket):
            raise _conflict()
        return first
    told = quote(member, basket, at=at, wallet=wallet)
    judge(told, points)
    held = holds.hold(
        account.pk, points, at=at, reference=f"payment {reference}", source="payment", actor=actor,
        minutes=told.terms.hold_minutes,
    )  # fmt: skip
    try:
        with transaction.atomic():
            return PointsPayment.objects.create(
                program=member.program, member=member, account=account, hold=held, reference=reference, points=points,
                money=payable(told.terms).worth(points), basket=basket, till=till, store=store,
            )  # fmt: skip
    except IntegrityError:
        raise _conflict() from None


@retried
@transaction.atomic
def capture(payment: PointsPayment, *, at: datetime, source: str, receipt: str, actor: str) -> PointsPayment:
    """Take the points for good, for a receipt of a source. The same receipt again gets the first answer.

    Raises HoldOver when it was released or ran out of time, PaymentCaptured, ReceiptEarned; then nothing has changed.
    """
    # The main account too: whoever records the purchase of this receipt locks that one.
    lock(payment.account_id, main_account(payment.member).pk)
    payment = _of(payment.program).get(pk=payment.pk)
    if payment.captured_at:
        if (payment.source, payment.receipt) != (source, receipt):
            message = _("These points paid receipt %(receipt)s.") % {"receipt": payment.receipt}
            raise PaymentCaptured(message, receipt=payment.receipt)
        return payment
    _judge_receipt(payment, source, receipt)
    told = {"receipt": receipt, "money": str(payment.money), "currency": payment.program.currency}
    holds.capture(payment.hold, at=at, actor=actor, reason=receipt, explanation={"payment": told})
    payment.source, payment.receipt, payment.captured_at = source, receipt, at
    payment.save(update_fields=["source", "receipt", "captured_at"])
    payment.hold = Hold.objects.select_related("entry").get(pk=payment.hold_id)
    return payment


@retried
@transaction.atomic
def release(payment: PointsPayment, *, at: datetime) -> PointsPayment:
    """Give the held points free. Twice changes nothing. Raises HoldCaptured."""
    holds.release(payment.hold, at=at)
    return _of(payment.program).get(pk=payment.pk)


@retried
@transaction.atomic
def give_back(
    payment: PointsPayment, money: Decimal, *, number: str, at: datetime, actor: str, reason: str = ""
) -> PointsGivenBack:
    """Give back a part of what points paid, because goods came back; the points return to their lots.

    Of all that was given back so far, the points are the same share as the money, rounded down, and all at the end: parts
    are as one whole. Lots that ran out meanwhile live 14 more days. The same number again gets the first answer. Raises
    NotCaptured, MoreThanPaid, ReferenceConflict, and OwnAccount for staff whose own payment it is (law 19).
    """
    people.refuse_own(actor, [payment.account_id])
    lock(payment.account_id)
    payment = _of(payment.program).get(pk=payment.pk)
    known = payment.given_back.filter(number=number).first()
    if known:
        if known.money != money:
            raise ReferenceConflict(_("This number was used for another amount. Please send a new one."))
        return known
    if not payment.captured_at or payment.hold.entry is None:
        raise NotCaptured(_("Nothing was paid with these points yet. Release them instead."))
    left = payment.money - payment.money_back
    if not 0 < money <= left:
        message = _("Points paid %(left)s of what is not given back yet. Give back that much at most.")
        raise MoreThanPaid(
            message % {"left": show_money(left, payment.program.currency)}, field="money", left=str(left)
        )
    all_back = payment.money_back + money
    points = int((payment.points * all_back / payment.money).to_integral_value(ROUND_FLOOR)) - payment.points_back
    told = {"receipt": payment.receipt, "money": str(money), "currency": payment.program.currency}
    entry = reverse_part(
        payment.hold.entry, points, at=at, reference=f"payment back:{payment.pk}:{number}", source="payment", actor=actor,
        reason=reason, explanation={"payment": told}, grace_days=STAFF_GRACE_DAYS,
    ) if points else None  # fmt: skip
    made = PointsGivenBack.objects.create(
        payment=payment, number=number, money=money, points=points, entry=entry, given_at=at, given_by=actor,
        reason=reason,
    )  # fmt: skip
    payment.points_back, payment.money_back = payment.points_back + points, all_back
    payment.save(update_fields=["points_back", "money_back"])
    return made


def find(program: Program, reference: str) -> PointsPayment:
    """The payment of a program with this reference. Raises PaymentUnknown."""
    found = _of(program).filter(reference=reference).first()
    if found is None:
        raise PaymentUnknown(_("There is no payment with this reference. Please check it."))
    return found


def captured(program: Program, sales: Iterable[Sale]) -> dict[tuple[str, str], Decimal]:
    """How much of these receipts points paid, less what was given back: (source, receipt) -> money. One query."""
    sales = list(sales)
    paid = PointsPayment.objects.filter(
        program=program, captured_at__isnull=False, source__in={sale.source for sale in sales},
        receipt__in={sale.receipt for sale in sales},
    )  # fmt: skip
    found: dict[tuple[str, str], Decimal] = {}
    for one in paid:
        key = (one.source, one.receipt)
        found[key] = found.get(key, Decimal(0)) + one.money - one.money_back
    return found


def _conflict() -> ReferenceConflict:
    """The refusal of a reference that means something else already."""
    return ReferenceConflict(_("This reference was used for another payment. Please send a new one."))


def _of(program: Program) -> QuerySet[PointsPayment]:
    """A program's payments with what answers say of them."""
    related = PointsPayment.objects.filter(program=program)
    return related.select_related("program", "member__program", "account__wallet", "hold__entry", "store")


def _judge_receipt(payment: PointsPayment, source: str, receipt: str) -> None:
    """Raise why points cannot pay this receipt: they did already, or the purchase earned on what they would pay."""
    same = PointsPayment.objects.filter(
        program=payment.program_id, source=source, receipt=receipt, captured_at__isnull=False
    )
    paid = [(one.account_id, one.money - one.money_back) for one in same]
    if any(account == payment.account_id for account, _money in paid):
        message = _("Points of this member paid receipt %(receipt)s before.") % {"receipt": receipt}
        raise PaymentCaptured(message, receipt=receipt)
    bought = Purchase.objects.filter(program=payment.program_id, source=source, receipt=receipt).first()
    if bought and bought.eligible > bought.total - payment.money - sum((money for _account, money in paid), Decimal(0)):
        message = _("Receipt %(receipt)s was reported before and earned on this part. Release the points.")
        raise ReceiptEarned(message % {"receipt": receipt}, receipt=receipt)
