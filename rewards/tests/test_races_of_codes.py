"""Processes on PostgreSQL and threads on SQLite after the last piece, the last code, the same voucher: exactly what fits succeeds."""

from datetime import timedelta

import pytest

from loyalty.pos.models import Store
from loyalty.tests.racing import race_anywhere as race
from members.testing import OPENING, give_points, make_member, points_of
from rewards import pools, redemption, vouchers
from rewards.models import CodePool, PoolCode, Redemption, Reward, StoreStock, Voucher, VoucherUse
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("on_a_file")]
LATER = OPENING + timedelta(days=3)


def wish(member, reward, reference, **more):
    def ask():
        redemption.redeem(member, reward, at=LATER, reference=reference, source="t", actor="t", **more)

    return ask


def crowd(program, count):
    members = [make_member(program, f"m{number}") for number in range(count)]
    for member in members:
        give_points(member, 100)
    return members


def test_a_crowd_after_the_last_codes_of_a_partner_gets_each_of_them_once(program):
    pool = CodePool.objects.create(program=program, name="p", partner="p")
    looked = pools.look_through(pool, b"AAAA\nBBBB\nCCCC\nDDDD\nEEEE", file_name="f", at=OPENING, actor="t")
    pools.take_in(looked, at=OPENING, actor="t")
    reward = make_reward(program, cost=100, pool=pool)
    members = crowd(program, 20)
    assert race(*(wish(one, reward, one.number) for one in members)) == {"done": 5, "out_of_stock": 15}
    assert PoolCode.objects.filter(redemption__isnull=False).count() == Redemption.objects.count() == 5
    assert sum(points_of(one, at=LATER) for one in members) == 1500


def test_a_crowd_after_the_last_pieces_of_a_store_gets_exactly_these(program):
    store = Store.objects.create(program=program, code="kota", name="Kota")
    reward = make_reward(program, cost=100)
    StoreStock.objects.create(reward=reward, store=store, stock=3)
    members = crowd(program, 20)
    assert race(*(wish(one, reward, one.number, store=store) for one in members)) == {"done": 3, "out_of_stock": 17}
    assert (StoreStock.objects.get().taken, Reward.objects.get().taken, Redemption.objects.count()) == (3, 3, 3)


def test_fifty_after_the_last_piece_are_one(program):
    reward = make_reward(program, cost=100, stock=1)
    members = crowd(program, 50)
    assert race(*(wish(one, reward, one.number) for one in members)) == {"done": 1, "out_of_stock": 49}
    assert Reward.objects.get().taken == 1 == Voucher.objects.count()


def test_nobody_is_told_sold_out_while_there_is_a_piece_left(program):
    reward = make_reward(program, cost=100, stock=30)
    members = crowd(program, 40)
    held = [redemption.redeem(one, reward, at=LATER, reference=f"old:{one.number}", source="t", actor="t") for one in members[:10]]  # fmt: skip

    def leave(made):
        return lambda: redemption.cancel(made, at=LATER, actor="t", by_member=True) and None

    coming = [wish(one, reward, one.number) for one in members[10:]]
    assert race(*(leave(made) for made in held[:5]), *coming[:20]) == {"done": 25}
    assert (Reward.objects.get().taken, Redemption.objects.exclude(status="cancelled").count()) == (25, 25)
    assert race(*coming[20:]) == {"done": 5, "out_of_stock": 5}
    assert Reward.objects.get().taken == 30


def test_two_tabs_clicked_twice_redeem_once(program, ani):
    give_points(ani, 1000)
    reward = make_reward(program, cost=100)
    assert race(*(wish(ani, reward, "portal:same") for _click in range(4))) == {"done": 4}
    assert (Redemption.objects.count(), points_of(ani, at=LATER)) == (1, 900)


def test_the_same_voucher_used_and_cancelled_at_once_is_one_of_the_two(program, ani):
    give_points(ani, 1000)
    reward = make_reward(program, cost=100)
    for number in range(5):
        before = points_of(ani, at=LATER)
        made = redemption.redeem(ani, reward, at=LATER, reference=f"r{number}", source="t", actor="t")

        def use(made=made):
            vouchers.use(Voucher.objects.get(redemption=made), at=LATER, till="1", receipt="R", actor="t")

        def cancel(made=made):
            redemption.cancel(made, at=LATER, actor="t", by_member=True)

        ended = race(use, cancel)
        made.refresh_from_db()
        assert ended in ({"done": 1, "redemption_used": 1}, {"done": 1, "voucher_cancelled": 1})
        assert (made.status == "used") == VoucherUse.objects.filter(voucher__redemption=made).exists()
        assert points_of(ani, at=LATER) == before - (100 if made.status == "used" else 0)


def test_a_voucher_of_three_uses_is_used_by_three_of_ten_tills(program, ani):
    give_points(ani, 1000)
    made = redemption.redeem(ani, make_reward(program, uses=3), at=LATER, reference="r", source="t", actor="t")

    def use(number):
        return lambda: vouchers.use(made.voucher, at=LATER, till=str(number), receipt="R", actor="t") and None

    assert race(*(use(number) for number in range(10))) == {"done": 3, "voucher_used": 7}
    assert (Voucher.objects.get().uses, VoucherUse.objects.count()) == (3, 3)


def test_a_use_released_and_repeated_at_once_ends_as_one_of_the_two(program, ani):
    give_points(ani, 1000)
    made = redemption.redeem(ani, make_reward(program), at=LATER, reference="r", source="t", actor="t")
    place = {"at": LATER, "till": "1", "receipt": "R", "actor": "t"}
    vouchers.use(made.voucher, **place)
    ended = race(
        lambda: vouchers.release(made.voucher, **place) and None, lambda: vouchers.use(made.voucher, **place) and None
    )
    assert ended == {"done": 2}
    voucher, standing = Voucher.objects.get(), VoucherUse.objects.filter(released_at__isnull=True).count()
    assert voucher.uses == standing <= 1
    made.refresh_from_db()
    assert (made.status == "used") == (standing == 1)
