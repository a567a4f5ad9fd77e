"""How long it takes to replay 69,659 purchases in one run, beside the reading of their rows.

    python bench/replay.py [--purchases 69659] [--profile]

Invents purchases (always the same ones: a third with two lines of goods), imports them, and then reads their rows only, proves that the
live rules give the books (`campaigns.proving`), and back-tests a draft about a category on them (`campaigns.backtest`, both sides). Runs in
a test database of its own, on SQLite (a file) unless DATABASE_URL names a PostgreSQL server. Prints seconds, processor time and memory.
"""

import argparse
import cProfile
import csv
import os
import pstats
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

import django

django.setup()

from django.db import connection  # noqa: E402
from own_database import in_own_database  # noqa: E402

from campaigns import backtest, rules  # noqa: E402
from campaigns.demo import program as setup  # noqa: E402
from campaigns.importing import Options, import_file  # noqa: E402
from campaigns.models import Campaign, Rule  # noqa: E402
from campaigns.proving import FIRST, prove  # noqa: E402
from campaigns.replaying import batches  # noqa: E402
from loyalty.ledger.models import Program  # noqa: E402

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DAYS = 540
COLUMNS = ["receipt", "customer", "date", "amount", "product", "category", "quantity", "line_amount"]
CATEGORIES = ["jazz", "rock", "classical", "blues"]
DRAFT = {
    "award": {"kind": "multiplier", "factor": "3"},
    "conditions": {"categories": ["jazz"]},
    "caps": {"month": "500"},
}


def write_file(path: Path, purchases: int) -> None:
    """Invented purchases of a third as many customers, over a year and a half."""
    luck = Random(69_659)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(purchases):
            day = (NOW - timedelta(days=DAYS - DAYS * number // purchases)).date()  # in order, as tills write them
            who = f"C{int(luck.triangular(0, purchases / 3, 0))}"
            parts = [Decimal(luck.randint(0, 6000)) / 100 for _ in range(1 + (number % 3 == 0))]
            for place, part in enumerate(parts):
                whose = [f"R{number}", who, day, sum(parts)] if not place else [f"R{number}", "", "", ""]
                writer.writerow([*whose, f"p{luck.randrange(500)}", luck.choice(CATEGORIES), 1, part])


def measured(name: str, count: int, work: Callable[[], Any]) -> Any:
    """Do it, and print what it took."""
    wall, spent = time.perf_counter(), time.process_time()
    answer = work()
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name:22}{wall:8.2f} s  {spent:8.2f} s of the processor  {count / wall:10,.0f}/s  {peak:5} MB at most",
        flush=True,
    )
    return answer


def main() -> None:
    """Invent, import, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--purchases", type=int, default=69_659)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    in_own_database(lambda folder: compare(folder / "purchases.csv", arguments))


def compare(path: Path, arguments: argparse.Namespace) -> None:
    """The measurement itself."""
    count: int = arguments.purchases
    write_file(path, count)
    shop = setup.open_program(first_day=(NOW - timedelta(days=DAYS + 1)).date(), at=NOW)
    report = measured("import", count, lambda: import_file(shop, path, options=Options(), at=NOW))
    print(f"{connection.vendor}: {report.imported:,} purchases, {report.lines:,} lines, {report.new_members:,} members")
    measured("rows read", count, lambda: sum(len(one) for one in batches(shop, since=FIRST, until=NOW)))
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    proof = measured("live rules proved", count, lambda: prove(shop, at=NOW))
    figures = measured("back-test, both sides", count, lambda: tried(shop))
    profile.disable()
    print(f"{proof.points:,} points, {proof.different} differences; the draft: {figures['tried']['points']:,} points")
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def tried(shop: Program) -> dict[str, Any]:
    """A draft about a category, back-tested over all purchases in one run."""
    draft = Campaign.objects.create(program=shop, slug="bench", since=NOW, until=NOW + timedelta(days=30))
    rule = Rule.objects.create(program=shop, slug="bench", campaign=draft)
    rules.publish(rule, DRAFT, since=NOW, at=NOW, actor="bench")
    test = backtest.ask(rule, backtest.Trial(months=18, all_the_time=True), at=NOW, actor="bench")
    backtest.run_due(shop, at=NOW)
    test.refresh_from_db()
    return test.figures


if __name__ == "__main__":
    main()
