"""Other ends for lots of many accounts: one line of amount 0 per account says which lots, from when to when.

And the way back of expiry: what expiry entries took returns to its lots and lives until a given end (DOMAIN 9.3, 9.4).
Both write with as many statements for a thousand accounts as for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from loyalty.common.bulk import update_rows
from loyalty.ledger import bringing_back, debts, idling
from loyalty.ledger.lapsing import lapse, overdue
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Allocation, Entry, ExpiryPolicy, Lot
from loyalty.ledger.redating import extension
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines

Ends = Mapping[int, tuple[datetime | None, datetime | None]]


@dataclass(frozen=True, slots=True)
class Moved:
    """Lots of one account that get another end: by lot, the end before and the end since.

    `policies` is for lots that are re-dated: by lot, the policy version they have since, and the one before.
    """

    account_id: int
    reference: str
    lots: Ends
    policies: Mapping[int, tuple[int | None, int | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Returned:
    """What one expiry entry took, to be given back to live until `until` (None: for ever) if that is later."""

    account_id: int
    entry_id: int
    reference: str
    until: datetime | None


@transaction.atomic
def move_ends(moves: Sequence[Moved], *, at: datetime, actor: str, reason: str) -> int:
    """Give lots other ends; returns how many lots. A move whose reference is known changes nothing."""
    accounts = lock(*(move.account_id for move in moves))
    written = Entry.objects.filter(reference__any_of=[m.reference for m in moves], kind=Entry.Kind.EXTENSION)
    known = set(written.order_by().values_list("account_id", "reference"))
    new = [move for move in moves if (move.account_id, move.reference) not in known]
    lines = [
        Line(
            m.account_id,
            Entry.Kind.EXTENSION,
            0,
            at,
            at,
            "desk",
            m.reference,
            actor,
            reason,
            extension(m.lots, m.policies),
        )
        for m in new
    ]
    write_lines(accounts, lines)
    rows = [(lot, until) for move in new for lot, (_was, until) in move.lots.items()]
    update_rows(Lot, "id", ("expires_at",), rows)
    given = [(lot, policy_id) for move in new for lot, (policy_id, _was) in move.policies.items()]
    update_rows(Lot, "id", ("expiry_policy",), given)
    idle = set(ExpiryPolicy.objects.filter(kind__in=ExpiryPolicy.IDLE, id__in={p for _, p in given}).values_list("id", flat=True)) if given else set()  # fmt: skip
    idling.mark(accounts, {m.account_id for m in new if any(p in idle for p, _was in m.policies.values())})
    write_accounts([accounts[account_id] for account_id in {move.account_id for move in new}])
    return len(rows)


@transaction.atomic
def reinstate_many(returns: Sequence[Returned], *, at: datetime, actor: str, reason: str) -> int:
    """Give back what expiry entries took, once each; returns how many were given back.

    What was brought back already for a refund told late (`bringing_back.py`) is not given a second time: the rest is.
    What else is left on a lot and has run out is written off first: only what comes back gets the longer life.
    """
    accounts = lock(*(one.account_id for one in returns))
    entries = Entry.objects.in_bulk([one.entry_id for one in returns])
    late, done = bringing_back.answered(entries)
    done |= {entry_id for entry_id, points in late.items() if points == -entries[entry_id].amount}
    new = [one for one in returns if one.entry_id not in done]
    taken: dict[int, list[tuple[int, int, datetime | None]]] = {}
    parts = Allocation.objects.filter(entry__any_of=[one.entry_id for one in new]).order_by("id")
    for entry_id, lot_id, amount, end in parts.values_list("entry_id", "lot_id", "amount", "lot__expires_at"):
        taken.setdefault(entry_id, []).append((lot_id, amount - late.get(entry_id, 0), end))
    longer: dict[int, tuple[datetime | None, datetime | None]] = {}
    lines = []
    for one in new:
        moved = {lot: (end, one.until) for lot, _, end in taken[one.entry_id] if lot not in longer and _is_longer(end, one.until)}  # fmt: skip
        longer |= moved
        amount = sum(part for _lot, part, _end in taken[one.entry_id])
        lines.append(Line(one.account_id, Entry.Kind.REINSTATEMENT, amount, at, at, "desk", one.reference, actor, reason, extension(moved), one.entry_id))  # fmt: skip
    lapse(accounts, overdue(list(longer), at=at), recorded_at=at)
    ids = write_lines(accounts, lines)
    given = [(entry_id, *part) for entry_id, one in zip(ids, new, strict=True) for part in taken[one.entry_id]]
    write_allocations([(entry_id, lot, amount) for entry_id, lot, amount, _ in given])
    by_lot: dict[int, int] = {}
    for _, lot, amount, _end in given:
        by_lot[lot] = by_lot.get(lot, 0) + amount
    update_rows(Lot, "id", ("+remaining", "+returned"), [(lot, n, n) for lot, n in by_lot.items()])
    update_rows(Lot, "id", ("expires_at",), [(lot, until) for lot, (_was, until) in longer.items()])
    for one, line in zip(new, lines, strict=True):
        accounts[one.account_id].available += line.amount
    for account in (a for a in accounts.values() if a.debt):
        own = [part[:2] for one in new if one.account_id == account.id for part in taken[one.entry_id]]
        debts.repay(account, own, at=at)
    write_accounts([accounts[account_id] for account_id in {one.account_id for one in new}])
    return len(new)


def _is_longer(was: datetime | None, until: datetime | None) -> bool:
    return was is not None and (until is None or until > was)
