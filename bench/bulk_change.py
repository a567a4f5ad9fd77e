"""Posting a bulk adjustment: lines per second of an approved change beside one SQL statement writing the same rows.

Run on an empty database of its own: `DATABASE_URL=... python bench/bulk_change.py [--members 10000]`. It migrates, makes
members, previews, asks and posts, and prints the ratio of posting to the raw rows, which carry neither proof nor lines.
"""

import argparse
import gc
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from loyalty.jobs.changes import deciding, drafting, posting  # noqa: E402
from loyalty.jobs.models import ApprovalLimits, ChangeRequest  # noqa: E402
from members.enrolment import Applicant, enrol_many  # noqa: E402
from members.models import Member  # noqa: E402
from members.testing import make_program  # noqa: E402

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NO_LIMIT = dict.fromkeys(("adjustment_points", "adjustment_points_a_day", "bulk_members", "bulk_points"))
ENTRIES = """
INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason, explanation, hash)
SELECT a.id, a.last_number + 1, 'adjustment', 10, %s, %s, 'desk', %s, 'bench', 'bench', '{{}}', {empty}
FROM ledger_account a JOIN ledger_wallet w ON w.id = a.wallet_id WHERE w.program_id = %s
"""
LOTS = """
INSERT INTO ledger_lot (account_id, entry_id, granted_at, available_at, is_pending, rule_version, granted, returned, remaining, held, redeemed, expired, clawed_back, forfeited)
SELECT e.account_id, e.id, e.effective_at, e.effective_at, {false}, '', 10, 0, 10, 0, 0, 0, 0, 0 FROM ledger_entry e WHERE e.reference = %s
"""
ACCOUNTS = """
UPDATE ledger_account SET available = available + 10, last_number = last_number + 1
WHERE wallet_id IN (SELECT id FROM ledger_wallet WHERE program_id = %s)
"""


def fill(name: str, members: int) -> Member:
    """A program with members and without limits; one of the members."""
    program = make_program(f"{name}{time.time_ns()}")
    ApprovalLimits.objects.create(program=program, **NO_LIMIT)
    for start in range(0, members, 2000):
        people = [Applicant("bench", str(number)) for number in range(start, min(start + 2000, members))]
        enrol_many(program, people, at=NOW, actor="bench")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Member.objects.filter(program=program).first()


def floor(program_id: int) -> None:
    """The same entries, lots and accounts by raw SQL."""
    is_sqlite = connection.vendor == "sqlite"
    reference = f"floor:{program_id}"
    at = connection.ops.adapt_datetimefield_value(NOW)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ENTRIES.format(empty="x''" if is_sqlite else "''"), [at, at, reference, program_id])
        cursor.execute(LOTS.format(false="0" if is_sqlite else "false"), [reference])
        cursor.execute(ACCOUNTS, [program_id])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=10_000)
    count = parser.parse_args().members
    call_command("migrate", verbosity=0)
    raw = fill("floor", count)
    began = time.perf_counter()
    floor(raw.program_id)
    rates = {"floor": count / (time.perf_counter() - began)}
    program = fill("change", count).program
    gc.collect()
    gc.freeze()
    told = {"selection": {"all": True}, "amount": 10}
    began = time.perf_counter()
    change = drafting.draft(program, "adjust_many", parameters=told, reason="bench", at=NOW, actor="bench")
    rates["preview"] = count / (time.perf_counter() - began)
    began = time.perf_counter()
    deciding.submit(change, at=NOW, actor="bench")
    rates["ask"] = count / (time.perf_counter() - began)
    began = time.perf_counter()
    posting.post_due(at=NOW)
    rates["post"] = count / (time.perf_counter() - began)
    change.refresh_from_db()
    assert (change.status, change.posted_count) == (ChangeRequest.Status.DONE, count)
    for name, rate in rates.items():
        print(f"{name:8} {count:>8,} lines {rate:>10,.0f} lines/s")
    print(f"engine {connection.vendor}, post / floor = {rates['post'] / rates['floor']:.2f}")


if __name__ == "__main__":
    main()
