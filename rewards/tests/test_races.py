"""Threads on PostgreSQL racing for the same reward, points or voucher: exactly what fits succeeds."""

from datetime import timedelta

import pytest

from loyalty.mail.models import Message
from loyalty.tests.racing import on_postgresql, race
from members.testing import OPENING, give_points, make_member, points_of
from rewards import redemption, vouchers
from rewards.models import Redemption, Reward, Voucher
from rewards.testing import make_reward

pytestmark = [*on_postgresql, pytest.mark.slow]
LATER = OPENING + timedelta(days=3)


def wish(member, reward, reference):
    return lambda: redemption.redeem(member, reward, at=LATER, reference=reference, source="t", actor="t")


def test_fifty_members_after_the_last_seven_pieces_get_exactly_seven(program):
    reward = make_reward(program, cost=100, stock=7)
    members = [make_member(program, f"m{number}") for number in range(50)]
    for member in members:
        give_points(member, 100)
    results, codes = race(*(wish(member, reward, member.number) for member in members))
    assert (len(results), codes) == (7, ["out_of_stock"] * 43)
    assert Reward.objects.get().taken == 7 == Redemption.objects.count() == Voucher.objects.count()
    assert sum(points_of(member, at=LATER) for member in members) == 4300
    assert Message.objects.count() == 7


def test_fifty_clicks_on_the_last_points_get_one_reward(program, ani):
    give_points(ani, 150)
    reward = make_reward(program, cost=100, stock=50)
    results, codes = race(*(wish(ani, reward, f"click{number}") for number in range(50)))
    assert (len(results), codes) == (1, ["insufficient_points"] * 49)
    assert (points_of(ani, at=LATER), Reward.objects.get().taken) == (50, 1)


def test_the_same_reference_from_thirty_threads_redeems_once(program, ani):
    give_points(ani, 1000)
    reward = make_reward(program, cost=100)
    results, codes = race(*(wish(ani, reward, "same") for _ in range(30)))
    assert (len({made.pk for made in results}), len(results), codes) == (1, 30, [])
    assert points_of(ani, at=LATER) == 900


def test_one_reference_for_two_members_at_once_redeems_for_one_of_them(program, ani, budi):
    reward = make_reward(program, cost=10)
    for number in range(10):
        give_points(ani, 10, reference=f"a{number}")
        give_points(budi, 10, reference=f"b{number}")
        results, codes = race(wish(ani, reward, f"r{number}"), wish(budi, reward, f"r{number}"))
        assert (len(results), codes) == (1, ["reference_conflict"])
    assert points_of(ani, at=LATER) + points_of(budi, at=LATER) == 100


def test_the_limit_per_member_holds_under_thirty_threads(program, ani):
    give_points(ani, 1000)
    reward = make_reward(program, cost=10, limit_per_member=3)
    results, codes = race(*(wish(ani, reward, f"r{number}") for number in range(30)))
    assert (len(results), codes) == (3, ["limit_reached"] * 27)


def test_a_voucher_used_and_cancelled_at_once_is_exactly_one_of_the_two(program, ani):
    give_points(ani, 1000)
    reward = make_reward(program, cost=10, stock=100)
    ends = []
    for number in range(20):
        made = wish(ani, reward, f"r{number}")()
        before = points_of(ani, at=LATER)
        tills = [
            lambda made=made, till=till: vouchers.use(made.voucher, at=LATER, till=till, receipt="R", actor="t")
            for till in ("till-1", "till-2")
        ]
        results, _codes = race(lambda made=made: redemption.cancel(made, at=LATER, actor="t", by_member=True), *tills)
        made.refresh_from_db()
        voucher = Voucher.objects.get(redemption=made)
        ends.append(made.status)
        assert len(results) == 1
        assert (made.status == "used") == (voucher.used_at is not None) == (made.reversal_id is None)
        assert points_of(ani, at=LATER) == before + (10 if made.status == "cancelled" else 0)
    assert Reward.objects.get().taken == ends.count("used")
    assert set(ends) <= {"used", "cancelled"}


def test_thirty_cancels_at_once_give_the_points_back_once(program, ani):
    give_points(ani, 100)
    made = wish(ani, make_reward(program, stock=1), "r")()
    results, codes = race(*(lambda: redemption.cancel(made, at=LATER, actor="t", by_member=True) for _ in range(30)))
    assert (len(results), codes, points_of(ani, at=LATER)) == (30, [], 100)
    assert Reward.objects.get().taken == 0


def test_the_job_and_the_till_agree_on_a_voucher_at_its_end(program, ani):
    give_points(ani, 100)
    made = wish(ani, make_reward(program, voucher_days=1, cost=10), "r")()
    end = made.voucher.expires_at
    just_before = end - timedelta(seconds=1)
    race(
        lambda: vouchers.use(made.voucher, at=just_before, till="1", receipt="R", actor="t"),
        *(lambda: vouchers.expire_due(program, at=end) for _ in range(5)),
    )
    made.refresh_from_db()
    assert made.status in ("used", "expired")
    assert (made.status == "used") == (Voucher.objects.get().used_at is not None)
