"""Rewards that stand for a time or for good: a tier, a badge, a benefit on the card; each from the portal to what staff see."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.common.clock import day_start, local_day
from loyalty.desk import roles
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.models import Tier, TierGrant
from members.testing import OPENING, give_points, make_program, points_of
from members.tests.portal import signed_in, words
from rewards import catalogue, granting, redemption, vouchers
from rewards.eligibility import BadgeHeld, TierHeld
from rewards.kinds.tier_upgrade import TierStands
from rewards.models import Redemption, VoucherUse
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


@pytest.fixture
def gold(program):
    return Tier.objects.filter(program=program).order_by("-rank").first()


def upgrade(gold, **more):
    return make_reward(gold.program, "gold-month", kind="tier", tier=gold, name="Gold for a month", **more)


def redeem(member, reward, reference="r1", at=LATER):
    give_points(member, reward.cost, at=at - timedelta(hours=1))
    return redemption.redeem(member, reward, at=at, reference=reference, source="t", actor="t")


# --- a tier ---------------------------------------------------------------------------------------------------------
def test_a_tier_is_held_through_the_last_of_its_days(gold, ani):
    made = redeem(ani, upgrade(gold, voucher_days=30))
    ani.refresh_from_db()
    zone = gold.program.time_zone
    end = day_start(local_day(LATER, zone) + timedelta(days=31), zone)
    assert (ani.tier, TierGrant.objects.get().until, made.voucher.expires_at) == (gold, end, end)
    assert TierGrant.objects.get().kind == "bought"
    assert "Kept through" in render(Message.objects.get(kind="redeemed"))[1]
    assert vouchers.expire_due(gold.program, at=end).done == 1
    assert Redemption.objects.get().status == "expired"


def test_the_same_reference_gives_one_tier(gold, ani):
    reward = upgrade(gold)
    made = redeem(ani, reward)
    assert redemption.redeem(ani, reward, at=LATER, reference="r1", source="t", actor="t") == made
    assert TierGrant.objects.count() == 1


def test_a_tier_that_is_held_cannot_be_had_again_and_nothing_moves(gold, ani):
    reward = upgrade(gold)
    redeem(ani, reward)
    with pytest.raises(TierHeld, match="already"):
        redeem(ani, reward, "r2", at=LATER + timedelta(hours=2))
    assert (points_of(ani, at=LATER + timedelta(days=1)), TierGrant.objects.count()) == (100, 1)


def test_the_catalogue_says_of_what_is_held_what_a_redemption_would(gold, ani):
    tier, badge = upgrade(gold), make_reward(gold.program, "friend", kind="badge", name="Friend of the house")
    at = LATER + timedelta(hours=2)
    give_points(ani, 1000)
    assert [one.can_redeem for one in catalogue.offers(ani, at=LATER)] == [True, True]
    redeem(ani, tier), redeem(ani, badge, "r2")
    ani.refresh_from_db()
    codes = {one.reward.slug: one.refusal.code for one in catalogue.offers(ani, at=at)}
    assert codes == {"gold-month": "tier_held", "friend": "badge_held"}
    assert {catalogue.offer(ani, one, at=at).refusal.code for one in (tier, badge)} == {"tier_held", "badge_held"}


def test_staff_take_a_tier_back_with_its_points_and_members_do_not(gold, ani):
    before, reward = ani.tier, upgrade(gold, stock=1)
    made = redeem(ani, reward)
    with pytest.raises(TierStands, match="Ask us"):
        redemption.cancel(made, at=LATER, actor="t", by_member=True)
    ended = redemption.cancel(made, at=LATER + timedelta(hours=1), actor="t", by_member=False)
    assert redemption.cancel(made, at=LATER + timedelta(hours=2), actor="t", by_member=False) == ended
    ani.refresh_from_db()
    reward.refresh_from_db()
    assert (ani.tier, points_of(ani, at=LATER + timedelta(hours=2)), reward.taken) == (before, 100, 0)
    assert TierGrant.objects.get().withdrawn_at == LATER + timedelta(hours=1)


def test_a_journey_of_a_tier_as_member_and_staff_see_it(gold, ani):
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    reward, client = upgrade(gold), signed_in(ani)
    ask = client.get(f"/rewards/{reward.slug}/redeem/")
    assert "You have the tier at once, for 30 days" in words(ask)
    page = words(client.post(f"/rewards/{reward.slug}/redeem/", {"token": ask.context["token"]}, follow=True))
    assert "Active now" in page and "Kept through" in page and "See my tier" in page and "QR" not in page
    assert "Cancel this" not in page
    held = Redemption.objects.get()
    desk, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_redemption_change", args=[held.pk])
    assert "until its last day" in words(desk.get(address))
    desk.post(reverse("admin:rewards_redemption_cancel", args=[held.pk]))
    held.refresh_from_db()
    assert held.status == "cancelled"


def test_the_desk_asks_which_tier(gold):
    reward, client = make_reward(gold.program), staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address)
    assert "This kind of reward needs it" in words(client.post(address, values | {"kind": "tier"}))
    assert "Only other kinds" in words(client.post(address, values | {"tier": gold.pk}))
    other = Tier.objects.filter(program=make_program("teh")).first()
    assert "another program" in words(client.post(address, values | {"kind": "tier", "tier": other.pk}))
    assert client.post(address, values | {"kind": "tier", "tier": gold.pk}).status_code == 302
    for wrong in ({"kind": "tier"}, {"kind": "product", "tier": gold}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_reward(gold.program, "x", **wrong)


# --- a badge --------------------------------------------------------------------------------------------------------
def test_a_badge_is_shown_among_the_badges_and_had_once(program, ani):
    badge = make_reward(program, "friend", kind="badge", name="Friend of the house")
    give_points(ani, 300, at=timezone.now() - timedelta(days=1))
    client = signed_in(ani)
    assert "My badges" not in words(client.get("/challenges/"))
    ask = client.get("/rewards/friend/redeem/")
    page = words(client.post("/rewards/friend/redeem/", {"token": ask.context["token"]}, follow=True))
    assert "stands among your badges" in page and "See my badges" in page
    assert "Friend of the house" in words(client.get("/challenges/"))
    again = client.get("/rewards/friend/redeem/")
    assert "You have this badge already" in words(again)
    said = words(client.post("/rewards/friend/redeem/", {"token": again.context["token"]}))
    assert "You have this badge already" in said
    with pytest.raises(BadgeHeld):
        redemption.redeem(ani, badge, at=timezone.now(), reference="r9", source="t", actor="t")
    assert points_of(ani, at=timezone.now()) == 200


def test_a_badge_given_twice_is_shown_once(program, ani):
    badge = make_reward(program, "friend", kind="badge", name="Friend of the house")
    for reference in ("a", "b"):
        granting.grant(ani, badge, at=LATER, reference=reference, actor="t")
    assert words(signed_in(ani).get("/challenges/")).count("Friend of the house") == 1


# --- a benefit ------------------------------------------------------------------------------------------------------
def test_a_benefit_stands_on_the_card_and_is_used_again_and_again(program, ani):
    club = make_reward(program, "club", kind="benefit", name="Coffee club", voucher_days=365)
    client, shop = signed_in(ani), Shop(program)
    assert "Coffee club until" not in words(client.get("/"))
    held = redeem(ani, club, at=timezone.now())
    assert "Coffee club until" in words(client.get("/"))
    page = words(client.get(f"/vouchers/{held.pk}/"))
    assert "Active now" in page and "as often as you use it" in page and "uses left" not in page
    (told,) = shop.get(f"/members/{ani.number}/vouchers?kind=benefit").json()["vouchers"]
    assert told["can_use"] is True
    for receipt in ("a", "b", "b"):
        vouchers.use(held.voucher, till="t", receipt=receipt, at=timezone.now(), actor="t")
    held = Redemption.objects.get()
    assert (held.status, VoucherUse.objects.count()) == ("issued", 2)
    assert "Coffee club until" in words(client.get("/"))
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(held, at=timezone.now(), actor="t", by_member=True)


def test_a_benefit_ends_with_its_days_whatever_the_job_does(program, ani):
    held = redeem(ani, make_reward(program, "club", kind="benefit", name="Coffee club", voucher_days=10))
    with pytest.raises(redemption.Refusal):
        vouchers.use(held.voucher, till="t", receipt="r", at=held.voucher.expires_at, actor="t")
    assert "Coffee club until" not in words(signed_in(ani).get("/"))
