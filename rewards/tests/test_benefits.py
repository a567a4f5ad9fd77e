"""A web shop reads what a member can use now, and applies free shipping without a code being typed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.pos.models import Store
from loyalty.pos.testing import Shop, code_of
from members.testing import give_points, make_program
from rewards import redemption
from rewards.models import StoreStock
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


def redeem(member, reward, reference, at=None, **more):
    at = at or timezone.now()
    give_points(member, reward.cost, at=at - timedelta(minutes=1), reference=f"gift:{reference}")
    return redemption.redeem(member, reward, at=at, reference=reference, source="t", actor="t", **more)


def codes(shop, member, **query):
    told = shop.get(f"/members/{member.number}/vouchers", **query).json()["vouchers"]
    return [(one["redemption"], one["kind"]) for one in told]


def test_a_journey_of_free_shipping_in_a_web_shop(program, ani):
    shop = Shop(program)
    redeem(ani, make_reward(program, "parcel", kind="shipping", voucher_days=20), "late")
    redeem(ani, make_reward(program, "soon", kind="shipping", voucher_days=5), "soon")
    redeem(ani, make_reward(program), "latte")
    assert codes(shop, ani, kind="shipping") == [("soon", "shipping"), ("late", "shipping")]
    (first, _second) = shop.get(f"/members/{ani.number}/vouchers", kind="shipping").json()["vouchers"]
    assert shop.post(f"/vouchers/{first['code']}/use", {"till": "web", "receipt": "order-1"}).json()["status"] == "used"
    assert codes(shop, ani, kind="shipping") == [("late", "shipping")]


def test_what_has_ended_or_is_cancelled_is_not_told(program, ani):
    long_ago = timezone.now() - timedelta(days=60)
    redeem(ani, make_reward(program, "old"), "old", at=long_ago)
    redemption.cancel(redeem(ani, make_reward(program, "back"), "back"), at=timezone.now(), actor="t", by_member=True)
    assert codes(Shop(program), ani) == []
    assert codes(Shop(program), ani, kind="nothing") == []


def test_a_store_is_told_what_it_can_hand_over(program, ani):
    here, there = (Store.objects.create(program=program, code=code, name=code) for code in ("here", "there"))
    reward = make_reward(program)
    for store in (here, there):
        StoreStock.objects.create(reward=reward, store=store, stock=3)
    redeem(ani, reward, "there", store=there)
    assert codes(Shop(program, store=here), ani) == []
    assert [reference for reference, _kind in codes(Shop(program, store=there), ani)] == ["there"]


def test_strangers_and_keys_without_the_scope_learn_nothing(program, ani):
    path = f"/members/{ani.number}/vouchers"
    assert code_of(Shop(make_program("teh")).get(path)) == "member_unknown"
    assert code_of(Shop(program, scopes=["members:read"]).get(path)) == "scope_missing"


def test_many_vouchers_take_as_many_statements_as_one(program, ani):
    shop, reward = Shop(program), make_reward(program, kind="shipping")
    redeem(ani, reward, "first")

    def asked():
        with CaptureQueriesContext(connection) as queries:
            codes(shop, ani)
        return len(queries)

    asked()  # the first call of a key notes when it was used
    few = asked()
    for number in range(6):
        redeem(ani, reward, f"r{number}")
    assert asked() == few
