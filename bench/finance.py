"""Figures for finance beside the bare SQL of the same question: before any month is signed, and after all are.

    DATABASE_URL=... python bench/finance.py [--entries 1000000] [--explain]

Fills an empty database of its own first: on PostgreSQL by SQL as `bench/growth.py` does, on SQLite through the verbs (take
100,000 there). Ratios are taken in one run; each figure is the median of five. `--explain` prints PostgreSQL's plans.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from loyalty.common.clock import add_months  # noqa: E402
from loyalty.ledger import closing, finance, posting, revenue  # noqa: E402
from loyalty.ledger.models import Entry, Lot, PeriodClose, Wallet  # noqa: E402
from members.testing import make_program  # noqa: E402

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
OPEN = "remaining > 0 AND (expires_at IS NULL OR expires_at > %(now)s)"
RAW = {
    "roll-forward": "SELECT kind, SUM(amount) FROM ledger_entry WHERE recorded_at >= %(since)s AND recorded_at < %(until)s GROUP BY kind",
    "its opening": "SELECT SUM(amount) FROM ledger_entry WHERE recorded_at < %(since)s",
    "ageing and ends": f"SELECT granted_at >= %(since)s, expires_at, SUM(remaining) FROM ledger_lot WHERE {OPEN} GROUP BY 1, 2",
    "liability": f"SELECT SUM(remaining) FROM ledger_lot WHERE {OPEN}",
    "breakage": "SELECT granted_at >= %(since)s, SUM(granted), SUM(expired), SUM(clawed_back), SUM(remaining) FROM ledger_lot GROUP BY 1",
}


def fill(entries: int) -> None:
    """Entries of a year and their lots, unless they are there."""
    call_command("migrate", verbosity=0)
    if Wallet.objects.exists():
        return
    if connection.vendor == "postgresql":
        from bench.growth import fill as fill_by_sql

        fill_by_sql(entries // 10)
        return
    program = make_program("growth", at=NOW - timedelta(days=500))
    accounts = posting.open_accounts(program.wallets.get(), entries // 10, at=NOW - timedelta(days=500))
    for turn in range(10):
        at = NOW - timedelta(days=365 - turn * 33)
        for first in range(0, len(accounts), 1000):
            lines = [posting.Accrual(a, 100, at, f"b{turn}", "bench", "bench") for a in accounts[first : first + 1000]]
            posting.accrue_many(lines, recorded_at=at)


def milliseconds(work: Callable[[], Any]) -> float:
    """The median of five."""
    taken = []
    for _turn in range(5):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def raw(statement: str, month: date) -> float:
    """What the bare statement takes."""
    since, until = finance.month_bounds(month, "Asia/Jakarta")
    with connection.cursor() as cursor:
        return milliseconds(
            lambda: cursor.execute(statement, {"since": since, "until": until, "now": NOW}) and cursor.fetchall()
        )


def measure(wallet: Wallet, month: date, *, explain: bool) -> None:
    """Each figure beside its bare statements."""
    bare = {name: raw(statement, month) for name, statement in RAW.items()}
    figures: dict[str, tuple[Callable[[], Any], float]] = {
        "roll-forward with opening": (
            lambda: finance.roll_forward(wallet, month),
            bare["roll-forward"] + bare["its opening"],
        ),
        "ageing and ends": (lambda: finance.valued(wallet, at=NOW), bare["ageing and ends"]),
        "liability": (lambda: finance.worth(wallet, finance.outstanding_at(wallet, at=NOW)), bare["liability"]),
        "ageing 60 days ago": (lambda: finance.valued(wallet, at=NOW - timedelta(days=60)), bare["ageing and ends"]),
        "breakage by cohort": (lambda: revenue.breakage(wallet, at=NOW), bare["breakage"]),
        "what accounts hold": (lambda: closing.left_on_accounts(wallet, month), 0),
    }
    for name, (work, floor) in figures.items():
        taken = milliseconds(work)
        beside = f"raw {floor:7.0f} ms, ratio raw to ours {floor / taken:.2f}" if floor else ""
        print(f"{name:28} {taken:7.0f} ms  {beside}", flush=True)
        if explain and connection.vendor == "postgresql":
            plans(work)


def plans(work: Callable[[], Any]) -> None:
    """The plans of the statements of a figure, their first lines."""
    with CaptureQueriesContext(connection) as asked:
        work()
    with connection.cursor() as cursor:
        for query in asked:
            if query["sql"].startswith("SELECT"):
                cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + query["sql"])
                print("\n".join(f"      {line}" for (line,) in cursor.fetchall()))


def main() -> None:
    """Fill, measure, sign every month that is over, measure again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--explain", action="store_true")
    options = parser.parse_args()
    fill(options.entries)
    wallet = Wallet.objects.select_related("program").get(is_main=True)
    month = date(2026, 11, 1)
    print(f"{Entry.objects.count():,} entries, {Lot.objects.filter(remaining__gt=0).count():,} open lots")
    if not PeriodClose.objects.filter(wallet=wallet).exists():
        print("No month is signed:")
        measure(wallet, month, explain=options.explain)
        first = date(2025, 11, 1)
        began = time.perf_counter()
        for turn in range(12):
            closing.close_month(wallet, add_months(first, turn), at=NOW, actor="bench")
        print(f"signing 12 months: {time.perf_counter() - began:.1f} s")
    print("Twelve months are signed:")
    measure(wallet, month, explain=options.explain)


if __name__ == "__main__":
    main()
