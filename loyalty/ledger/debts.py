"""Debt: what a member owes after goods came back whose points were already spent (DOMAIN 6.2).

Debt never expires and is repaid first from whatever can be spent next: what is earned, what becomes active, what a hold
lets go. So nobody owes while points lie there (laws of the books 6), and a balance is shown with the debt taken off. A repayment is a claw-back line of amount 0 whose
allocations take from the new lots what earlier claw-backs could not: the sum of the entries moved when the debt was
made, and does not move again when it is repaid.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import F, Min, Sum

from loyalty.common.bulk import update_rows
from loyalty.ledger.models import Account, Entry, Hold, HoldPart, Lot
from loyalty.ledger.writing import Line, write_allocations, write_lines

ACTOR = "books"


def repayment_line(account: Account, repaid: int, *, at: datetime, effective_at: datetime | None = None) -> Line:
    """The line that says how much of the debt was repaid."""
    return Line(
        account.id,
        Entry.Kind.CLAW_BACK,
        0,
        effective_at or at,
        at,
        "books",
        f"repayment:{account.last_number + 1}",
        ACTOR,
        explanation={"repaid": repaid, "debt": account.debt - repaid},
    )


def repay_from(
    accounts: Mapping[int, Account],
    freed: Sequence[tuple[int, int, int, datetime]],
    *,
    at: datetime,
    recorded_at: datetime | None = None,
) -> None:
    """Let points that time has freed repay the debts of locked accounts: (account id, lot id, points, free since)."""
    for account in accounts.values():
        if account.debt:
            mine = [(lot_id, points, since) for account_id, lot_id, points, since in freed if account_id == account.id]
            since = {lot_id: since for lot_id, _, since in mine}
            repay(account, [lot[:2] for lot in mine], at=at, recorded_at=recorded_at, since=since)


def repay(
    account: Account,
    lots: Sequence[tuple[int, int]],
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    since: Mapping[int, datetime] | None = None,
) -> int:
    """Let lots repay the debt of a locked account: (lot id, points new in it). Returns the points.

    Lots that cannot be spent at that instant repay nothing. What is only recorded now repays as of the instant, in
    `since`, at which it could be spent: a late job changes nothing. Changes the account in memory, the lots in the database.
    """
    paid = _payments(account.debt, lots, since or {}, at)
    if not paid:
        return 0
    repaid = sum(part for _, part in paid)
    moment = max((since or {}).get(lot_id, at) for lot_id, _ in paid)
    line = repayment_line(account, repaid, at=recorded_at or at, effective_at=moment)
    (entry_id,) = write_lines({account.id: account}, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in paid])
    update_rows(Lot, "id", ("+remaining", "+clawed_back"), [(lot_id, -part, part) for lot_id, part in paid])
    account.debt -= repaid
    account.available -= repaid
    return repaid


def _payments(
    owed: int, lots: Sequence[tuple[int, int]], since: Mapping[int, datetime], at: datetime
) -> list[tuple[int, int]]:
    """Which lots pay how much of what is owed, in the order given."""
    if not (owed and lots):
        return []
    dates = Lot.objects.filter(id__any_of=[lot for lot, _ in lots]).values_list("id", "available_at", "expires_at")
    ends = {lot: (begin, end) for lot, begin, end in dates}
    paid: list[tuple[int, int]] = []
    for lot_id, points in lots:
        begin, end = ends[lot_id]
        moment = since.get(lot_id, at)
        part = min(owed, points) if begin and begin <= moment and (end is None or end > moment) else 0
        if part:
            paid.append((lot_id, part))
            owed -= part
    return paid


def repaid_by_time(owed: Mapping[int, int], *, at: datetime) -> dict[int, int]:
    """By lot, the points that have repaid debt by an instant though nothing has recorded it: of holds past their end, then activated ones.

    `owed` is the recorded debt by account. As `drawing.settle` would write it; two queries for any number of accounts,
    none where nobody owes. Changes nothing.
    """
    if not owed:
        return {}
    ends = ("lot__expires_at", "lot__available_at", "lot_id")
    over = HoldPart.objects.filter(
        hold__account__any_of=list(owed), hold__status=Hold.Status.HELD, hold__expires_at__lte=at
    )
    let_go = over.values_list("hold__account_id", "lot_id", "lot__available_at", "lot__expires_at")
    in_turn = let_go.annotate(points=Sum("amount"), since=Min("hold__expires_at"))
    freed = list(in_turn.order_by(F(ends[0]).asc(nulls_last=True), *ends[1:]))
    active = Lot.objects.filter(account__any_of=list(owed), is_pending=True, available_at__lte=at)
    in_order = active.order_by(F("expires_at").asc(nulls_last=True), "available_at", "id")
    freed += in_order.values_list("account_id", "id", "available_at", "expires_at", "remaining", "available_at")
    left, repaid = dict(owed), dict[int, int]()
    for account_id, lot_id, begin, end, points, since in freed:
        is_open = begin is not None and begin <= since and (end is None or end > since)
        if part := min(left[account_id], points) if is_open else 0:
            left[account_id] -= part
            repaid[lot_id] = repaid.get(lot_id, 0) + part
    return repaid
