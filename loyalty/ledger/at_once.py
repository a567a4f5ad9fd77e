"""One credit to one account, or one burn, as one PostgreSQL statement: the account moves, its entry is chained, lots follow.

The rows are the very ones that `posting` writes with several statements on both engines; tests hold them side by side. The
statement of a credit locks the account itself, so that a busy account is held for one round trip and the commit. It does
nothing where there is more to do: a reference that is known already, or a debt to repay; or where the wallet's terms are
not the ones it was made with, which may come from memory (`known_terms`).
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from typing import Any

from django.db import IntegrityError, models, transaction

from loyalty.common.prepared import hot_cursor
from loyalty.common.wording import array
from loyalty.ledger import chain, known_terms
from loyalty.ledger.closing import begin_of_month
from loyalty.ledger.crediting import LOT_FIELDS, Accrual, credit_line, lot_row
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.policies import Terms
from loyalty.ledger.writing import ACCOUNT_FIGURES, ENTRY_FIELDS, Line, as_numbered, hashed, numbered, refuse_signed

CREDIT = """
WITH moved AS (
  UPDATE ledger_account SET available = available + CASE WHEN %(is_pending)s THEN 0 ELSE %(amount)s END,
    pending = pending + CASE WHEN %(is_pending)s THEN %(amount)s ELSE 0 END, last_number = last_number + 1,
    last_hash = sha256(last_hash || convert_to('[' || id || ',' || last_number + 1 || ',' || %(hashed)s, 'UTF8'))
  WHERE id = %(account_id)s AND debt = 0 AND wallet_id = %(wallet_id)s
  AND NOT EXISTS (
    SELECT FROM ledger_entry WHERE account_id = %(account_id)s AND reference = %(reference)s AND kind = %(kind)s)
  AND EXISTS (
    SELECT FROM ledger_wallet JOIN ledger_program ON ledger_program.id = program_id
    WHERE ledger_wallet.id = %(wallet_id)s AND activation_days = %(activation_days)s AND time_zone = %(zone)s)
  AND %(newest_policy)s = coalesce(
    (SELECT id FROM ledger_expirypolicy WHERE wallet_id = %(wallet_id)s ORDER BY version DESC LIMIT 1), 0)
  AND (%(is_judged)s OR last_draw_at IS NULL OR last_draw_at < %(effective_at)s)
  AND (%(is_judged)s OR NOT EXISTS (
    SELECT FROM ledger_periodclose WHERE ledger_periodclose.wallet_id = %(wallet_id)s
      AND (month + interval '1 month 12 hours') AT TIME ZONE 'UTC' > %(recorded_at)s))
  RETURNING last_number AS number, last_hash AS hash),
written AS (
  INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason,
    explanation, hash)
  SELECT %(account_id)s, number, %(kind)s, %(amount)s, %(effective_at)s, %(recorded_at)s, %(source)s, %(reference)s, %(actor)s,
    %(reason)s, %(explanation)s, hash
  FROM moved RETURNING id, number, hash),
granted AS (
  INSERT INTO ledger_lot (entry_id, account_id, granted_at, available_at, expires_at, is_pending, rule_version, expiry_policy_id,
    confirm_by, granted, remaining, returned, held, redeemed, expired, clawed_back, forfeited)
  SELECT id, %(account_id)s, %(effective_at)s, %(available_at)s, %(expires_at)s, %(is_pending)s, %(rule_version)s, %(expiry_policy)s,
    %(confirm_by)s, %(amount)s, %(amount)s, 0, 0, 0, 0, 0, 0
  FROM written)
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


class TermsChanged(Exception):
    """The wallet promises something else than what a credit was made with: ask again."""


def credit(accrual: Accrual, *, recorded_at: datetime) -> tuple[Any, ...] | None:
    """A plain credit of an account that nobody needs to have locked; returns the entry as `write_rows` does.

    None, and nothing is written, where it takes more than one statement: the reference is known, the account owes, something drew
    on it since the points are true, they are true in an earlier month, the last month that was signed is hardly over, or points
    of the wallet may end by inactivity.
    """
    terms = known_terms.of_account(accrual)
    if terms and (row := _credited(accrual, terms, recorded_at)):
        return row
    now = known_terms.asked_of_account(accrual.account_id)
    return _credited(accrual, now, recorded_at) if now and not (terms and now.are_as(terms)) else None


def _credited(accrual: Accrual, terms: Terms, recorded_at: datetime) -> tuple[Any, ...] | None:
    """As `credit`, under these terms; None as well when they do not count any more."""
    if terms.are_idle or accrual.effective_at < begin_of_month(recorded_at, terms.zone):
        return None
    try:
        # On its own, a single statement is a transaction.
        with transaction.atomic() if transaction.get_connection().in_atomic_block else nullcontext():
            return _written(accrual, terms, recorded_at)
    except IntegrityError:
        return None  # the same reference came twice at the same time: the other one won


def credit_locked(account: Account, accrual: Accrual, terms: Terms, *, recorded_at: datetime) -> tuple[Any, ...] | None:
    """As `credit`, of a locked account that owes nothing; its record here moves along. None when the reference is known.

    Raises TermsChanged, and nothing is written, when the terms are not those of the account's wallet any more.
    """
    row = _written(accrual, terms, recorded_at, account)
    if row is None:
        if _is_known(accrual):
            return None
        raise TermsChanged
    if row[2] != account.last_number + 1:
        raise RuntimeError(f"the record of account {account.pk} is not as its row: was it locked?")
    account.last_number, account.last_hash = row[2], row[-1]
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


def _written(
    accrual: Accrual, terms: Terms, recorded_at: datetime, locked: Account | None = None
) -> tuple[Any, ...] | None:
    """The entry as it was written; None when nothing was. Points of a locked account are counted on its record as well."""
    line = credit_line(accrual, terms, recorded_at)
    lot = dict(zip(LOT_FIELDS, lot_row(0, accrual, terms, recorded_at), strict=True))
    if locked:
        refuse_signed({locked.pk: locked}, [line])
    with hot_cursor() as cursor:
        cursor.execute(
            CREDIT,
            {
                "account_id": line.account_id,
                "amount": line.amount,
                "kind": line.kind,
                "effective_at": line.effective_at,
                "recorded_at": recorded_at,
                "source": line.source,
                "reference": line.reference,
                "actor": line.actor,
                "reason": line.reason,
                "explanation": json.dumps(line.explanation) if line.explanation else "{}",
                "hashed": chain.after_number(**hashed(line)),
                "available_at": lot["available_at"],
                "expires_at": lot["expires_at"],
                "is_pending": lot["is_pending"],
                "rule_version": lot["rule_version"],
                "expiry_policy": lot["expiry_policy"],
                "confirm_by": lot["confirm_by"],
                "is_judged": locked is not None,
                "wallet_id": terms.wallet_id,
                "activation_days": terms.activation_days,
                "zone": terms.zone,
                "newest_policy": terms.newest_id,
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    if locked and lot["is_pending"]:
        locked.pending += line.amount
    elif locked:
        locked.available += line.amount
    entry_id, number, link = row
    return (entry_id, *as_numbered(line, number, link))


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
