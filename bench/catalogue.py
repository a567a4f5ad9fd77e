"""What the portal's catalogue costs a member with 500 rewards: statements, milliseconds, and the part of the database.

    DATABASE_URL=... python bench/catalogue.py [rewards]

Half of the rewards have another price for a tier, a tenth is kept by stores, all have limits; the member has had two hundred. The
whole page is asked through Django's test client, signed in; the median of twenty. Makes and drops a database of its own.
"""

import os
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("DEBUG", "1")


def main(rewards: int) -> None:
    """Make the catalogue, then measure."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import setup_test_environment

    setup_test_environment(debug=False)
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    name = connection.creation.create_test_db(verbosity=0)
    try:
        measure(rewards)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def fill(rewards: int):
    """A program with its catalogue, and a member with a past."""
    from django.utils import timezone

    from loyalty.pos.models import Store
    from members.models import Tier
    from members.testing import OPENING, give_points, make_member, make_program
    from rewards import recommending, redemption
    from rewards.models import Category, RewardPrice, StoreStock
    from rewards.testing import make_reward

    program, now = make_program(at=OPENING), timezone.now()
    shelves = [Category.objects.create(program=program, slug=f"c{n}", name=f"Shelf {n}") for n in range(8)]
    store = Store.objects.create(program=program, code="s", name="Store")
    silver = Tier.objects.get(slug="silver")
    made = [
        make_reward(
            program, f"r{n}", cost=50 + n, name=f"Reward {n}", category=shelves[n % 8], limit_per_member=9, stock=10_000,
            minimum_tier=silver if n % 7 == 0 else None,
        )
        for n in range(rewards)
    ]  # fmt: skip
    RewardPrice.objects.bulk_create(RewardPrice(reward=one, cost=one.cost - 10, tier=silver) for one in made[::2])
    StoreStock.objects.bulk_create(StoreStock(reward=one, store=store, stock=9) for one in made[5::10])
    member = make_member(program, "Ani")
    give_points(member, 100_000, at=now - timedelta(days=2))
    for number in range(200):
        reward = made[1 + number * 14 % (rewards - 1)]
        if number % 14 and not reward.minimum_tier and not reward.store_stocks.exists():
            redemption.redeem(member, reward, at=now, reference=f"b{number}", source="bench", actor="bench")
    recommending.count_popularity(program, at=now)
    return member


def measure(rewards: int) -> None:
    """Print what the page costs, whole and narrowed down."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from members.tests.portal import signed_in

    client = signed_in(fill(rewards))
    for title, address in (
        ("whole", "/rewards/"),
        ("shelf and search", "/rewards/?category=c1&q=reward"),
        ("home", "/"),
    ):
        client.get(address)
        with CaptureQueriesContext(connection) as asked:
            client.get(address)
        count, inside = len(asked), sum(float(query["time"]) for query in asked) * 1000
        times, busy = [], []
        for _ in range(20):
            began, begun = time.perf_counter(), time.process_time()
            assert client.get(address).status_code == 200
            times.append((time.perf_counter() - began) * 1000)
            busy.append((time.process_time() - begun) * 1000)
        print(
            f"{connection.vendor}, {rewards} rewards, {title}: {count} statements, {statistics.median(times):.0f} ms "
            f"({statistics.median(busy):.0f} ms of this process, {inside:.0f} ms in the database)",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
