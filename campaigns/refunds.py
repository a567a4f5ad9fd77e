"""Goods that come back: the member keeps the points that the kept goods would have earned (DOMAIN 6, 12.1).

A refund is told by (order, number) for ever: the same again gets the first answer. It takes back points from its
occurred_at on, and the progress towards tiers with them. One that comes before its purchase waits, and is applied in the
transaction that records the purchase. `campaigns.settling` does the arithmetic, also for whatever came in between.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import purchases, settling
from campaigns.challenges import following, prizes
from campaigns.waiting import earlier_refunds, price, settle_refunds
from campaigns.ways import rewarding
from loyalty.common.errors import Refusal
from loyalty.ledger import locking
from loyalty.ledger.models import Program
from members import turns
from members.activity import members_of
from members.models import Purchase, Refund
from members.returns import RefundConflict, Return, judge, write_refunded

__all__ = ["PurchaseUnknown", "RefundConflict", "Refunded", "Return", "exchange", "find", "preview", "refund"]
Status = Refund.Status


class PurchaseUnknown(Refusal):
    """The program has no purchase of this receipt, and an exchange cannot wait."""

    code = "purchase_unknown"
    status = 404


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund as it was recorded; `is_repeat` when it had been before."""

    refund: Refund
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a refund would do: points taken back by it, what the order would have earned and keep."""

    amount: Decimal
    points: int
    earned: int
    returned: int


def refund(program: Program, back: Return, *, at: datetime, actor: str) -> Refunded:
    """Record goods that came back and take back the points they had earned.

    The same (order, number) with the same content returns the first result; a refund without its purchase waits for it.
    Raises RefundConflict, MoreThanBought, LineUnknown, ReturnRefused; then nothing has changed.
    """
    judge(back, at=at)
    with transaction.atomic():
        bought = _purchase(program, back)
        if bought is None:
            waiting = _wait(program, back, at=at, actor=actor)
            if waiting is not None:
                return waiting
            bought = _purchase(program, back)
            assert bought is not None
        return _record(program, bought, back, at=at, actor=actor)


@transaction.atomic
def exchange(
    program: Program, back: Return, sale: purchases.Sale, *, at: datetime, actor: str
) -> tuple[Refunded, purchases.Recorded]:
    """Take goods back and sell others in one transaction: both, or neither.

    Raises what `refund` and `purchases.record` raise, and PurchaseUnknown when the returned goods' purchase is not known.
    """
    judge(back, at=at)
    if _purchase(program, back) is None:
        raise PurchaseUnknown(
            _("There is no purchase %(receipt)s. Report it first, then the exchange.")
            % {"receipt": back.receipt[:100]},
            receipt=back.receipt,
        )
    returned = refund(program, back, at=at, actor=actor)
    return returned, purchases.record(program, sale, at=at, actor=actor)


def preview(bought: Purchase, back: Return, *, at: datetime) -> Preview:
    """What a refund would take back if it were recorded now; nothing is written. Raises what `refund` raises."""
    judge(back, at=at)
    lines, earlier = list(bought.lines.order_by("number")), earlier_refunds(bought)
    made = _made(bought.program, back, at=at, actor="")
    price(made, bought, lines, earlier, back)
    account = settling.preview(bought, lines, [*earlier, made], bought.program)
    return Preview(made.amount, made.points, bought.points, account.bought.points_returned)


def find(program: Program, *, source: str, receipt: str) -> list[Refund]:
    """The refunds of an order, the waiting ones too, in order of time."""
    found = Refund.objects.filter(program=program, source=source, receipt=receipt).select_related("purchase__member")
    return list(found.order_by("occurred_at", "id")[:1000])


def _purchase(program: Program, back: Return) -> Purchase | None:
    found = Purchase.objects.filter(program=program, source=back.source, receipt=back.receipt)
    return found.select_related("program", "member").first()


def _wait(program: Program, back: Return, *, at: datetime, actor: str) -> Refunded | None:
    """Let a refund wait for its purchase; None when that has come meanwhile, and the turn is given back."""
    with transaction.atomic():
        turns.take_alone(program)
        if _purchase(program, back) is not None:
            transaction.set_rollback(True)
            return None
        known = _known(program, back)
        if known:
            return Refunded(known, is_repeat=True)
        made = _made(program, back, at=at, actor=actor)
        made.status = Status.WAITING
        made.lines = back.as_json()
        made.save(force_insert=True)
        return Refunded(made, is_repeat=False)


def _record(program: Program, bought: Purchase, back: Return, *, at: datetime, actor: str) -> Refunded:
    """Record a refund of a purchase that is known, and settle what it changes."""
    ((_status, account_id),) = members_of(program, {bought.member_id}).values()
    locking.lock(account_id, *rewarding.accounts_with(bought.member_id))
    known = _known(program, back)
    if known:
        return Refunded(known, is_repeat=True)
    prizes.hold_vouchers([bought.member_id])
    bought.refresh_from_db(fields=["refunded", "points_returned", "points"])
    made = _made(program, back, at=at, actor=actor)
    lines, earlier = list(bought.lines.order_by("number")), earlier_refunds(bought)
    price(made, bought, lines, earlier, back)
    made.purchase, made.applied_at = bought, at
    made.save(force_insert=True)
    # Added here, under the lock: SQLite would add the decimals as binary fractions.
    Purchase.objects.filter(pk=bought.pk).update(refunded=bought.refunded + made.amount)
    write_refunded(bought, lines, [*earlier, made])
    settle_refunds(program, {bought.member_id: made.occurred_at}, [made], at=at, actor=actor)
    following.follow(program, {bought.member_id: bought.occurred_at}, at=at, actor=actor)
    rewarding.settle_friend(bought.member_id, at=at, actor=actor)
    return Refunded(made, is_repeat=False)


def _known(program: Program, back: Return) -> Refund | None:
    """The refund of this number, if there is one. Raises RefundConflict when its content was another."""
    found = Refund.objects.filter(
        program=program, source=back.source, receipt=back.receipt, number=back.number
    ).select_related("purchase__member").first()  # fmt: skip
    if found and found.digest != back.digest():
        raise RefundConflict(
            _("Refund %(number)s of %(receipt)s was recorded before with other content. Nothing was changed.")
            % {"number": back.number, "receipt": back.receipt},
            number=back.number,
            receipt=back.receipt,
        )
    return found


def _made(program: Program, back: Return, *, at: datetime, actor: str) -> Refund:
    """The record of a refund, with what it says."""
    return Refund(
        program=program,
        source=back.source,
        receipt=back.receipt,
        number=back.number,
        occurred_at=min(back.occurred_at, at),
        recorded_at=at,
        recorded_by=actor,
        amount=back.amount or Decimal(0),
        reason=back.reason,
        digest=back.digest(),
    )
