"""A voucher at the till: used once or several times, taken back within the day, on the phone and over the API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from loyalty.common import guessing
from loyalty.desk import roles
from loyalty.pos.models import Store
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.testing import give_points, points_of
from rewards import redemption, vouchers
from rewards.models import Redemption, StoreStock, Voucher, VoucherUse
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOON = datetime(2026, 1, 4, 5, tzinfo=UTC)  # 12:00 in Jakarta
MIDNIGHT = datetime(2026, 1, 4, 17, tzinfo=UTC)


def redeem(program, member, at=NOON, **more):
    give_points(member, 100, at=at - timedelta(hours=1))
    reward = make_reward(program, cost=10, **more)
    return redemption.redeem(member, reward, at=at, reference="r1", source="test", actor="test")


def use(made, receipt="R1", at=NOON, **more):
    return vouchers.use(made.voucher, at=at, till="t1", receipt=receipt, actor="test", **more)


def release(made, receipt="R1", at=NOON):
    return vouchers.release(made.voucher, at=at, till="t1", receipt=receipt, actor="test")


def state(made):
    made.refresh_from_db()
    voucher = Voucher.objects.get(redemption=made)
    return made.status, voucher.uses, voucher.is_live, voucher.used_at is not None


def test_a_voucher_of_three_uses_is_used_three_times_and_not_four(program, ani):
    made = redeem(program, ani, uses=3)
    for receipt in ("R1", "R1", "R2"):
        use(made, receipt)
    assert state(made) == ("issued", 2, True, False)
    use(made, "R3")
    assert state(made) == ("used", 3, False, True)
    with pytest.raises(vouchers.VoucherUsed):
        use(made, "R4")
    assert VoucherUse.objects.count() == 3
    assert use(made, "R2").uses == 3  # the first answer again


def test_what_was_used_in_part_cannot_be_cancelled(program, ani):
    made = redeem(program, ani, uses=3)
    use(made)
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(made, at=NOON, actor="test", by_member=False)
    assert (points_of(ani, at=NOON), state(made)[0]) == (90, "issued")
    release(made)
    redemption.cancel(made, at=NOON, actor="test", by_member=False)
    assert points_of(ani, at=NOON) == 100


def test_a_use_is_taken_back_within_its_day_of_the_program_clock(program, ani):
    made = redeem(program, ani)
    use(made)
    for _twice in range(2):
        release(made, at=MIDNIGHT - timedelta(seconds=1))
    assert state(made) == ("issued", 0, True, False)
    use(made, "R1", MIDNIGHT - timedelta(seconds=1))
    with pytest.raises(vouchers.ReleaseTooLate):
        release(made, at=MIDNIGHT)
    assert state(made) == ("used", 1, False, True)


def test_only_what_was_used_can_be_taken_back(program, ani):
    made = redeem(program, ani)
    with pytest.raises(vouchers.NothingToRelease):
        release(made)
    use(made)
    with pytest.raises(vouchers.NothingToRelease):
        release(made, "R2")
    assert state(made) == ("used", 1, False, True)


def test_a_voucher_that_a_store_keeps_is_used_there(program, ani):
    kota, braga = (Store.objects.create(program=program, code=code, name=code.title()) for code in ("kota", "braga"))
    reward = make_reward(program, cost=10)
    StoreStock.objects.create(reward=reward, store=kota, stock=1)
    give_points(ani, 100)
    made = redemption.redeem(ani, reward, at=NOON, reference="r", source="t", actor="t", store=kota)
    with pytest.raises(vouchers.VoucherElsewhere):
        use(made, store=braga)
    assert state(made)[0] == "issued"
    use(made, store=kota)
    assert state(made)[0] == "used"


def test_a_voucher_is_looked_up_used_and_released_over_the_api(program, ani):
    made = redeem(program, ani, at=timezone.now(), kind="product")
    shop, code, place = Shop(program), made.voucher.code, {"till": "t1", "receipt": "R1"}
    seen = shop.get(f"/vouchers/{code}").json()
    assert (seen["can_use"], seen["uses"], seen["uses_allowed"]) == (True, 0, 1)
    assert seen["instructions"].startswith("Hand the goods over")
    assert shop.post(f"/vouchers/{code}/use", place).json()["status"] == "used"
    back = shop.post(f"/vouchers/{code}/release", place)
    assert (back.status_code, back.json()["status"], back.json()["uses"]) == (200, "issued", 0)
    assert shop.post(f"/vouchers/{code}/release", place | {"receipt": "R9"}).json()["code"] == "nothing_to_release"
    assert shop.post("/vouchers/0000000000000000/release", place).status_code == 404


def test_staff_use_a_voucher_on_the_till_page_and_take_it_back(program, ani):
    made = redeem(program, ani, at=timezone.now(), kind="product")
    client, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_voucher_check")
    page = client.post(address, {"code": made.voucher.shown_code}).content.decode()
    assert "Free latte" in page
    assert "Hand the goods over" in page
    told = {"code": made.voucher.code, "till": "k1", "receipt": "R1"}
    used = client.post(address, told | {"act": "use"}).content.decode()
    assert "The voucher is used." in used
    assert "Used today" in used
    assert state(made)[0] == "used"
    back = client.post(address, told | {"act": "release"}).content.decode()
    assert "as good as before" in back
    assert state(made)[0] == "issued"
    assert (
        "Say the till and the receipt"
        in client.post(address, {"code": made.voucher.code, "act": "use"}).content.decode()
    )


def test_staff_who_try_codes_wait_as_a_till_would_and_others_do_not(program, ani):
    made = redeem(program, ani, at=timezone.now(), kind="product")
    client, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_voucher_check")
    client.post(address, {"code": made.voucher.code})
    for number in range(guessing.MOST_WRONG):
        assert "no voucher with this code" in client.post(address, {"code": f"GUESS-{number}"}).content.decode()
    told = {"code": made.voucher.code, "till": "k1", "receipt": "R1", "act": "use"}
    page = client.post(address, told).content.decode()
    assert "Too many codes that do not exist were tried. Wait 10 minutes" in page and "Free latte" not in page
    assert state(made)[0] == "issued"
    assert (
        "Free latte" in staff_client(roles.PROGRAM_MANAGER).post(address, {"code": made.voucher.code}).content.decode()
    )


def test_who_may_only_look_uses_nothing_on_the_till_page(program, ani):
    made = redeem(program, ani, at=timezone.now())
    client, address = staff_client(roles.AUDITOR), reverse("admin:rewards_voucher_check")
    told = {"code": made.voucher.code, "till": "k1", "receipt": "R1", "act": "use"}
    assert client.post(address, told).status_code == 403
    assert "Use it" not in client.post(address, {"code": made.voucher.code}).content.decode()
    assert Redemption.objects.get().status == "issued"
