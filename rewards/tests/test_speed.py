"""Redeeming, using a voucher and entering a draw ask the same number of questions whatever the catalogue, the stock and the past."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.pos.models import Store
from members.models import Tier
from members.testing import give_points, make_member
from rewards import redemption, vouchers
from rewards.draws.testing import OPENS, make_draw, make_ticket
from rewards.models import CodePool, PoolCode, RewardPrice, StoreStock
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENS + timedelta(days=1)
MOST_TO_REDEEM, MOST_TO_USE, MOST_TO_FIND = 20, 8, 2


def asked(act) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as queries:
        made = act()
    return len(queries), made


def redeem(member, reward, reference, **more):
    return redemption.redeem(member, reward, at=LATER, reference=reference, source="t", actor="t", **more)


def use(made, receipt="R"):
    return vouchers.use(made.voucher, at=LATER, till="1", receipt=receipt, actor="t")


@pytest.fixture
def costs(program, ani):
    """What each deed costs on a small day: one reward, one lot, no past."""
    give_points(ani, 1000)
    reward = make_reward(program, stock=1000, cost=10, limit_per_member=500, cooldown_days=0)
    redeem(ani, reward, "warm")
    taking, made = asked(lambda: redeem(ani, reward, "first"))
    finding, _found = asked(lambda: vouchers.find(program, made.voucher.code))
    using, _used = asked(lambda: use(made))
    return reward, taking, finding, using


def grow(program, member, reward):
    """A large catalogue, many lots, a long past of everybody."""
    other = make_member(program, "Budi")
    for who in (member, other):
        for number in range(15):
            give_points(who, 20, reference=f"lot{number}")
    silver, store = (
        Tier.objects.get(program=program, slug="silver"),
        Store.objects.create(program=program, code="s", name="S"),
    )
    for number in range(20):
        one = make_reward(program, f"more{number}", cost=5, stock=100)
        RewardPrice.objects.create(reward=one, cost=4, tier=silver)
        StoreStock.objects.create(reward=one, store=store, stock=50)
    for number in range(12):
        for who in (member, other):
            use(redeem(who, reward, f"p{number}-{who.pk}"), receipt=f"{who.pk}-{number}")


def test_redeeming_finding_and_using_cost_the_same_on_a_large_day(program, ani, costs):
    reward, taking, finding, using = costs
    assert (taking <= MOST_TO_REDEEM, finding <= MOST_TO_FIND, using <= MOST_TO_USE) == (True, True, True), costs
    grow(program, ani, reward)
    taken, made = asked(lambda: redeem(ani, reward, "last"))
    found, _voucher = asked(lambda: vouchers.find(program, made.voucher.code))
    used, _used = asked(lambda: use(made, "last"))
    assert (taken, found, used) == (taking, finding, using)


def test_a_partners_code_costs_the_same_however_many_wait(program, ani):
    give_points(ani, 1000)
    pool = CodePool.objects.create(program=program, name="p", partner="p")
    reward = make_reward(program, cost=10, pool=pool)

    def fill(count, start):
        PoolCode.objects.bulk_create(
            PoolCode(pool=pool, sealed="x", fingerprint=f"{start + number}") for number in range(count)
        )

    fill(3, 0)
    redeem(ani, reward, "warm")
    few, _made = asked(lambda: redeem(ani, reward, "a"))
    fill(300, 10)
    assert asked(lambda: redeem(ani, reward, "b"))[0] == few


def test_entering_a_draw_costs_the_same_however_many_are_in_it(program, ani):
    give_points(ani, 1000)
    ticket = make_ticket(make_draw(program, limit_per_member=90, limit_in_all=900))
    redeem(ani, ticket, "warm")
    few, _made = asked(lambda: redeem(ani, ticket, "a"))
    for number in range(25):
        redeem(ani, ticket, f"e{number}")
    assert asked(lambda: redeem(ani, ticket, "b"))[0] == few


def test_a_multi_use_voucher_costs_the_same_at_its_ninth_use(program, ani):
    give_points(ani, 100)
    made = redeem(ani, make_reward(program, uses=10, cost=1), "m")
    first, _used = asked(lambda: use(made, "r0"))
    for number in range(1, 8):
        use(made, f"r{number}")
    assert asked(lambda: use(made, "r8"))[0] == first
