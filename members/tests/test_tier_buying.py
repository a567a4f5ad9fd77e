"""A tier bought with points: drawn once, held until its own end, given back by staff."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.tests.shop import buy as shop_for
from campaigns.tests.shop import open_shop
from loyalty.desk import roles
from loyalty.jobs.changes import deciding
from loyalty.ledger.models import Entry
from loyalty.ledger.posting import InsufficientPoints
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from loyalty.tests.racing import on_postgresql, race
from members.models import Member, TierGrant, TierPolicy
from members.testing import OPENING, give_points, make_program, points_of
from members.tests.changes import NOW, hired
from members.tests.portal import signed_in, words
from members.tests.test_tier_edits import edit
from members.tiers import buying
from members.tiers.editing import terms_of
from members.tiers.reviewing import review_tiers

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def shop(program, proven_books):
    TierPolicy.objects.filter(program=program).update(review="yearly")
    program.tiers.filter(slug="gold").update(price=2000, lasts_days=100)
    return open_shop(program)


def get_gold(member, *, at=OPENING + DAY, reference="a"):
    gold = member.program.tiers.get(slug="gold")
    return buying.buy(member, gold, at=at, reference=reference, source="test", actor="test")


def tier_of(member):
    member.refresh_from_db()
    return member.tier.slug


def test_a_tier_is_bought_once_with_points_and_lasts_until_its_own_end(shop, ani):
    give_points(ani, 2500)
    assert get_gold(ani) == get_gold(ani, at=OPENING + 2 * DAY)
    assert (tier_of(ani), points_of(ani, at=OPENING + DAY)) == ("gold", 500)
    grant = TierGrant.objects.get()
    assert (grant.kind, grant.until) == ("bought", OPENING.replace(hour=0) - timedelta(hours=7) + 102 * DAY)
    review_tiers(shop, at=grant.until - DAY)
    assert tier_of(ani) == "gold"
    review_tiers(shop, at=grant.until)
    assert tier_of(ani) == "bronze"


def test_what_is_missing_is_told_and_nothing_moves(shop, ani):
    give_points(ani, 1900)
    with pytest.raises(InsufficientPoints) as refused:
        get_gold(ani)
    assert refused.value.numbers["missing"] == 100
    assert (tier_of(ani), TierGrant.objects.count(), points_of(ani, at=OPENING + DAY)) == ("bronze", 0, 1900)


def test_only_a_tier_above_the_present_one_that_has_a_price_is_sold(shop, ani, budi):
    give_points(ani, 5000)
    with pytest.raises(buying.TierNotForSale):
        buying.buy(ani, shop.tiers.get(slug="silver"), at=OPENING + DAY, reference="s", source="test", actor="test")
    get_gold(ani)
    with pytest.raises(buying.TierNotForSale):
        get_gold(ani, reference="b")
    give_points(budi, 5000)
    Member.objects.filter(pk=budi.pk).update(status="closed")
    with pytest.raises(buying.TierNotForSale):
        get_gold(budi, reference="c")
    assert Entry.objects.filter(kind="redemption").count() == 1


def test_staff_give_the_points_back_and_the_tier_ends(shop, ani):
    give_points(ani, 2500)
    grant = get_gold(ani, at=timezone.now())
    desk = staff_client(roles.PROGRAM_MANAGER)
    page = reverse("admin:members_tiergrant_give_back", args=[grant.pk])
    assert desk.get(page).status_code == 200
    for _time in range(2):
        assert desk.post(page).status_code == 302
    assert (tier_of(ani), points_of(ani, at=timezone.now())) == ("bronze", 2500)
    assert Entry.objects.filter(kind="reversal").count() == 1


def test_the_price_is_edited_with_the_tiers(shop, ani):
    rina = hired("Rina")
    drafted = edit(shop, by=rina, prices={"silver": [700, 30], "gold": [None, 100]})
    assert "silver for sale for 700 points" in drafted.summary["said"]
    deciding.submit(drafted, at=NOW, actor=rina)
    assert terms_of(shop)["prices"] == {"silver": [700, 30], "gold": [None, 100]}
    with pytest.raises(buying.TierNotForSale):
        get_gold(ani)


def test_a_member_buys_in_the_portal_and_a_double_click_buys_once(shop, ani):
    shop_for(ani, "500", timezone.now())
    give_points(ani, 2500)
    client = signed_in(ani)
    assert "Get it for 2,000 points" in words(client.get(reverse("portal_tier")))
    page = reverse("portal_tier_buy", args=["gold"])
    token = client.get(page).context["token"]
    for _time in range(2):
        assert client.post(page, {"token": token}).status_code == 302
    assert (tier_of(ani), points_of(ani, at=timezone.now())) == ("gold", 1000)
    assert "Redeemed: Gold" in words(client.get(reverse("portal_history")))
    assert client.get(reverse("portal_tier_buy", args=["silver"])).status_code == 404
    assert client.post(page, {"token": "forged"}).status_code == 200
    assert TierGrant.objects.count() == 1


def test_a_member_without_the_points_reads_so_and_gets_no_button(shop, ani):
    page = words(signed_in(ani).get(reverse("portal_tier_buy", args=["gold"])))
    assert "You do not have enough points for it yet." in page and 'name="token"' not in page


def test_the_api_buys_a_tier(shop, ani):
    give_points(ani, 2500)
    till, path = Shop(shop), f"/members/{ani.number}/tiers"
    answer = till.post(path, {"tier": "gold", "reference": "web-1"})
    assert (answer.status_code, answer.json()["tier"]["tier"]) == (201, "gold")
    assert till.post(path, {"tier": "gold", "reference": "web-1"}).status_code == 201
    assert code_of(till.post(path, {"tier": "gold", "reference": "web-2"})) == "tier_not_for_sale"
    assert code_of(till.post(path, {"tier": "diamond", "reference": "web-3"})) == "tier_unknown"
    assert code_of(Shop(make_program("teh")).post(path, {"tier": "gold", "reference": "web-4"})) == "member_unknown"
    assert points_of(ani, at=timezone.now()) == 500


@pytest.mark.parametrize("case", [pytest.param(0, marks=on_postgresql)])
def test_two_purchases_at_once_draw_the_points_once(case, shop, ani):
    give_points(ani, 5000)
    _results, codes = race(*[lambda n=n: get_gold(Member.objects.get(pk=ani.pk), reference=f"r{n}") for n in range(4)])
    assert codes == ["tier_not_for_sale"] * 3
    assert points_of(ani, at=OPENING + DAY) == 3000
