"""The expiry sweep on PostgreSQL: for each chunk one statement locks the accounts and one writes off their lots.

The rows are the very ones that `lapsing` writes on both engines, hashes included; tests hold them side by side. Both
statements follow what is due through the indexes, whatever the planner believes of how much that is: statistics are of
yesterday, and today's lots are those that they know least of.
"""

import json
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from loyalty.ledger import chain
from loyalty.ledger.lapsing import ACTOR, UNCONFIRMED, tell
from loyalty.ledger.models import Program
from loyalty.ledger.writing import refuse_recording

Place = tuple[datetime | None, int]
# What would look through whole tables where a few rows are due, and compiling what runs once.
PLANS_LEFT_OUT = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit")
# Sent along with the first and the last statement of a transaction: rows are looked up one after the other by index in between.
ROW_AFTER_ROW = "".join(f"SET LOCAL {name} = off;" for name in PLANS_LEFT_OUT)
AS_BEFORE = "".join(f";SET LOCAL {name} TO DEFAULT" for name in PLANS_LEFT_OUT)
FIND = """
WITH found AS MATERIALIZED (
  SELECT l.id, l.account_id, l.expires_at FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id
  WHERE a.wallet_id = ANY(ARRAY(SELECT id FROM ledger_wallet WHERE program_id = %(program)s))
    AND l.remaining > 0 AND l.remaining > l.held AND l.expires_at <= %(at)s AND (l.expires_at, l.id) > (%(end)s, %(lot)s)
  ORDER BY l.expires_at, l.id LIMIT %(most)s),
numbered AS (SELECT *, (row_number() OVER (ORDER BY account_id, expires_at, id) - 1) / %(size)s AS chunk FROM found)
SELECT array_agg(id)::text, count(*), max(expires_at), max(id) FILTER (WHERE expires_at = (SELECT max(expires_at) FROM found))
FROM numbered GROUP BY chunk ORDER BY chunk
"""
LOCK = """
WITH locked AS MATERIALIZED (
  SELECT id, wallet_id FROM ledger_account
  WHERE id IN (SELECT account_id FROM ledger_lot WHERE id = ANY(%(lots)s::bigint[])) ORDER BY id FOR UPDATE)
SELECT array_agg(DISTINCT wallet_id) FROM locked
"""
# Lots in the order of their entries; what an entry says from its kind on, as `chain.after_number` writes it; the entries
# of each account, one after the other, each hashed over the one before.
WRITE_OFF = """
WITH gone AS MATERIALIZED (
  SELECT l.account_id, l.id AS lot_id, l.expires_at, l.remaining - l.held AS points, l.is_pending,
    l.available_at IS NULL AS is_unconfirmed, a.last_number, a.last_hash,
    '"expiry",' || l.held - l.remaining || ',"' || to_char(l.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
      || '+00:00","' || %(recorded)s || '","expiry","expiry:' || l.id || ':' || a.last_number + 1 || '","' || %(actor)s || '","'
      || CASE WHEN l.available_at IS NULL THEN %(digest)s ELSE '' END || '",null]' AS said
  FROM unnest(%(lots)s::bigint[]) AS found(id)
    JOIN ledger_lot l ON l.id = found.id JOIN ledger_account a ON a.id = l.account_id
  WHERE l.remaining > l.held AND l.expires_at <= %(at)s
  ORDER BY l.account_id, l.expires_at, l.id),
owned AS MATERIALIZED (
  SELECT account_id, min(last_number) AS last_number, (array_agg(last_hash))[1] AS last_hash, array_agg(lot_id) AS lots,
    array_agg(points) AS points, array_agg(expires_at) AS ends, array_agg(is_unconfirmed) AS unconfirmed, array_agg(said) AS said,
    sum(points) AS total, coalesce(sum(points) FILTER (WHERE is_pending), 0) AS pending
  FROM gone GROUP BY account_id),
chained AS MATERIALIZED (
  SELECT nextval((SELECT pg_get_serial_sequence('ledger_entry', 'id')::regclass)) AS id, o.account_id,
    o.last_number + c.place AS number, o.lots[c.place] AS lot_id, o.points[c.place] AS points, o.ends[c.place] AS expires_at,
    o.unconfirmed[c.place] AS is_unconfirmed, c.hash, c.place = cardinality(o.lots) AS is_last,
    o.last_number + 1 AS first_number, o.total, o.pending
  FROM owned o CROSS JOIN LATERAL (
    WITH RECURSIVE link(place, hash) AS (
      SELECT 1, sha256(o.last_hash || convert_to('[' || o.account_id || ',' || o.last_number + 1 || ',' || o.said[1], 'UTF8'))
      UNION ALL
      SELECT place + 1, sha256(hash || convert_to(
        '[' || o.account_id || ',' || o.last_number + place + 1 || ',' || o.said[place + 1], 'UTF8'))
      FROM link WHERE place < cardinality(o.lots))
    SELECT place, hash FROM link) c),
written AS (
  INSERT INTO ledger_entry (id, account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason,
    explanation, hash)
  SELECT c.id, c.account_id, c.number, 'expiry', -c.points, c.expires_at, %(recorded_at)s, 'expiry',
    'expiry:' || c.lot_id || ':' || c.first_number, %(actor)s, '',
    CASE WHEN c.is_unconfirmed THEN %(unconfirmed)s ELSE '{}' END::jsonb, c.hash
  FROM chained c),
traced AS (INSERT INTO ledger_allocation (entry_id, lot_id, amount) SELECT id, lot_id, points FROM chained),
emptied AS (
  UPDATE ledger_lot l SET expired = l.expired + c.points, remaining = l.held FROM chained c WHERE l.id = c.lot_id),
moved AS (
  UPDATE ledger_account a SET available = a.available - (c.total - c.pending), pending = a.pending - c.pending,
    last_number = c.number, last_hash = c.hash
  FROM chained c WHERE a.id = c.account_id AND c.is_last)
SELECT count(*), coalesce(sum(points), 0)::bigint, array_agg(id ORDER BY id) FILTER (WHERE is_unconfirmed) FROM chained
"""


