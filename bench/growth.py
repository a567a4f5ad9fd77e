"""Growth: what the sweep, the reminders and the reports cost as members and lots grow, the due ones staying the same.

    DATABASE_URL=postgres://... python bench/growth.py fill [--members 100000]    fill an empty database (PostgreSQL, superuser)
    DATABASE_URL=postgres://... python bench/growth.py due                        measure, with 20,000 lots due
    DATABASE_URL=postgres://... python bench/growth.py pages                      time the statements of lists and pages

Every member has one account, five lots, ten entries and two purchases: 1,000,000 members make 10,000,000 entries, about 9 GB.
The rows are made by SQL and their hashes are random, so the books prove nothing; the figures of lots and accounts are right.
Fill one database with 100,000 and one with 1,000,000 members, and compare what `due` prints for each.
"""

import argparse
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "3600s")
os.environ.setdefault("CACHE_URL", "locmemcache://")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from loyalty.ledger.models import Program, Wallet  # noqa: E402
from members.testing import make_program  # noqa: E402

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DUE = 20_000
STEP = 50_000
EACH = ("bare statement", "sweep", "reminders")
FILL = [
    """INSERT INTO members_member (id, program_id, number, source, source_key, name, email, phone, birthday, language, status,
         enrolled_at, tier_id, company)
       SELECT n, %(program)s, 'B' || lpad(n::text, 9, '0'), 'bench', n::text, 'Member ' || n, 'member' || n || '@example.com',
         '+62' || (800000000 + n), NULL, 'en', 'active', %(now)s - interval '500 days' + n * interval '10 seconds', %(tier)s, ''
       FROM generate_series(%(first)s, %(last)s) n""",
    """INSERT INTO ledger_account (id, wallet_id, opened_at, available, pending, held, debt, last_number, last_hash)
       SELECT n, %(wallet)s, %(now)s - interval '500 days', 450, 0, 0, 0, 10, sha256(n::text::bytea)
       FROM generate_series(%(first)s, %(last)s) n""",
    """INSERT INTO members_memberaccount (id, member_id, account_id, wallet_id)
       SELECT n, n, n, %(wallet)s FROM generate_series(%(first)s, %(last)s) n""",
    """INSERT INTO members_tierstay (member_id, tier_id, since, until, recorded_at, cause, measured)
       SELECT n, %(tier)s, %(now)s - interval '500 days', NULL, %(now)s - interval '500 days', 'enrolment', 0
       FROM generate_series(%(first)s, %(last)s) n""",
    """INSERT INTO members_purchase (program_id, member_id, source, receipt, occurred_at, recorded_at, channel, currency, items,
         total, eligible, tier_id, points, qualifying_points, qualifying_spend, digest, payment, points_returned, refunded)
       SELECT %(program)s, n, 'bench', n || '-' || k, t, t, '', 'IDR', 1, 100000, 100000, %(tier)s, 100, 100, 100000, '', '', 0, 0
       FROM generate_series(%(first)s, %(last)s) n, generate_series(1, 2) k,
         LATERAL (SELECT %(now)s - (400 - k * 70) * interval '1 day' + n * interval '20 seconds' AS t) s""",
    """INSERT INTO ledger_entry (id, account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason,
         explanation, hash)
       SELECT (n - 1) * 10 + k, n, k, CASE WHEN k <= 5 THEN 'accrual' ELSE 'redemption' END, CASE WHEN k <= 5 THEN 100 ELSE -10 END,
         t, t, 'bench', CASE WHEN k <= 5 THEN 'purchase:bench:' ELSE 'redemption:' END || n || '-' || k, 'bench', '', '{}',
         sha256((n || ':' || k)::bytea)
       FROM generate_series(%(first)s, %(last)s) n, generate_series(1, 10) k,
         LATERAL (SELECT %(now)s - (400 - k * 35) * interval '1 day' + n * interval '2 seconds' AS t) s""",
    """INSERT INTO ledger_lot (id, entry_id, account_id, granted_at, available_at, expires_at, is_pending, rule_version, granted, returned,
         remaining, held, redeemed, expired, clawed_back, forfeited)
       SELECT (n - 1) * 5 + k, (n - 1) * 10 + k, n, t, t,
         CASE WHEN k = 1 AND n %% %(every)s = 0 THEN %(now)s - interval '1 day' - (n %% 997) * interval '1 minute'
              WHEN k = 2 AND n %% %(every)s = 0 THEN %(now)s + interval '10 days'
              ELSE %(now)s + (100 + 40 * k) * interval '1 day' + (n %% 997) * interval '1 minute' END,
         false, 'base@1', 100, 0, 90, 0, 10, 0, 0, 0
       FROM generate_series(%(first)s, %(last)s) n, generate_series(1, 5) k,
         LATERAL (SELECT %(now)s - (400 - k * 35) * interval '1 day' + n * interval '2 seconds' AS t) s""",
    """INSERT INTO ledger_allocation (entry_id, lot_id, amount)
       SELECT (n - 1) * 10 + 5 + k, (n - 1) * 5 + k, 10
       FROM generate_series(%(first)s, %(last)s) n, generate_series(1, 5) k""",
]  # fmt: skip
NUMBERED = ("members_member", "ledger_account", "members_memberaccount", "ledger_entry", "ledger_lot")


