"""Journeys of early access, downloads, longer warranties and discounts for business members: what is held, and what staff do with it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.models import Purchase
from members.testing import OPENING, give_points, make_member, make_program, points_of
from members.tests.portal import signed_in, words
from rewards import catalogue, discounting, downloads, granting, redemption, vouchers
from rewards.eligibility import EarlyHeld, NotOffered, OpenAlready
from rewards.kinds.early_access import EarlyAccessBegun
from rewards.models import Measure, PrivateFile, Redemption, Reward, VoucherUse
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)
FIRST = OPENING + timedelta(days=30)


def redeem(member, reward, reference="r1", at=LATER):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


# --- early access ---------------------------------------------------------------------------------------------------
@pytest.fixture
def pressing(program):
    return make_reward(program, "pressing", name="Pressing", cost=50, offered_from=FIRST)


@pytest.fixture
def pass_to(program, pressing):
    return make_reward(program, "pass", name="Go first", cost=10, kind="early", opens=pressing, early_days=10)


def test_who_took_early_access_redeems_before_everybody_and_nobody_else_does(program, ani, budi, pressing, pass_to):
    for member in (ani, budi):
        give_points(member, 100)
    held = redeem(ani, pass_to, "pass")
    assert (held.status, held.voucher.expires_at) == ("issued", FIRST)
    early, just_before = FIRST - timedelta(days=10), FIRST - timedelta(days=10, seconds=1)
    for member, at in ((ani, just_before), (budi, early)):
        with pytest.raises(NotOffered):
            redeem(member, pressing, "too soon", at=at)
        assert not catalogue.offer(member, pressing, at=at).can_redeem
    assert catalogue.offer(ani, pressing, at=early).can_redeem
    assert redeem(ani, pressing, "mine", at=early).status == "issued"
    with pytest.raises(EarlyAccessBegun):
        redemption.cancel(held, at=early, actor="t", by_member=True)
    vouchers.expire_due(program, at=FIRST)
    assert redeem(budi, pressing, "budis", at=FIRST).status == "issued"


def test_early_access_is_had_once_before_it_is_of_no_use_and_given_back_until_it_begins(ani, pressing, pass_to):
    give_points(ani, 100)
    held = redeem(ani, pass_to, "pass")
    with pytest.raises(EarlyHeld):
        redeem(ani, pass_to, "again")
    assert catalogue.offer(ani, pass_to, at=LATER).refusal.code == "early_held"
    redemption.cancel(held, at=LATER, actor="t", by_member=True)
    assert points_of(ani, at=LATER) == 100
    with pytest.raises(NotOffered):
        redeem(ani, pressing, "mine", at=FIRST - timedelta(days=5))
    with pytest.raises(OpenAlready):
        redeem(ani, pass_to, "late", at=FIRST)
    assert points_of(ani, at=LATER) == 100


def test_early_access_costs_the_catalogue_one_statement_however_many_rewards_come(program, ani):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            catalogue.offers(ani, at=LATER)
        return len(queries)

    make_reward(program, "coming0", offered_from=FIRST)
    one = asked()
    for number in range(1, 9):
        coming = make_reward(program, f"coming{number}", offered_from=FIRST)
        make_reward(program, f"pass{number}", kind="early", opens=coming, early_days=number)
    assert asked() == one


# --- downloads ------------------------------------------------------------------------------------------------------
def make_download(program, **more):
    kept = downloads.keep(program, "notes.txt", b"Side A", at=OPENING)
    return make_reward(program, "notes", name="Notes", kind="download", file=kept, **more)


def link_on(client, held):
    return client.get(f"/vouchers/{held.pk}/").content.decode().split('href="/files/')[1].split('"')[0]


def test_a_member_fetches_the_file_as_often_as_the_reward_says_and_the_same_link_counts_once(program, ani):
    reward, client = make_download(program, uses=2), signed_in(ani)
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    held = redeem(ani, reward, at=timezone.now())
    first = link_on(client, held)
    for _ in range(2):
        got = client.get(f"/files/{first}")
        assert (got.content, got["Content-Disposition"]) == (b"Side A", 'attachment; filename="notes.txt"')
        assert (got["Content-Type"], got["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert VoucherUse.objects.count() == 1
    assert "1 use left" in words(client.get(f"/vouchers/{held.pk}/"))
    second, third = link_on(client, held), link_on(client, held)
    assert client.get(f"/files/{second}").content == b"Side A"
    assert Redemption.objects.get().status == "used"
    assert client.get(f"/files/{third}").status_code == 302
    assert client.get(f"/files/{second}").content == b"Side A"  # a broken download is fetched again
    assert VoucherUse.objects.count() == 2
    with pytest.raises(vouchers.VoucherNotForTills):
        vouchers.use(granted(ani, reward).voucher, at=timezone.now(), till="1", receipt="R", actor="t")


def granted(member, reward):
    return granting.grant(member, reward, at=timezone.now(), reference="gift", actor="t")


def test_a_link_is_of_its_member_for_ten_minutes(program, ani, budi):
    held = granted(ani, make_download(program))
    now = timezone.now()
    token = downloads.link_token(held, at=now)
    assert Client().get(f"/files/{token}/").status_code == 302
    assert signed_in(budi).get(f"/files/{token}/").status_code == 404
    assert signed_in(ani).get(f"/files/{token[:-1]}/").status_code == 404
    old = downloads.link_token(held, at=now - timedelta(minutes=11))
    assert "This link has ended" in words(signed_in(ani).get(f"/files/{old}/", follow=True))
    with pytest.raises(downloads.LinkEnded):
        downloads.fetch(ani, token, at=now + timedelta(minutes=10))
    redemption.cancel(held, at=now, actor="t", by_member=False)
    assert signed_in(ani).get(f"/files/{token}/").status_code == 404
    assert not VoucherUse.objects.exists()


def test_the_desk_keeps_the_file_of_a_download_and_refuses_what_is_none(program):
    reward, client = make_reward(program, "notes"), staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address) | {"kind": "download"}
    assert "This kind of reward needs it" in words(client.post(address, values))
    for name, content in (("page.html", b"<script>"), ("empty.txt", b"")):
        assert client.post(address, values | {"private_file": SimpleUploadedFile(name, content)}).status_code == 200
    assert (
        client.post(address, values | {"private_file": SimpleUploadedFile("notes.txt", b"Side A")}).status_code == 302
    )
    reward.refresh_from_db()
    assert (reward.kind, bytes(reward.file.content), reward.file.name) == ("download", b"Side A", "notes.txt")
    assert client.post(address, form_of(client, address) | {"name": "Better"}).status_code == 302
    assert (Reward.objects.get().file_id, PrivateFile.objects.count()) == (reward.file_id, 1)
    assert client.post(address, form_of(client, address) | {"kind": "discount"}).status_code == 302
    assert Reward.objects.get().file is None


# --- longer warranty or returns -------------------------------------------------------------------------------------
def test_more_days_to_return_goods_hold_for_the_receipt_they_were_used_for(program, ani):
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    reward, shop = make_reward(program, "returns", kind="warranty", extra_days=60), Shop(program)
    told = shop.post(f"/members/{ani.number}/redemptions", {"reward": "returns", "reference": "r"}).json()
    assert "brought in" in told["voucher"]["instructions"]
    used = shop.post(f"/vouchers/{told['voucher']['code']}/use", {"till": "1", "receipt": "R-77"})
    assert used.json()["status"] == "used"
    held = Redemption.objects.get(reward=reward)
    page = words(signed_in(ani).get(f"/vouchers/{held.pk}/"))
    assert "60 days longer" in page and "1 / R-77" in page
    till = staff_client(roles.SUPPORT_AGENT).post(reverse("admin:rewards_voucher_check"), {"code": held.voucher.code})
    assert "1 / R-77" in words(till)


# --- discounts for business members ---------------------------------------------------------------------------------
def buy(member, total, *, at, refunded="0"):
    number = Purchase.objects.count()
    return Purchase.objects.create(
        program=member.program, member=member, source="till", receipt=f"R{number}", occurred_at=at, recorded_at=at,
        currency="IDR", total=Decimal(total), eligible=Decimal(total), refunded=Decimal(refunded), tier=member.tier, digest="d",
    )  # fmt: skip


def make_terms(program, measure="volume", **more):
    reward = make_reward(program, f"terms-{measure}", name="Terms", kind="business", measure=measure, **more)
    for least, percent in ((0, 2), (100, 5), (1000, 8)):
        reward.steps.create(least=least, percent=percent)
    return reward


def test_a_discount_grows_with_what_was_bought_and_kept_in_twelve_months(program, ani):
    now = timezone.now()
    give_points(ani, 100, at=now - timedelta(days=1))
    held, shop = redeem(ani, make_terms(program), at=now), Shop(program)
    buy(ani, "5000", at=now - timedelta(days=400))
    assert discounting.standing(held, at=now).percent == 2
    buy(ani, "300", at=now - timedelta(days=20), refunded="201")
    assert discounting.standing(held, at=now).percent == 2
    buy(ani, "1", at=now - timedelta(days=1))
    told = discounting.standing(held, at=now)
    assert (told.counted, told.percent, told.next_from, told.next_percent) == (100, 5, 1000, 8)
    (voucher,) = shop.get(f"/members/{ani.number}/vouchers", kind="business").json()["vouchers"]
    assert Decimal(voucher["discount_percent"]) == 5
    for receipt in ("A", "B"):
        used = shop.post(f"/vouchers/{voucher['code']}/use", {"till": "1", "receipt": receipt}).json()
        assert used["status"] == "issued"
    page = words(signed_in(ani).get(f"/vouchers/{held.pk}/"))
    assert "5 %" in page and "8 % from" in page and "Active now" in page
    assert "Terms until" in words(signed_in(ani).get("/"))
    till = staff_client(roles.SUPPORT_AGENT).post(reverse("admin:rewards_voucher_check"), {"code": held.voucher.code})
    assert "Discount now: <strong>5 %</strong>" in words(till)


def test_a_discount_grows_with_whole_years_by_the_anniversary_in_the_program_clock(program):
    joined = datetime(2020, 2, 28, 17, 30, tzinfo=UTC)  # 29 February in Jakarta
    member = make_member(program, "Cici", at=joined)
    reward = make_reward(program, "years", kind="business", measure=Measure.TENURE)
    for least in (1, 2):
        reward.steps.create(least=least, percent=least * 3)
    held = granting.grant(member, reward, at=joined + timedelta(days=1), reference="g", actor="t")
    days = [(2021, 2, 26), (2021, 2, 27), (2022, 2, 26), (2022, 2, 27)]  # 17:30 UTC: the 27th and 28th in Jakarta
    found = [discounting.standing(held, at=datetime(*day, 17, 30, tzinfo=UTC)).percent for day in days]
    assert found == [0, 3, 3, 6]


def test_the_database_keeps_these_kinds_with_what_they_need(program, pressing):
    other = make_program("teh")
    for wrong in (
        {"kind": "early"}, {"opens": pressing, "early_days": 3}, {"kind": "early", "opens": pressing, "early_days": 0},
        {"kind": "warranty"}, {"extra_days": 3}, {"kind": "download"}, {"kind": "business"}, {"measure": "volume"},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            make_reward(program, "x", **wrong)
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[pressing.pk])
    values = form_of(client, address) | {"kind": "early", "early_days": "3"}
    for wrong, said in (
        (pressing, "has a first day"), (make_reward(program, "open"), "has a first day"),
        (make_reward(other, "theirs", offered_from=FIRST), "another program"),
    ):  # fmt: skip
        assert said in words(client.post(address, values | {"opens": wrong.pk}))
