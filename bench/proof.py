"""Proof and time travel: entries verified and anchored per second, and an account's position at a past instant.

Run on an empty database of its own: `DATABASE_URL=... python bench/proof.py [accounts]`. The raw line is what reading the
same entries costs without checking anything; ratios are taken in one run.
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
from django.db import connection  # noqa: E402

from loyalty.ledger import anchors, asof, checking, finance, posting, revenue  # noqa: E402
from loyalty.ledger.models import Entry, Program, Wallet  # noqa: E402

AT = datetime(2026, 1, 1, tzinfo=UTC)
LONG = 1000


def seconds(work) -> float:
    """How long `work()` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fill(wallet: Wallet, count: int) -> list[int]:
    """Accounts with nine credits and one burn each, and one with a long history."""
    accounts = posting.open_accounts(wallet, count, at=AT)
    for turn in range(9):
        at = AT + timedelta(days=turn)
        for start in range(0, count, 1000):
            posting.accrue_many(
                [posting.Accrual(a, 10, at, f"b{turn}", "bench", "bench") for a in accounts[start : start + 1000]],
                recorded_at=at,
            )
    for account in accounts[: count // 10]:
        posting.redeem(account, 25, at=AT + timedelta(days=10), reference="r", source="bench", actor="bench")
    (long,) = posting.open_accounts(wallet, 1, at=AT)
    for start in range(0, LONG, 500):
        lines = [
            posting.Accrual(long, 10, AT + timedelta(hours=n), f"l{n}", "bench", "bench")
            for n in range(start, start + 500)
        ]
        posting.accrue_many(lines, recorded_at=AT + timedelta(days=60))
    for turn in range(200):
        posting.redeem(
            long, 35, at=AT + timedelta(days=61, hours=turn), reference=f"r{turn}", source="bench", actor="bench"
        )
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE")
    return [*accounts, long]


def main() -> None:
    """Measure and print."""
    call_command("migrate", verbosity=0)
    program = Program.objects.create(slug=f"bench{time.time_ns()}", name="Bench", created_at=AT)
    wallet = Wallet.objects.create(program=program, slug="points", is_main=True)
    accounts = fill(wallet, int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
    entries = Entry.objects.filter(account__wallet=wallet).count()
    raw = seconds(lambda: [None for _ in Entry.objects.filter(account__wallet=wallet).values_list().iterator(5000)])
    found: list = []
    proof = seconds(lambda: found.extend(checking.verify(program)))
    print(f"verify: {entries / proof:,.0f} entries/s ({entries:,} entries, {len(found)} violations), "
          f"ratio to reading them {raw / proof:.2f}")  # fmt: skip
    anchored = seconds(lambda: anchors.make_anchor(program, at=AT + timedelta(days=90)))
    print(f"anchor: {len(accounts) / anchored:,.0f} accounts/s")
    print(f"verify since the anchor: {seconds(lambda: list(checking.verify(program, since_anchor=True))):.2f} s")
    for name, account in (("10 entries", accounts[0]), (f"{LONG + 200} entries", accounts[-1])):
        times = []
        for turn in range(40):
            at = AT + timedelta(days=turn * 2)
            times.append(seconds(lambda account=account, at=at: asof.position(account, at=at, known_at=at)))
        print(
            f"position at a past instant, {name}: {statistics.median(times) * 1000:.1f} ms, worst {max(times) * 1000:.1f} ms"
        )
    month = AT.date()
    print(f"roll-forward of a month: {seconds(lambda: finance.roll_forward(wallet, month)) * 1000:.0f} ms")
    print(f"ageing: {seconds(lambda: finance.ageing(wallet, at=AT + timedelta(days=30))) * 1000:.0f} ms")
    print(f"breakage by cohort: {seconds(lambda: revenue.breakage(wallet, at=AT + timedelta(days=90))) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
