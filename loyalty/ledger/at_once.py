"""One credit to one account, or one burn, as one PostgreSQL statement: the account moves, its entry is chained, lots follow.

The rows are the very ones that `posting` writes with several statements on both engines; tests hold them side by side. The
statement of a credit locks the account itself, so that a busy account is held for one round trip and the commit. It does
nothing where there is more to do: a reference that is known already, or a debt to repay.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import models

from loyalty.common.prepared import hot_cursor
from loyalty.common.wording import array
from loyalty.ledger import chain
from loyalty.ledger.crediting import LOT_FIELDS, Accrual, credit_line, lot_row
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.policies import Terms
from loyalty.ledger.writing import ACCOUNT_FIGURES, ENTRY_FIELDS, Line, hashed, numbered, refuse_signed

# What the statement itself finds out.
NUMBERED = ("number", "hash")
STATEMENT = """
WITH moved AS (
  UPDATE ledger_account SET available = available + %(available)s, pending = pending + %(waiting)s,
    last_number = last_number + 1,
    last_hash = sha256(last_hash || convert_to('[' || id || ',' || last_number + 1 || ',' || %(hashed)s, 'UTF8'))
  WHERE id = %(account_id)s AND debt = 0 AND NOT EXISTS (
    SELECT FROM ledger_entry WHERE account_id = %(account_id)s AND reference = %(reference)s AND kind = %(kind)s)
  AND (%(is_judged)s OR last_draw_at IS NULL OR last_draw_at < %(effective_at)s)
  AND (%(is_judged)s OR NOT EXISTS (
    SELECT FROM ledger_periodclose WHERE ledger_periodclose.wallet_id = ledger_account.wallet_id
      AND (month + interval '1 month 12 hours') AT TIME ZONE 'UTC' > %(recorded_at)s))
  RETURNING last_number AS number, last_hash AS hash),
written AS (
  INSERT INTO ledger_entry (number, hash, {entry}) SELECT number, hash, {entry_values} FROM moved RETURNING id, number, hash),
granted AS (
  INSERT INTO ledger_lot (entry_id, {lot}) SELECT id, {lot_values} FROM written)
SELECT id, number, hash FROM written
"""

BURN = """
WITH written AS (INSERT INTO "ledger_entry" ({entry}) VALUES ({values}) RETURNING id),
drawn AS (SELECT lot_id, points FROM unnest(%s::bigint[], %s::bigint[]) AS draw(lot_id, points)),
traced AS (INSERT INTO "ledger_allocation" (entry_id, lot_id, amount) SELECT id, lot_id, points FROM written, drawn),
emptied AS (
  UPDATE "ledger_lot" SET remaining = remaining - points, redeemed = redeemed + points FROM drawn WHERE id = lot_id),
moved AS (UPDATE "ledger_account" SET ({figures}) = ({figure_values}) WHERE id = %s)
SELECT id FROM written
"""


def credit(accrual: Accrual, terms: Terms, *, recorded_at: datetime) -> tuple[Any, ...] | None:
    """Credit an account that nobody needs to have locked; returns the entry as `write_rows` does.

    None, and nothing is written, when the reference is known, the account owes, something drew on it since the points are true, or the last month that was signed
    is hardly over. Raises IntegrityError when another transaction wrote the same reference at the same time.
    """
    line = credit_line(accrual, terms, recorded_at)
    lot = dict(zip(_columns(Lot, LOT_FIELDS), lot_row(0, accrual, terms, recorded_at), strict=True))
    return _written(line, lot, is_judged=False)


def credit_locked(account: Account, accrual: Accrual, terms: Terms, *, recorded_at: datetime) -> tuple[Any, ...] | None:
    """As `credit`, of a locked account that owes nothing; its record here moves along. None when the reference is known."""
    line = credit_line(accrual, terms, recorded_at)
    lot = dict(zip(_columns(Lot, LOT_FIELDS), lot_row(0, accrual, terms, recorded_at), strict=True))
    refuse_signed({account.pk: account}, [line])
    row = _written(line, lot, is_judged=True)
    if row is None and _is_known(accrual):
        return None
    entry = dict(zip(ENTRY_FIELDS, row[1:], strict=True)) if row else {"number": 0}
    if row is None or entry["number"] != account.last_number + 1:
        raise RuntimeError(f"the record of account {account.pk} is not as its row: was it locked?")
    account.last_number, account.last_hash = entry["number"], entry["hash"]
    if lot["is_pending"]:
        account.pending += line.amount
    else:
        account.available += line.amount
    return row


def _is_known(accrual: Accrual) -> bool:
    return Entry.objects.filter(account=accrual.account_id, reference=accrual.reference, kind=accrual.kind).exists()


def burn(account: Account, line: Line, drawn: Sequence[tuple[int, int]]) -> tuple[Any, ...]:
    """Write a burn of a locked account that draws (lot id, points), and the account's figures as its record has them.

    Returns the entry as `write_rows` does.
    """
    refuse_signed({account.pk: account}, [line])
    row = numbered(account, line, chain.explanation_digest(line.explanation))
    told = [json.dumps(value) if isinstance(value, dict) else value for value in row]
    lots, points = zip(*drawn, strict=True)
    figures = [getattr(account, figure) for figure in ACCOUNT_FIGURES]
    with hot_cursor() as cursor:
        cursor.execute(_burn_statement(), [*told, array(lots), array(points), *figures, account.pk])
        return (cursor.fetchone()[0], *row)


def _written(line: Line, lot: dict[str, Any], *, is_judged: bool) -> tuple[Any, ...] | None:
    """The entry as it was written; None when nothing was."""
    waiting = line.amount if lot["is_pending"] else 0
    entry = {column: getattr(line, column) for column in _columns(Entry, ENTRY_FIELDS) if column not in NUMBERED}
    entry |= {"explanation": json.dumps(line.explanation), "hashed": chain.after_number(**hashed(line))}
    with hot_cursor() as cursor:
        cursor.execute(
            _statement(), lot | entry | {"available": line.amount - waiting, "waiting": waiting, "is_judged": is_judged}
        )
        row = cursor.fetchone()
    if row is None:
        return None
    last = dict(zip(NUMBERED, row[1:], strict=True))
    return (row[0], *(last[c] if c in last else getattr(line, c) for c in _columns(Entry, ENTRY_FIELDS)))


@cache
def _statement() -> str:
    """The statement with the columns of entries and lots."""
    entry = [column for column in _columns(Entry, ENTRY_FIELDS) if column not in NUMBERED]
    lot = [column for column in _columns(Lot, LOT_FIELDS) if column != "entry_id"]
    parts = {"entry": entry, "lot": lot}
    named = {name: ", ".join(columns) for name, columns in parts.items()}
    given = {f"{name}_values": ", ".join(f"%({column})s" for column in columns) for name, columns in parts.items()}
    return STATEMENT.format(**named, **given)


@cache
def _burn_statement() -> str:
    """The statement of a burn with the columns of entries and the figures of accounts."""
    entry, figures = _columns(Entry, ENTRY_FIELDS), _columns(Account, ACCOUNT_FIGURES)
    named = {"entry": ", ".join(entry), "figures": ", ".join(figures)}
    marks = {"values": ", ".join(["%s"] * len(entry)), "figure_values": ", ".join(["%s"] * len(figures))}
    return BURN.format(**named, **marks)


@cache
def _columns(model: type[models.Model], fields: Sequence[str]) -> list[str]:
    described: list[Any] = [model._meta.get_field(name) for name in fields]
    return [field.column for field in described]