class Found(NamedTuple):
    """Lots that are due: in chunks, account by account, each an array in words; and where to go on (None: no more)."""

    chunks: list[str]
    after: Place | None


def find(program: Program, *, at: datetime, after: Place | None, size: int, chunks: int) -> Found:
    """A program's next lots that are due, as they ended, in so many chunks of a size at most; nothing is locked.

    Within them the accounts come in order, so that each page of the tables is turned once and not for every chunk.
    """
    end, lot = after or (None, 0)
    given: dict[str, Any] = {"program": program.pk, "at": at, "end": end or "-infinity", "lot": lot}
    with connection.cursor() as cursor:
        cursor.execute(ROW_AFTER_ROW + FIND + AS_BEFORE, given | {"size": size, "most": size * chunks})
        rows = rows_of(cursor)
    if sum(count for _lots, count, *_last in rows) < size * chunks:
        return Found([row[0] for row in rows], None)
    return Found([row[0] for row in rows], max((end, lot) for *_, end, lot in rows if lot))


def write_off(lots: str, *, at: datetime, recorded_at: datetime) -> tuple[int, int]:
    """Lock the accounts of some lots and write off what is left and not held of those past their end: how many, and points.

    They are looked at again under the lock: a redemption may have been faster. Raises MonthClosed.
    """
    with connection.cursor() as cursor:
        cursor.execute(ROW_AFTER_ROW + LOCK, {"lots": lots})
        ((wallets,),) = rows_of(cursor)
        refuse_recording(wallets or [], at=recorded_at)
        cursor.execute(WRITE_OFF + AS_BEFORE, _given(lots, at, recorded_at))
        ((written, points, unconfirmed),) = rows_of(cursor)
    tell(unconfirmed or [], at=recorded_at)
    return written, points


def _given(lots: str, at: datetime, recorded_at: datetime) -> dict[str, Any]:
    """The values of WRITE_OFF."""
    said = {"recorded": chain.instant(recorded_at), "digest": chain.explanation_digest(UNCONFIRMED), "actor": ACTOR}
    return said | {"lots": lots, "at": at, "recorded_at": recorded_at, "unconfirmed": json.dumps(UNCONFIRMED)}


def rows_of(cursor: Any) -> list[tuple[Any, ...]]:
    """The rows of the one statement that gives any, of those that were sent together."""
    while cursor.description is None:
        cursor.nextset()
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
