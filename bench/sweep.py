"""Expiry sweep: lots per second of `expiry.run_sweep` beside one SQL statement writing the same rows without proof.

Run on an empty database of its own: `DATABASE_URL=... python bench/sweep.py [--members 20000] [--share 10]`.
It migrates, fills the books, measures on fresh copies of the same due lots, and prints the ratio.
"""

import argparse
import gc
import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from loyalty.common.bulk import is_postgresql  # noqa: E402
from loyalty.ledger import expiry, posting  # noqa: E402
from loyalty.ledger.models import Program, Wallet  # noqa: E402

OPENING = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = OPENING + timedelta(days=100)
NOW = ENDS + timedelta(days=1)

POSTGRESQL_FLOOR = """
WITH gone AS (
  UPDATE ledger_lot SET expired = expired + remaining, remaining = 0
  FROM (SELECT l.id, l.remaining AS points FROM ledger_lot l WHERE l.expires_at <= %s AND l.remaining > 0) d
  WHERE ledger_lot.id = d.id RETURNING ledger_lot.id, account_id, expires_at, d.points),
numbered AS (SELECT g.*, a.last_number + row_number() OVER (PARTITION BY account_id ORDER BY expires_at, g.id) AS n
  FROM gone g JOIN ledger_account a ON a.id = account_id),
written AS (
  INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason, explanation, hash)
  SELECT account_id, n, 'expiry', -points, expires_at, now(), 'expiry', 'floor:' || id, 'bench', '', '{}', '' FROM numbered
  RETURNING id, account_id, number, amount),
traced AS (INSERT INTO ledger_allocation (entry_id, lot_id, amount)
  SELECT w.id, n.id, n.points FROM written w JOIN numbered n ON n.account_id = w.account_id AND n.n = w.number)
UPDATE ledger_account a SET available = available - t.points, last_number = t.n
FROM (SELECT account_id, sum(points) AS points, max(n) AS n FROM numbered GROUP BY account_id) t WHERE a.id = t.account_id
"""
SQLITE_FLOOR = [
    """INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason, explanation, hash)
       SELECT l.account_id, a.last_number + row_number() OVER (PARTITION BY l.account_id ORDER BY l.expires_at, l.id), 'expiry',
              -l.remaining, l.expires_at, l.expires_at, 'expiry', 'floor:' || l.id, 'bench', '', '{}', x''
       FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id WHERE l.expires_at <= ? AND l.remaining > 0""",
    """INSERT INTO ledger_allocation (entry_id, lot_id, amount)
       SELECT e.id, l.id, l.remaining FROM ledger_lot l JOIN ledger_entry e ON e.account_id = l.account_id AND e.reference = 'floor:' || l.id
       WHERE l.expires_at <= ? AND l.remaining > 0""",
    """UPDATE ledger_account SET available = available - g.points, last_number = last_number + g.lots
       FROM (SELECT account_id, sum(remaining) AS points, count(*) AS lots FROM ledger_lot WHERE expires_at <= ? AND remaining > 0 GROUP BY account_id) g
       WHERE g.account_id = ledger_account.id""",
    "UPDATE ledger_lot SET expired = expired + remaining, remaining = 0 WHERE expires_at <= ? AND remaining > 0",
]


def fill(members: int, lots_each: int, share: int) -> Program:
    """Accounts with `lots_each` lots; one lot in every `100 / share` is due."""
    program = Program.objects.create(slug=f"bench{time.time_ns()}", name="Bench", created_at=OPENING)
    wallet = Wallet.objects.create(program=program, slug="points", is_main=True)
    step, number = max(1, 100 // share), 0
    for start in range(0, members, 2000):
        accounts = posting.open_accounts(wallet, min(2000, members - start), at=OPENING)
        accruals = []
        for account in accounts:
            for lot in range(lots_each):
                number += 1
                ends = ENDS - timedelta(minutes=number % 997) if number % step == 0 else ENDS + timedelta(days=200)
                accruals.append(posting.Accrual(account, 10, OPENING, f"r{lot}", "bench", "bench", expires_at=ends))
        posting.accrue_many(accruals, recorded_at=OPENING)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return program


def floor() -> None:
    """The same rows by raw SQL, without chain and without chunks."""
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(POSTGRESQL_FLOOR, [NOW])
        else:
            at = connection.ops.adapt_datetimefield_value(NOW)
            for statement in SQLITE_FLOOR:
                cursor.execute(statement.replace("?", "%s"), [at])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--lots", type=int, default=5)
    parser.add_argument("--share", type=int, default=10)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    rates = {}
    for name in ("floor", "sweep"):
        program = fill(options.members, options.lots, options.share)
        due = expiry.preview(program, at=NOW)["lots"]
        gc.collect()
        gc.freeze()  # what filling left behind is not the sweep's to look through
        began = time.perf_counter()
        floor() if name == "floor" else expiry.run_sweep(program, at=NOW)
        rates[name] = due / (time.perf_counter() - began)
        print(f"{name:6} {due:>9,} lots {rates[name]:>10,.0f} lots/s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"engine {connection.vendor}, sweep / floor = {rates['sweep'] / rates['floor']:.2f}, peak memory {peak} MiB")


if __name__ == "__main__":
    main()
