"""The only place that writes entries: it numbers them, chains them and stores them with the accounts' new figures.

Callers (`posting`, `expiry`) hold the accounts' locks and hand in what happened, in order; the number of statements does
not depend on the number of lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loyalty.common.bulk import as_read, insert_numbered, insert_rows, update_rows
from loyalty.ledger import chain
from loyalty.ledger.models import Account, Allocation, Entry

ENTRY_FIELDS = (
    "account", "number", "kind", "amount", "effective_at", "recorded_at", "source", "reference", "actor", "reason",
    "explanation", "corrects", "hash",
)  # fmt: skip
ACCOUNT_FIGURES = ("available", "pending", "held", "debt", "last_number", "last_hash")


@dataclass(slots=True)
class Line:
    """One entry about to be written. `amount` is signed, in the wallet's smallest unit."""

    account_id: int
    kind: str
    amount: int
    effective_at: datetime
    recorded_at: datetime
    source: str
    reference: str
    actor: str
    reason: str = ""
    explanation: dict[str, Any] = field(default_factory=dict)
    corrects_id: int | None = None


def write_lines(accounts: dict[int, Account], lines: Sequence[Line]) -> list[int]:
    """Write entries for locked accounts in the given order and return their ids.

    Moves the accounts' `last_number` and `last_hash` in memory; `write_accounts` stores them.
    """
    return [row[0] for row in write_rows(accounts, lines)]


def write_rows(accounts: dict[int, Account], lines: Sequence[Line]) -> list[tuple[Any, ...]]:
    """As `write_lines`, but the rows as they were written: the id, then ENTRY_FIELDS."""
    explanations = {id(line.explanation): line.explanation for line in lines}  # equal baskets share one
    digests = {number: chain.explanation_digest(explanation) for number, explanation in explanations.items()}
    rows = [_row(accounts[line.account_id], line, digests[id(line.explanation)]) for line in lines]
    ids = insert_numbered(Entry, ENTRY_FIELDS, rows)
    return [(entry_id, *row) for entry_id, row in zip(ids, rows, strict=True)]


def written(row: tuple[Any, ...]) -> Entry:
    """A row of `write_rows` as an entry."""
    return as_read(Entry, ("id", *ENTRY_FIELDS), row)


def write_line(account: Account, line: Line) -> Entry:
    """Write one entry for a locked account, as `write_lines` does, and return it."""
    (row,) = write_rows({account.id: account}, [line])
    return written(row)


def _row(account: Account, line: Line, digest: str) -> tuple[Any, ...]:
    """A line as ENTRY_FIELDS has it: numbered, and chained to the account's last one."""
    account.last_number += 1
    account.last_hash = chain.link(
        bytes(account.last_hash),
        account_id=line.account_id,
        number=account.last_number,
        kind=line.kind,
        amount=line.amount,
        effective_at=line.effective_at,
        recorded_at=line.recorded_at,
        source=line.source,
        reference=line.reference,
        actor=line.actor,
        explanation=line.explanation,
        corrects_id=line.corrects_id,
        digest=digest,
    )
    return (
        line.account_id, account.last_number, line.kind, line.amount, line.effective_at, line.recorded_at, line.source,
        line.reference, line.actor, line.reason, line.explanation, line.corrects_id, account.last_hash,
    )  # fmt: skip


def write_allocations(rows: Iterable[tuple[int, int, int]]) -> None:
    """Write allocations: (entry id, lot id, amount), amounts positive."""
    insert_rows(Allocation, ("entry", "lot", "amount"), rows)


def write_accounts(accounts: Iterable[Account]) -> None:
    """Store the figures of locked accounts."""
    rows = [(a.id, a.available, a.pending, a.held, a.debt, a.last_number, bytes(a.last_hash)) for a in accounts]
    update_rows(Account, "id", ACCOUNT_FIGURES, rows)
