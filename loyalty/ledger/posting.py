"""Posting to the books: accruals, redemptions and reversals (DOMAIN 5 and 7.2).

Every verb locks the account first, then looks its reference up, so that a retry is answered with the first result even
when the points are gone. What is earned repays debt first; what is burned is drawn in burn order (`drawing.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, reserve_ids, update_rows
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import debts, policies
from loyalty.ledger.crediting import BY_POLICY, LOT_FIELDS, Accrual, credit_line, in_open_months, lot_row
from loyalty.ledger.drawing import InsufficientPoints, draw, settle
from loyalty.ledger.lapsing import lapse, overdue
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Entry, Lot, Wallet
from loyalty.ledger.redating import extension
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_line, write_rows, written

__all__ = ["BY_POLICY", "LOT_FIELDS", "Accrual", "InsufficientPoints", "NotReversible", "ReferenceConflict"]
__all__ += ["accrue", "accrue_many", "open_accounts", "redeem", "reverse"]


class ReferenceConflict(Refusal):
    """The reference was used before, for something else."""

    code = "reference_conflict"


class NotReversible(Refusal):
    """Only a redemption can be reversed."""

    code = "not_reversible"


# By reference alone: with the lists of accounts and kinds beside it, engines try every combination.
_known = Prepared(
    lambda: (
        Entry.objects.filter(reference__any_of=Given("references"))
        .order_by()
        .values_list("account_id", "reference", "kind")
    )
)
_by_reference = Prepared(
    lambda: Entry.objects.filter(account=Given("account"), reference=Given("reference"), kind=Given("kind"))
)


@transaction.atomic
def open_accounts(wallet: Wallet, count: int, *, at: datetime) -> list[int]:
    """Open empty accounts in a wallet and return their ids."""
    ids = reserve_ids(Account, count)
    rows = [(account_id, wallet.id, at, 0, 0, 0, 0, 0, b"") for account_id in ids]
    insert_rows(
        Account, ("id", "wallet", "opened_at", "available", "pending", "held", "debt", "last_number", "last_hash"), rows
    )
    return ids


def accrue_many(
    accruals: Sequence[Accrual], *, recorded_at: datetime, locked: dict[int, Account] | None = None
) -> list[int | None]:
    """Credit many accounts with a constant number of statements; debt is repaid first from what can be spent.

    Returns the id of each new entry, in order; None where the account already has an accrual of that reference. A caller
    that holds the locks already hands the accounts in as `locked`.
    """
    with transaction.atomic(savepoint=locked is None):
        accounts = locked or (lock(*(accrual.account_id for accrual in accruals)) if accruals else {})
        return _credit(accounts, accruals, recorded_at)


def accrue(
    account: Account | int,
    amount: int,
    *,
    at: datetime,
    reference: str,
    source: str,
    actor: str,
    reason: str = "",
    explanation: dict[str, Any] | None = None,
    rule_version: str = "",
    recorded_at: datetime | None = None,
    expires_at: datetime | None = BY_POLICY,
) -> Entry:
    """Credit one account with points that are true from `at`. A repeated reference returns the first entry.

    Raises ReferenceConflict when the reference stands for another amount.
    """
    account_id = account if isinstance(account, int) else account.id
    accrual = Accrual(
        account_id, amount, at, reference, source, actor, explanation or {}, rule_version, reason, expires_at=expires_at
    )
    with transaction.atomic():
        locked = lock(account_id)
        entry = _by_reference.first(account=account_id, reference=reference, kind=accrual.kind)
        if entry is None:
            (row,) = _post(locked, [accrual], recorded_at or at)
            entry = written(row)
        return _same_amount(entry, amount)


def redeem(
    account_id: int,
    amount: int,
    *,
    at: datetime,
    reference: str,
    source: str,
    actor: str,
    reason: str = "",
    explanation: dict[str, Any] | None = None,
    locked: Account | None = None,
) -> Entry:
    """Burn `amount` points, soonest expiry first. A repeated reference returns the first entry.

    Raises InsufficientPoints with `missing` and `available`; then nothing has changed. A caller that holds the lock
    already hands the account in as `locked`.
    """
    if amount <= 0:
        raise ValueError("a redemption burns at least one point")
    with transaction.atomic(savepoint=locked is None):
        account = locked or lock(account_id)[account_id]
        first = _by_reference.first(account=account_id, reference=reference, kind=Entry.Kind.REDEMPTION)
        if first:
            return _same_amount(first, -amount)
        settle(account, at=at)
        drawn = draw(account, amount, at=at)
        line = Line(
            account_id, Entry.Kind.REDEMPTION, -amount, at, at, source, reference, actor, reason, explanation or {}
        )
        entry = write_line(account, line)
        write_allocations([(entry.id, lot_id, taken) for lot_id, taken in drawn])
        update_rows(Lot, "id", ("+remaining", "+redeemed"), [(lot_id, -taken, taken) for lot_id, taken in drawn])
        account.available -= amount
        write_accounts([account])
        return entry


@transaction.atomic
def reverse(
    entry: Entry, *, at: datetime, reference: str, source: str, actor: str, reason: str = "", grace_days: int = 0
) -> Entry:
    """Undo a redemption: its points return to the lots they came from, with the expiry those had (DOMAIN 7.2).

    A lot that has expired meanwhile lives `grace_days` more days; with 0 its points are back and gone at once. Reversing
    twice returns the first reversal. Raises NotReversible for an entry that is no redemption.
    """
    if entry.kind != Entry.Kind.REDEMPTION:
        raise NotReversible(_("Only a redemption can be cancelled and its points given back."), kind=entry.kind)
    account = lock(entry.account_id)[entry.account_id]
    first = Entry.objects.filter(corrects=entry, kind=Entry.Kind.REVERSAL).first()
    if first:
        return first
    settle(account, at=at)
    taken = list(Allocation.objects.filter(entry=entry).values_list("lot_id", "amount", "lot__expires_at"))
    graced = {lot: end for lot, _, end in taken if grace_days and end and end <= at}
    # What is left on these lots has run out, recorded or not: only what comes back now gets the days of grace.
    lapse({account.id: account}, overdue(list(graced), at=at) if graced else [], recorded_at=at)
    zone = account.wallet.program.time_zone
    until = day_start(local_day(at, zone) + timedelta(days=grace_days + 1), zone)
    explanation = extension({lot: (end, until) for lot, end in graced.items()})
    line = Line(
        account.id, Entry.Kind.REVERSAL, -entry.amount, at, at, source, reference, actor, reason, explanation, entry.id
    )
    undone = write_line(account, line)
    write_allocations([(undone.id, lot_id, amount) for lot_id, amount, _ in taken])
    update_rows(Lot, "id", ("+remaining", "+returned"), [(lot_id, amount, amount) for lot_id, amount, _ in taken])
    if graced:
        Lot.objects.filter(id__any_of=list(graced)).update(expires_at=until)
    account.available -= entry.amount
    if account.debt:
        debts.repay(account, [(lot_id, amount) for lot_id, amount, _ in taken], at=at)
    write_accounts([account])
    return undone


def _credit(accounts: dict[int, Account], accruals: Sequence[Accrual], recorded_at: datetime) -> list[int | None]:
    """Credit locked accounts with what is new, see `accrue_many`."""
    known = set(_known(references={accrual.reference for accrual in accruals}))
    new: list[Accrual] = []
    is_new: list[bool] = []
    for accrual in accruals:
        key = (accrual.account_id, accrual.reference, accrual.kind)
        is_new.append(key not in known)
        if key not in known:
            known.add(key)
            new.append(accrual)
    given = iter(_post(accounts, new, recorded_at) if new else [])
    return [next(given)[0] if fresh else None for fresh in is_new]


def _post(accounts: dict[int, Account], new: Sequence[Accrual], recorded_at: datetime) -> list[tuple[Any, ...]]:
    """Write entries and lots of new credits, let them repay debt, and store the accounts; returns the entries' rows."""
    terms = policies.terms_of({account.wallet_id for account in accounts.values()})
    new = in_open_months(new, accounts, terms, recorded_at)
    rows = write_rows(accounts, [credit_line(accrual, recorded_at) for accrual in new])
    lots = []
    for row, accrual in zip(rows, new, strict=True):
        account = accounts[accrual.account_id]
        lot = lot_row(row[0], accrual, terms[account.wallet_id], recorded_at)
        lots.append(lot)
        if lot[5]:
            account.pending += accrual.amount
        else:
            account.available += accrual.amount
    insert_rows(Lot, LOT_FIELDS, lots)
    _repay_debts(accounts, [row[0] for row in rows], at=recorded_at)
    write_accounts([accounts[account_id] for account_id in {accrual.account_id for accrual in new}])
    return rows


def _same_amount(entry: Entry, amount: int) -> Entry:
    if entry.amount != amount:
        message = _("This reference already stands for another number of points.")
        raise ReferenceConflict(message, reference=entry.reference, amount=entry.amount)
    return entry


def _repay_debts(accounts: dict[int, Account], entry_ids: list[int], *, at: datetime) -> None:
    """Let the new lots of those who owe repay it; nothing is asked when nobody owes."""
    owing = [account for account in accounts.values() if account.debt]
    if not owing:
        return
    new = Lot.objects.filter(entry__any_of=entry_ids, is_pending=False).order_by("id")
    lots = list(new.values_list("account_id", "id", "remaining"))
    for account in owing:
        debts.repay(account, [(lot_id, left) for account_id, lot_id, left in lots if account_id == account.id], at=at)
