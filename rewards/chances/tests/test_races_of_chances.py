"""Many at once draw from one pool: numbers without a gap, no piece given twice, no stock passed, points of the refused untouched."""

from datetime import timedelta

import pytest

from loyalty.tests.racing import race_anywhere as race
from members.testing import OPENING, give_points, make_member, points_of
from rewards import redemption
from rewards.chances import proof
from rewards.chances.testing import make_pool, make_surprise
from rewards.models import PoolDraw, PoolPrize, PrizePool, Reward
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("on_a_file")]
LATER = OPENING + timedelta(days=3)


def redeem(member, reward, reference):
    return lambda: redemption.redeem(member, reward, at=LATER, reference=reference, source="t", actor="t").pk


def crowd(program, count):
    members = [make_member(program, f"m{number}") for number in range(count)]
    for member in members:
        give_points(member, 100)
    return members


def test_a_crowd_after_seven_pieces_gets_exactly_these(program):
    pool = make_pool(program, {"reward": make_reward(program, stock=4)}, {"reward": make_reward(program, "tea"), "pieces": 3})  # fmt: skip
    reward, members = make_surprise(pool), crowd(program, 16)
    assert race(*(redeem(one, reward, one.number) for one in members)) == {"done": 7, "out_of_stock": 9}
    assert sorted(PoolDraw.objects.values_list("number", flat=True)) == list(range(1, 8))
    assert Reward.objects.get(slug="latte").taken == 4
    assert PoolPrize.objects.get(position=2).given == 3
    assert sum(points_of(one, at=LATER) for one in members) == 1600 - 70
    assert proof.check(PrizePool.objects.get()) == []


def test_one_reward_bought_and_drawn_at_once_is_never_taken_twice(program):
    latte = make_reward(program, stock=5, cost=10)
    pool = make_pool(program, {"reward": latte, "weight": 50}, {"points": 1})
    reward, members = make_surprise(pool), crowd(program, 14)
    ended = race(
        *(redeem(one, reward, f"d{one.number}") for one in members[:8]),
        *(redeem(one, latte, f"b{one.number}") for one in members[8:]),
    )
    assert set(ended) <= {"done", "out_of_stock"}
    assert PoolDraw.objects.count() == 8
    assert Reward.objects.get(slug="latte").taken == 5
    assert proof.check(PrizePool.objects.get()) == []
