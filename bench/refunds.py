"""Refunds through the verb, beside a bare claw-back of the books and beside a purchase, in one run.

    DATABASE_URL=postgres://... python bench/refunds.py [--members 200]

Prints the median milliseconds of a purchase, of a refund in order, of one that later purchases follow, and of the claw-back alone.
"""

import argparse
import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from campaigns import refunds  # noqa: E402
from campaigns.refunds import Return  # noqa: E402
from campaigns.tests.shop import buy, open_shop  # noqa: E402
from loyalty.ledger.clawback import claw_back  # noqa: E402
from members.testing import give_points, make_member, make_program  # noqa: E402

NOW = datetime.now(tz=UTC)


def median(work: Callable[[int], object], count: int) -> float:
    """The median milliseconds of a piece of work, done for each number."""
    durations = []
    for number in range(count):
        began = time.perf_counter()
        work(number)
        durations.append(time.perf_counter() - began)
    return statistics.median(durations) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=200)
    count = parser.parse_args().members
    call_command("migrate", verbosity=0)
    program = open_shop(make_program(f"bench-{uuid.uuid4().hex[:8]}", at=NOW - timedelta(days=400)))
    people = [make_member(program, f"r{n}-{uuid.uuid4().hex[:8]}", at=NOW - timedelta(days=300)) for n in range(count)]
    early, middle = NOW - timedelta(days=30), NOW - timedelta(days=20)
    gifts = [give_points(member, 100, at=early) for member in people]
    raw = median(lambda n: claw_back(gifts[n], 50, at=NOW, reference=f"raw{n}", source="bench", actor="bench"), count)
    bought = []
    sold = median(lambda n: bought.append(buy(people[n], "100", early, recorded_at=NOW).purchase), count)

    def give_back(number: int, at: datetime) -> refunds.Refunded:
        one = bought[number]
        back = Return(
            source=one.source, receipt=one.receipt, number=f"b{at:%j}", occurred_at=at, amount=Decimal(40)
        )  # fmt: skip
        return refunds.refund(program, back, at=NOW, actor="bench")

    in_order = median(lambda n: give_back(n, NOW), count)
    for member in people:
        buy(member, "10", NOW, recorded_at=NOW)
    late = median(lambda n: give_back(n, middle), count)
    for name, cost in (
        ("claw-back alone", raw),
        ("purchase", sold),
        ("refund in order", in_order),
        ("refund, late", late),
    ):
        print(f"{name:>16}: {cost:6.2f} ms, {cost / raw:.1f} of a claw-back alone")


if __name__ == "__main__":
    main()
