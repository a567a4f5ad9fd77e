"""Refunds that came before their purchase, and confirmations: they wait, and are applied once, in the transaction that records it (DOMAIN 12.1).

What a refund brings back is priced here, for those that waited and for those that come in order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns import confirmations, refund_letters, settling
from campaigns.rules import RuleBook
from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.ladders import Ladder
from members.models import Purchase, PurchaseLine, Refund
from members.returns import Return, ReturnedLine, amounts_of, write_refunded

Status = Refund.Status


def settle_batch(
    program: Program,
    purchase_ids: Sequence[int],
    late: Mapping[int, datetime],
    *,
    steps: Ladder,
    book: RuleBook,
    at: datetime,
    actor: str,
) -> None:
    """After a batch of purchases: apply what waited for them, confirmations and refunds, and settle who bought late or gave back."""
    since, applied = dict(late), []
    if steps.refunds_wait:
        for one in _apply_waiting(program, purchase_ids, at=at):
            applied.append(one)
            assert one.purchase is not None
            owner = one.purchase.member_id
            since[owner] = min(since.get(owner, one.occurred_at), one.occurred_at)
    if steps.confirmations_wait:
        for member_id, when in confirmations.count_new(program, purchase_ids).items():
            since[member_id] = min(since.get(member_id, when), when)
    if since:
        settle_refunds(program, since, applied, at=at, actor=actor, steps=steps, book=book)
    if steps.confirmations_wait:  # after the settling, which locks budgets: those come before the lots
        confirmations.settle_new(program, purchase_ids, at=at, actor=actor)


def settle_refunds(
    program: Program, since: dict[int, datetime], applied: Sequence[Refund], *, at: datetime, actor: str,
    steps: Ladder | None = None, book: RuleBook | None = None,
) -> None:  # fmt: skip
    """Settle members whose refunds were applied just now, and tell them. The records get their figures."""
    accounts = settling.settle(program, since, at=at, actor=actor, back=applied, steps=steps, book=book)
    confirmations.settle_again(since, at=at, actor=actor)
    counted = {one.pk: one for account in accounts.values() for one in account.refunds}
    for one in applied:
        one.points, one.qualifying_points = counted[one.pk].points, counted[one.pk].qualifying_points
        one.qualifying_spend = counted[one.pk].qualifying_spend
    refund_letters.tell([(accounts[one.purchase_id], one) for one in applied if one.purchase_id], at=at)


def _apply_waiting(program: Program, purchase_ids: Sequence[int], *, at: datetime) -> list[Refund]:
    """Give refunds that waited to the purchases recorded just now; returns those that are applied.

    One that asks for more than was bought is refused, and the desk says so.
    """
    waiting = list(Refund.objects.filter(program=program, status=Status.WAITING).order_by("occurred_at", "number"))
    bought = {
        (one.source, one.receipt): one
        for one in Purchase.objects.filter(
            pk__any_of=list(purchase_ids), receipt__any_of=sorted({one.receipt for one in waiting})
        )
    }
    ours = [(one, bought[one.source, one.receipt]) for one in waiting if (one.source, one.receipt) in bought]
    return [one for one, owner in ours if _apply(one, owner, at=at)]


def earlier_refunds(bought: Purchase) -> list[Refund]:
    """The refunds of a purchase so far, in order of time."""
    return list(Refund.objects.filter(purchase=bought, status=Status.APPLIED).order_by("occurred_at", "number"))


def price(
    made: Refund, bought: Purchase, lines: Sequence[PurchaseLine], earlier: Sequence[Refund], back: Return
) -> None:
    """Give a refund its amount and that of its lines. Raises LineUnknown, MoreThanBought."""
    made.lines = amounts_of(back, bought, lines, earlier)
    if made.lines:
        made.amount = sum((Decimal(one["amount"]) for one in made.lines), Decimal(0))


def _apply(one: Refund, bought: Purchase, *, at: datetime) -> bool:
    """Apply a refund that waited; whether it could be."""
    back = _as_sent(one)
    lines = list(bought.lines.order_by("number"))
    one.applied_at, one.purchase = at, bought
    earlier = earlier_refunds(bought)
    try:
        price(one, bought, lines, earlier, back)
    except Refusal as refusal:
        one.status, one.refusal = Status.REFUSED, refusal.code
    else:
        one.status = Status.APPLIED
        bought.refunded += one.amount
        update_rows(Purchase, "id", ("refunded",), [(bought.pk, bought.refunded)])
        write_refunded(bought, lines, [*earlier, one])
    one.save(update_fields=["status", "refusal", "applied_at", "purchase", "lines", "amount"])
    return one.status == Status.APPLIED


def _as_sent(one: Refund) -> Return:
    """A waiting refund as the till sent it."""

    def number(told: dict[str, Any], name: str) -> Decimal | None:
        return Decimal(told[name]) if told.get(name) else None

    lines = [
        ReturnedLine(line=t["line"], quantity=number(t, "quantity"), amount=number(t, "amount")) for t in one.lines
    ]
    return Return(
        source=one.source, receipt=one.receipt, number=one.number, occurred_at=one.occurred_at, lines=lines,
        amount=None if lines else one.amount, reason=one.reason,
    )  # fmt: skip
