"""Adjustments of many accounts at once, with as many statements as for one (DOMAIN 12.4).

What is added gets the dates it was promised, what is taken comes from named lots: so that what was previewed is what
is written. Which lots those would be is asked of `draws`, which changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum

from loyalty.common.bulk import update_rows
from loyalty.ledger import debts
from loyalty.ledger.drawing import activate, release_timed_out
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Hold, HoldPart, Lot
from loyalty.ledger.policies import open_at
from loyalty.ledger.posting import BY_POLICY, Accrual, accrue_many
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines

Draw = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Points to add (`amount` > 0, with their dates) or to take (`amount` < 0, from `lots`: (lot id, points))."""

    account_id: int
    amount: int
    reference: str
    available_at: datetime | None = None
    expires_at: datetime | None = BY_POLICY
    lots: Sequence[Draw] = field(default_factory=list)


def settled(account_ids: Iterable[int], *, at: datetime) -> dict[int, Account]:
    """Lock accounts and record what time has done to them: holds that ran out, pending points that became active."""
    accounts = lock(*account_ids)
    moved = [account for account in accounts.values() if account.held or account.pending]
    release_timed_out({a.id: a for a in accounts.values() if a.held}, at=at)
    activate({a.id: a for a in accounts.values() if a.pending}, at=at)
    write_accounts(moved)
    return accounts


def draws(
    wanted: Mapping[int, int], *, at: datetime, first: Mapping[int, Collection[int]] | None = None
) -> dict[int, tuple[list[Draw], int]]:
    """Which lots would give how much: by account the draws in burn order, and the points that are missing.

    `wanted` is points by account; `first` names lots of an account to draw on before the others, pending or not. What time has
    freed repays debt first, recorded or not. A constant number of queries; changes nothing.
    """
    own = dict(first or {})
    found: dict[int, list[Draw]] = {account_id: [] for account_id in wanted}
    lots = Lot.objects.filter(account__any_of=list(wanted), remaining__gt=0)
    mine = lots.filter(open_at(at)) | lots.filter(
        id__any_of=[lot for lots in own.values() for lot in lots], is_pending=True
    )
    rows = mine.order_by("account_id", F("expires_at").asc(nulls_last=True), "available_at", "id")
    lots_now = list(rows.values_list("account_id", "id", "remaining", "held", "account__debt"))
    repaid = debts.repaid_by_time({a: debt for a, *_lot, debt in lots_now if debt}, at=at)
    free = [(a, lot, left - held - repaid.get(lot, 0), held) for a, lot, left, held, _debt in lots_now]
    over = _held_too_long([lot for _, lot, _, held in free if held], at=at)
    for account_id, lot_id, left, _held in sorted(free, key=lambda lot: lot[1] not in own.get(lot[0], ())):
        taken = sum(part for _, part in found[account_id])
        part = min(wanted[account_id] - taken, left + over.get(lot_id, 0))
        if part > 0:
            found[account_id].append((lot_id, part))
    return {a: (parts, wanted[a] - sum(part for _, part in parts)) for a, parts in found.items()}


@transaction.atomic
def adjust_many(adjustments: Sequence[Adjustment], *, at: datetime, actor: str, reason: str) -> int:
    """Write adjustments of many accounts; returns how many. One whose reference is known writes nothing.

    What is taken from a lot must be there: the caller asked `draws` under the same locks.
    """
    accounts = settled({adjustment.account_id for adjustment in adjustments}, at=at)
    known = _known(adjustments)
    new = [a for a in adjustments if (a.account_id, a.reference) not in known]
    added = [a for a in new if a.amount > 0]
    if added:
        credits = [
            Accrual(
                a.account_id, a.amount, at, a.reference, "desk", actor, reason=reason, available_at=a.available_at,
                expires_at=a.expires_at, kind=Entry.Kind.ADJUSTMENT,
            )
            for a in added
        ]  # fmt: skip
        accrue_many(credits, recorded_at=at, locked=accounts)
    _take(accounts, [a for a in new if a.amount < 0], at=at, actor=actor, reason=reason)
    return len(new)


@transaction.atomic
def restore_debt(account_id: int, amount: int, *, at: datetime, reference: str, actor: str, reason: str) -> Entry:
    """Undo a write-off: the member owes the points again, and what can be spent repays them at once."""
    if amount <= 0:
        raise ValueError("at least one point is owed again")
    account = settled([account_id], at=at)[account_id]
    first = Entry.objects.filter(account=account_id, reference=reference, kind=Entry.Kind.WRITE_OFF).first()
    if first:
        return first
    line = Line(account_id, Entry.Kind.WRITE_OFF, -amount, at, at, "desk", reference, actor, reason)
    (entry_id,) = write_lines({account_id: account}, [line])
    account.debt += amount
    parts, _missing = draws({account_id: amount}, at=at)[account_id]
    debts.repay(account, parts, at=at)
    write_accounts([account])
    return Entry.objects.get(id=entry_id)


def _known(adjustments: Sequence[Adjustment]) -> set[tuple[int, str]]:
    written = Entry.objects.filter(reference__any_of=[a.reference for a in adjustments], kind=Entry.Kind.ADJUSTMENT)
    return set(written.order_by().values_list("account_id", "reference"))


def _take(accounts: dict[int, Account], taken: Sequence[Adjustment], *, at: datetime, actor: str, reason: str) -> None:
    """Write the debits from their lots."""
    if not taken:
        return
    drawn = [(index, lot, part) for index, a in enumerate(taken) for lot, part in a.lots]
    waiting = Lot.objects.filter(id__any_of=[lot for _, lot, _ in drawn], is_pending=True)
    pending = set(waiting.values_list("id", flat=True))
    lines = [
        Line(a.account_id, Entry.Kind.ADJUSTMENT, a.amount, at, at, "desk", a.reference, actor, reason) for a in taken
    ]
    ids = write_lines(accounts, lines)
    write_allocations([(ids[index], lot, part) for index, lot, part in drawn])
    by_lot: dict[int, int] = {}
    for index, lot, part in drawn:
        by_lot[lot] = by_lot.get(lot, 0) + part
        account = accounts[taken[index].account_id]
        if lot in pending:
            account.pending -= part
        else:
            account.available -= part
    update_rows(Lot, "id", ("+remaining", "+forfeited"), [(lot, -part, part) for lot, part in by_lot.items()])
    write_accounts([accounts[account_id] for account_id in {a.account_id for a in taken}])


def _held_too_long(lot_ids: list[int], *, at: datetime) -> dict[int, int]:
    """By lot: points of holds past their end, which can be spent again although nothing has recorded it."""
    if not lot_ids:
        return {}
    parts = HoldPart.objects.filter(lot__any_of=lot_ids, hold__status=Hold.Status.HELD, hold__expires_at__lte=at)
    return dict(parts.order_by().values_list("lot_id").annotate(points=Sum("amount")))
