"""Posting: accruals per second through the verbs beside the raw rows, and the cost of a burn as open lots grow.

Run on an empty database of its own: `DATABASE_URL=... python bench/posting.py`. Prints ratios taken in one run.
"""

import os
import statistics
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

from loyalty.common.bulk import insert_rows, reserve_ids  # noqa: E402
from loyalty.ledger import posting, writing  # noqa: E402
from loyalty.ledger.models import Entry, Lot, Program, Wallet  # noqa: E402

AT = datetime(2026, 1, 1, tzinfo=UTC)


def per_second(count: int, work) -> float:
    """How many of `count` a second `work()` does."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def raw_batch(accounts: list[int], size: int) -> None:
    """Entries and lots of one batch, written bare."""
    with transaction.atomic():
        ids = reserve_ids(Entry, size)
        rows = [
            (i, accounts[n % len(accounts)], 10**9 + i, "accrual", 1, AT, AT, "raw", f"raw{i}", "raw", "", {}, None, b"")
            for n, i in enumerate(ids)
        ]
        insert_rows(Entry, ("id", *writing.ENTRY_FIELDS), rows)
        lots = [(i, row[1], AT, AT, None, False, "", None, 1, 0, 1, 0, 0, 0, 0, 0) for i, row in zip(ids, rows, strict=True)]
        insert_rows(Lot, posting.LOT_FIELDS, lots)


def main() -> None:
    """Measure and print."""
    call_command("migrate", verbosity=0)
    program = Program.objects.create(slug=f"bench{time.time_ns()}", name="Bench", created_at=AT)
    wallet = Wallet.objects.create(program=program, slug="points", is_main=True)
    accounts = posting.open_accounts(wallet, 2000, at=AT)

    size = 1000
    raw = per_second(10 * size, lambda: [raw_batch(accounts, size) for _ in range(10)])

    def batches() -> None:
        for batch in range(10):
            posting.accrue_many(
                [posting.Accrual(accounts[n % 2000], 1, AT, f"b{batch}-{n}", "bench", "bench") for n in range(size)],
                recorded_at=AT,
            )

    verb = per_second(10 * size, batches)
    print(f"batches of {size}: {verb:,.0f}/s, raw rows {raw:,.0f}/s, ratio {verb / raw:.2f}")

    def singles() -> None:
        for n in range(500):
            posting.accrue(accounts[n], 1, at=AT, reference=f"s{n}", source="bench", actor="bench")

    single = per_second(500, singles)
    raw_single = per_second(500, lambda: [raw_batch(accounts[n : n + 1], 1) for n in range(500)])
    print(f"one at a time: {single:,.0f}/s, raw rows {raw_single:,.0f}/s, ratio {single / raw_single:.2f}")

    base = None
    for open_lots in (1, 10, 100, 1000):
        (account,) = posting.open_accounts(wallet, 1, at=AT)
        posting.accrue_many(
            [
                posting.Accrual(account, 100, AT, f"l{n}", "bench", "bench", expires_at=AT + timedelta(days=30 + n))
                for n in range(open_lots)
            ],
            recorded_at=AT,
        )
        times = []
        for n in range(60):
            began = time.perf_counter()
            posting.redeem(account, 1, at=AT, reference=f"burn{n}", source="bench", actor="bench")
            times.append(time.perf_counter() - began)
        median = statistics.median(times) * 1000
        base = base or median
        print(f"burn with {open_lots:>5} open lots: {median:.2f} ms, {median / base:.2f} x one lot")
    print(f"engine {connection.vendor}")


if __name__ == "__main__":
    main()
