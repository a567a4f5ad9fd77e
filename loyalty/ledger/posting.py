"""Posting to the books: accruals, redemptions and reversals (DOMAIN 5 and 7.2).

Every verb locks the account first, then looks its reference up, so that a retry is answered with the first result even
when the points are gone. What is earned repays debt first; what is burned is drawn in burn order (`drawing.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, is_postgresql, reserve_ids, update_rows
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import at_once, debts, exchanging, idling, known_terms, policies
from loyalty.ledger.crediting import (
    BY_POLICY,
    LOT_FIELDS,
    Accrual,
    as_promised,
    credit_line,
    in_open_months,
    lot_row,
)
from loyalty.ledger.drawing import Draw, InsufficientPoints, draw, settle
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Lot, Wallet
from loyalty.ledger.reversing import NotReversible, reverse
from loyalty.ledger.trails import BY_ENTRY, REDEEM, Act, happened_at
from loyalty.ledger.writing import (
    Line,
    ReferenceConflict,
    write_accounts,
    write_allocations,
    write_line,
    write_rows,
    written,
)

__all__ = ["BY_POLICY", "LOT_FIELDS", "Accrual", "InsufficientPoints", "NotReversible", "ReferenceConflict"]
__all__ += ["accrue", "accrue_many", "open_accounts", "redeem", "reverse"]


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
    expiry_policy_id: int | None = None,
) -> Entry:
    """Credit one account with points that are true from `at`. A repeated reference returns the first entry.

    Raises ReferenceConflict when the reference stands for another amount.
    """
    account_id = account if isinstance(account, int) else account.id
    accrual = Accrual(
        account_id, amount, at, reference, source, actor, explanation or {}, rule_version, reason, expires_at=expires_at,
        expiry_policy_id=expiry_policy_id,
    )  # fmt: skip
    if is_postgresql() and (row := at_once.credit(accrual, recorded_at=recorded_at or at)):
        return written(row)
    with transaction.atomic():
        locked = lock(account_id)
        entry = _by_reference.first(account=account_id, reference=reference, kind=accrual.kind)
        if entry is None:
            rows = _post_alone(locked, accrual, recorded_at or at)
            if not rows:
                rows = _post(locked, [accrual], policies.terms_of([locked[account_id].wallet_id]), recorded_at or at)
            entry = written(rows[0])
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
        account.available -= amount
        entry = _burned(account, line, drawn)
        idling.keep_alive({account_id: account}, [Act(account_id, REDEEM, at)], recorded_at=at)
        return entry


def _burned(account: Account, line: Line, drawn: Sequence[Draw]) -> Entry:
    """The entry of a burn, written with its allocations, its lots and the figures of the locked account."""
    if is_postgresql():
        return written(at_once.burn(account, line, drawn))
    entry = write_line(account, line)
    write_allocations([(entry.id, lot_id, taken) for lot_id, taken in drawn])
    update_rows(Lot, "id", ("+remaining", "+redeemed"), [(lot_id, -taken, taken) for lot_id, taken in drawn])
    write_accounts([account])
    return entry


def _credit(accounts: dict[int, Account], accruals: Sequence[Accrual], recorded_at: datetime) -> list[int | None]:
    """Credit locked accounts with what is new, see `accrue_many`."""
    if len(accruals) == 1 and (single := _post_alone(accounts, accruals[0], recorded_at)):
        return [row[0] if row else None for row in single]
    terms = policies.terms_of({account.wallet_id for account in accounts.values()})
    known = set(_known(references={accrual.reference for accrual in accruals}))
    new: list[Accrual] = []
    is_new: list[bool] = []
    for accrual in accruals:
        key = (accrual.account_id, accrual.reference, accrual.kind)
        is_new.append(key not in known)
        if key not in known:
            known.add(key)
            new.append(accrual)
    given = iter(_post(accounts, new, terms, recorded_at) if new else [])
    return [next(given)[0] if fresh else None for fresh in is_new]


def _post_alone(accounts: dict[int, Account], accrual: Accrual, recorded_at: datetime) -> list[Any]:
    """A single credit in one statement that finds out by itself whether it is known; nothing where it takes more than that."""
    account = accounts[accrual.account_id]
    if account.debt or not is_postgresql():
        return []
    for is_asked in (False, True):
        asked = known_terms.asked_of_wallet(account.wallet_id) if is_asked else None
        terms = asked or known_terms.of_wallet(account.wallet_id, accrual)
        if terms and terms.are_idle:
            return []
        if terms:
            with suppress(at_once.TermsChanged):
                return _post(accounts, [accrual], {account.wallet_id: terms}, recorded_at, write=_write_alone)
    return []


def _post(
    accounts: dict[int, Account],
    new: Sequence[Accrual],
    terms: Mapping[int, policies.Terms],
    recorded_at: datetime,
    *,
    write: Callable[..., list[Any]] | None = None,
) -> list[Any]:
    """Write entries and lots of new credits, let them repay debt, and store the accounts; returns the entries' rows.

    None stands for a single credit that was known after all. What was drawn after a credit that comes late is drawn in turn.
    """
    late = [exchanging.is_behind(accounts[a.account_id], a.effective_at) for a in new]
    promised = in_open_months(as_promised(new, accounts, terms), accounts, terms, recorded_at)
    rows = (write or _write)(accounts, promised, terms, recorded_at)
    if any(late):
        behind = exchanging.ends_sooner(row[0] for row, is_late in zip(rows, late, strict=True) if row and is_late)
        if behind:
            exchanging.exchange({account_id: accounts[account_id] for account_id in behind}, at=recorded_at)
    return rows


def _write_alone(
    accounts: dict[int, Account], new: Sequence[Accrual], terms: Mapping[int, policies.Terms], recorded_at: datetime
) -> list[Any]:
    """As `_write`, a single credit of an account without debt, in one statement. Raises TermsChanged."""
    account = accounts[new[0].account_id]
    return [at_once.credit_locked(account, new[0], terms[account.wallet_id], recorded_at=recorded_at)]


def _write(
    accounts: dict[int, Account], new: Sequence[Accrual], terms: Mapping[int, policies.Terms], recorded_at: datetime
) -> list[Any]:
    """As `_post`, without what was drawn before."""
    rows = write_rows(accounts, [credit_line(a, terms[accounts[a.account_id].wallet_id], recorded_at) for a in new])
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
    _keep_alive(accounts, new, lots, terms, recorded_at)
    _repay_debts(accounts, [row[0] for row in rows], at=recorded_at)
    write_accounts([accounts[account_id] for account_id in {accrual.account_id for accrual in new}])
    return rows


def _keep_alive(
    accounts: dict[int, Account],
    new: Sequence[Accrual],
    lots: Sequence[tuple[Any, ...]],
    terms: Mapping[int, policies.Terms],
    recorded_at: datetime,
) -> None:
    """What was earned or received keeps other points alive, and new points live as what is known of later gives them."""
    idle = {lot[1] for lot in lots if lot[7] and terms[accounts[lot[1]].wallet_id].named[lot[7]].is_idle}
    if idle:
        idling.mark(accounts, idle)
    acts = [
        Act(a.account_id, BY_ENTRY[a.kind], happened_at(a.explanation, a.effective_at))
        for a in new
        if accounts[a.account_id].has_idle_lots and a.kind in BY_ENTRY
    ]
    idling.keep_alive(accounts, acts, recorded_at=recorded_at)


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
    for account in owing:
        settle(account, at=at)  # what could be spent before pays first
    new = Lot.objects.filter(entry__any_of=entry_ids, is_pending=False).order_by("id")
    lots = list(new.values_list("account_id", "id", "remaining"))
    for account in owing:
        debts.repay(account, [(lot_id, left) for account_id, lot_id, left in lots if account_id == account.id], at=at)
