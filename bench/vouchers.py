"""What redeeming a reward and using its voucher cost on a small day and on a large one: statements, and the median of milliseconds.

    DATABASE_URL=... python bench/vouchers.py [--rewards 500] [--past 300] [--repeats 50]

The large day has so many more rewards with prices and stores, and so many vouchers that were redeemed and used before. The statements
must be the same (rewards/tests/test_speed.py holds it). Makes and drops a database of its own.
"""

import argparse
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("DEBUG", "1")
NOW = datetime.now(tz=UTC)


def main(rewards: int, past: int, repeats: int) -> None:
    """Make a database, measure, drop it."""
    import django

    django.setup()
    from django.db import connection

    name = connection.creation.create_test_db(verbosity=0)
    try:
        measure(rewards, past, repeats)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(rewards: int, past: int, repeats: int) -> None:
    """Print both days."""
    from members.testing import give_points, make_member, make_program
    from rewards.testing import make_reward

    program = make_program("bench", at=NOW)
    member = make_member(program, "Ani", at=NOW)
    give_points(member, 1_000_000, at=NOW)
    reward = make_reward(program, cost=1, stock=1_000_000, limit_per_member=1_000_000)
    day(member, reward, "warm", 5)
    print("small day:", *day(member, reward, "small", repeats))
    grow(program, rewards)
    day(member, reward, "past", past)
    print("large day:", *day(member, reward, "large", repeats))


def grow(program, rewards: int) -> None:
    """Many more rewards, with prices for a tier and stores that keep them."""
    from loyalty.pos.models import Store
    from members.models import Tier
    from rewards.models import RewardPrice, StoreStock
    from rewards.testing import make_reward

    silver, store = (
        Tier.objects.get(program=program, slug="silver"),
        Store.objects.create(program=program, code="s", name="S"),
    )
    made = [make_reward(program, f"r{number}", cost=5) for number in range(rewards)]
    RewardPrice.objects.bulk_create(RewardPrice(reward=one, cost=4, tier=silver) for one in made)
    StoreStock.objects.bulk_create(StoreStock(reward=one, store=store, stock=9) for one in made[::10])


def day(member, reward, name: str, count: int) -> list[str]:
    """Redeem and use so many times; what one of each costs."""
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    from rewards import redemption, vouchers

    spent: dict[str, list[float]] = {"redeem": [], "use": []}
    asked = {}
    for number in range(count):
        reference = f"{name}{number}"
        reset_queries()  # a full log counts no more
        with CaptureQueriesContext(connection) as queries:
            began = time.perf_counter()
            made = redemption.redeem(member, reward, at=NOW, reference=reference, source="bench", actor="bench")
            spent["redeem"].append(time.perf_counter() - began)
        asked["redeem"] = len(queries)
        with CaptureQueriesContext(connection) as queries:
            began = time.perf_counter()
            found = vouchers.find(member.program, made.voucher.code)
            vouchers.use(found, at=NOW, till="1", receipt=reference, actor="bench")
            spent["use"].append(time.perf_counter() - began)
        asked["use"] = len(queries)
    return [f"{deed} {asked[deed]} statements, {statistics.median(spent[deed]) * 1000:.2f} ms;" for deed in spent]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewards", type=int, default=500)
    parser.add_argument("--past", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    main(options.rewards, options.past, options.repeats)
