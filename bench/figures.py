"""The figures of a program beside the time its rows take to be read.

    DATABASE_URL=postgres://... python bench/figures.py [--entries 1000000]

Fills an empty PostgreSQL database of its own first, as `bench/growth.py` does: ten entries, five lots and two purchases a member.
Each figure alone, then the whole page of figures with the period before, then one figure by month; every number is the median
of three. Nothing is cached.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, reset_queries  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from campaigns.figures import FIGURES, Reading, periods, telling  # noqa: E402
from loyalty.ledger.models import Entry, Wallet  # noqa: E402
from members.models import Purchase  # noqa: E402

ROWS = "SELECT COUNT(*), SUM(amount) FROM ledger_entry"


def fill(entries: int) -> None:
    """Members with their entries, lots and purchases, unless they are there."""
    call_command("migrate", verbosity=0)
    if Wallet.objects.exists():
        return
    from bench.growth import fill as fill_by_sql

    fill_by_sql(entries // 10)


def seconds(work: Callable[[], Any]) -> tuple[float, int]:
    """The median of three, and how many statements it takes."""
    taken = []
    for _turn in range(3):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    reset_queries()
    with CaptureQueriesContext(connection) as asked:
        work()
    return statistics.median(taken), len(asked)


def main() -> None:
    """Fill, read, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    fill(parser.parse_args().entries)
    at = datetime.now(UTC)
    wallet = Wallet.objects.select_related("program").get(is_main=True)
    year = periods(wallet.program, at=at)["year"]

    def asked() -> Reading:
        return Reading(wallet.program, wallet, year, at)

    with connection.cursor() as cursor:
        floor, _one = seconds(lambda: cursor.execute(ROWS) or cursor.fetchall())
    print(
        f"{Entry.objects.count():,} entries, {Purchase.objects.count():,} purchases; reading all entries once: {floor:.2f} s"
    )
    for name, known in FIGURES.items():
        took, statements = seconds(lambda known=known: known.function(asked()))
        print(f"{name:24} {took:6.2f} s  {statements} statements")
    took, statements = seconds(lambda: telling.tell(asked(), telling.numbers()))
    print(f"all numbers and before   {took:6.2f} s  {statements} statements, {took / floor:.1f} times the reading")
    for name in ("points_issued", "active_members", "outstanding_points"):
        took, statements = seconds(lambda name=name: telling.by_month(FIGURES[name], asked()))
        print(f"{name} by month: {took:.2f} s  {statements} statements")


if __name__ == "__main__":
    main()