def fill(members: int) -> None:
    """Make the tables and all rows; foreign keys are not looked at while loading."""
    call_command("migrate", verbosity=0)
    program = make_program("growth", at=NOW - timedelta(days=500))
    values = {"program": program.pk, "wallet": program.wallets.get().pk, "now": NOW, "every": members // DUE}
    values["tier"] = program.tiers.order_by("rank")[0].pk
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for first in range(1, members + 1, STEP):
            with transaction.atomic():
                for statement in FILL:
                    cursor.execute(statement, values | {"first": first, "last": min(first + STEP - 1, members)})
            print(f"{first + STEP - 1:,} members", flush=True)
        for table in NUMBERED:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        print(cursor.fetchone()[0])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of wall clock and what the call answered."""
    gc.collect()
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def bare_sweep() -> int:
    """The lots of the sweep by one raw statement."""
    from bench.sweep import floor

    floor(NOW)
    return DUE


def measure_due() -> None:
    """Sweep and reminders for the due lots, and the reports, undone afterwards."""
    from campaigns.reminders import remind_expiring
    from loyalty.ledger import expiry, finance, statements

    program = Program.objects.get(slug="growth")
    wallet = Wallet.objects.get(program=program, is_main=True)
    month = (NOW - timedelta(days=60)).date().replace(day=1)
    jobs: dict[str, Callable[[], Any]] = {
        "bare statement": bare_sweep,
        "sweep": lambda: expiry.run_sweep(program, at=NOW).done,
        "reminders": lambda: remind_expiring(program, at=NOW).done,
        "roll-forward of a month": lambda: finance.roll_forward(wallet, month),
        "outstanding now": lambda: statements.outstanding(wallet, at=NOW),
        "ageing": lambda: finance.ageing(wallet, at=NOW),
        "by month of expiry": lambda: finance.by_expiry_month(wallet, at=NOW),
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = 'ledger_lot'")
        print(f"{cursor.fetchone()[0]:,} lots")
    for name, work in jobs.items():
        seconds, answers = [], []
        for _ in range(3):
            with transaction.atomic():
                taken, answer = timed(work)
                transaction.set_rollback(True)
            seconds.append(taken)
            answers.append(answer)
        taken = statistics.median(seconds)
        each = f"{answers[0] / taken:10,.0f}/s of {answers[0]:,}" if name in EACH else ""
        print(f"{name:26} {taken * 1000:9.1f} ms {each}", flush=True)


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["fill", "due", "pages"])
    parser.add_argument("--members", type=int, default=100_000)
    options = parser.parse_args()
    if options.step == "fill":
        fill(options.members)
    elif options.step == "due":
        measure_due()
    else:
        from bench.pages import measure_pages

        measure_pages(NOW)


if __name__ == "__main__":
    main()
