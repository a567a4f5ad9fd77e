"""The only place that writes entries: it numbers them, chains them and stores them with the accounts' new figures.

Callers (`posting`, `expiry`) hold the accounts' locks and hand in what happened, in order; the number of statements does
not depend on the number of lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.bulk import as_read, insert_numbered, insert_rows, update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger import chain
from loyalty.ledger.closing import MonthClosed, open_since, surely_over
from loyalty.ledger.models import Account, Allocation, Entry

ENTRY_FIELDS = (
    "account", "number", "kind", "amount", "effective_at", "recorded_at", "source", "reference", "actor", "reason",
    "explanation", "corrects", "hash",
)  # fmt: skip
ACCOUNT_FIGURES = ("available", "pending", "held", "debt", "last_number", "last_hash", "last_draw_at")
DRAWS = (Entry.Kind.REDEMPTION, Entry.Kind.CLAW_BACK)


class ReferenceConflict(Refusal):
    """The reference was used before, for something else."""

    code = "reference_conflict"


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
    refuse_signed(accounts, lines)
    explanations = {id(line.explanation): line.explanation for line in lines}  # equal baskets share one
    digests = {number: chain.explanation_digest(explanation) for number, explanation in explanations.items()}
    rows = [numbered(accounts[line.account_id], line, digests[id(line.explanation)]) for line in lines]
    ids = insert_numbered(Entry, ENTRY_FIELDS, rows)
    return [(entry_id, *row) for entry_id, row in zip(ids, rows, strict=True)]


def refuse_signed(accounts: Mapping[int, Account], lines: Sequence[Line]) -> None:
    """A signed month records nothing any more (DOMAIN 13.2): only a wrong clock or a wrong `at` could ask for it.

    The locked accounts know their wallet's last signed month; only what comes near its end asks the database. Raises MonthClosed.
    """
    signed = [month for account in accounts.values() if (month := getattr(account, "signed_month", None))]
    first = min((line.recorded_at for line in lines), default=None)
    if not signed or first is None or first >= surely_over(max(signed)):
        return
    since = open_since({account.wallet_id for account in accounts.values()})
    for line in lines:
        if (begin := since.get(accounts[line.account_id].wallet_id)) and line.recorded_at < begin:
            raise _signed_off(begin)


def refuse_recording(wallet_ids: Iterable[int], *, at: datetime) -> None:
    """As `refuse_signed`, of anything that would be recorded in some wallets at an instant, their accounts locked."""
    begin = max(open_since(wallet_ids).values(), default=None)
    if begin and at < begin:
        raise _signed_off(begin)


def _signed_off(begin: datetime) -> MonthClosed:
    """The refusal of what would be recorded before the first open month."""
    return MonthClosed(
        _("The books are signed off until %(instant)s, and nothing is recorded before it any more. Check the clock of the server.")
        % {"instant": begin.isoformat()},
        instant=begin.isoformat(),
    )  # fmt: skip


def written(row: tuple[Any, ...]) -> Entry:
    """A row of `write_rows` as an entry."""
    return as_read(Entry, ("id", *ENTRY_FIELDS), row)


def write_line(account: Account, line: Line) -> Entry:
    """Write one entry for a locked account, as `write_lines` does, and return it."""
    (row,) = write_rows({account.id: account}, [line])
    return written(row)


def hashed(line: Line) -> dict[str, Any]:
    """What of a line is hashed, beside its account and number."""
    return {
        "kind": line.kind,
        "amount": line.amount,
        "effective_at": line.effective_at,
        "recorded_at": line.recorded_at,
        "source": line.source,
        "reference": line.reference,
        "actor": line.actor,
        "explanation": line.explanation,
        "corrects_id": line.corrects_id,
        "reason": line.reason,
    }


def numbered(account: Account, line: Line, digest: str) -> tuple[Any, ...]:
    """A line as ENTRY_FIELDS has it: numbered, and chained to the account's last one. Moves both on in memory."""
    if line.kind in DRAWS:
        note_draw(account, line.effective_at)
    account.last_number += 1
    account.last_hash = chain.link(
        bytes(account.last_hash), account_id=line.account_id, number=account.last_number, digest=digest, **hashed(line)
    )
    return as_numbered(line, account.last_number, account.last_hash)


def as_numbered(line: Line, number: int, link: bytes) -> tuple[Any, ...]:
    """A line as ENTRY_FIELDS has it, with its number and its hash."""
    return (
        line.account_id, number, line.kind, line.amount, line.effective_at, line.recorded_at, line.source,
        line.reference, line.actor, line.reason, line.explanation, line.corrects_id, link,
    )  # fmt: skip


def note_draw(account: Account, at: datetime) -> None:
    """Something draws on a locked account at an instant: what is true from before it, and told after it, is late."""
    account.last_draw_at = max(account.last_draw_at or at, at)


def write_allocations(rows: Iterable[tuple[int, int, int]]) -> None:
    """Write allocations: (entry id, lot id, amount), amounts positive."""
    insert_rows(Allocation, ("entry", "lot", "amount"), rows)


def write_accounts(accounts: Iterable[Account]) -> None:
    """Store the figures of locked accounts."""
    rows = [
        (a.id, a.available, a.pending, a.held, a.debt, a.last_number, bytes(a.last_hash), a.last_draw_at)
        for a in accounts
    ]
    update_rows(Account, "id", ACCOUNT_FIGURES, rows)
