"""Looking through the catalogue: filters, search, pages, recommendations, and what it costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.models import Tier
from members.testing import give_points, make_member
from members.tests.portal import signed_in, words
from rewards import browsing, catalogue, recommending, redemption
from rewards.models import Category, Reward, RewardPopularity, RewardPrice
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(program):
    drinks = Category.objects.create(program=program, slug="drinks", name="Drinks", name_id="Minuman")
    make_reward(program, "tea", cost=50, name="Black tea", category=drinks, kind="product", partner="Teh Poci")
    make_reward(program, "mug", cost=500, name="Mug", name_id="Cangkir", name_ms="", kind="product")
    make_reward(program, "off", cost=80, name="A tenth off", kind="discount")
    return drinks


@pytest.fixture
def rich(ani):
    give_points(ani, 450, at=timezone.now() - timedelta(hours=1))
    return ani


def slugs(member, **asked):
    found = browsing.browse(member, browsing.Wish.of(asked), at=timezone.now())
    return [one.reward.slug for one in found.offers]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["tea", "off", "mug"]),
        ({"category": "drinks"}, ["tea"]),
        ({"kind": "discount"}, ["off"]),
        ({"kind": "no-such-kind"}, ["tea", "off", "mug"]),
        ({"q": "TEA"}, ["tea"]),
        ({"q": "poci black"}, ["tea"]),
        ({"q": "cangkir"}, ["mug"]),
        ({"q": "%"}, []),
        ({"q": "a\0"}, ["tea", "off", "mug"]),
        ({"now": "1"}, ["tea", "off"]),
        ({"order": "dear"}, ["mug", "off", "tea"]),
        ({"order": "new"}, ["off", "mug", "tea"]),
        ({"page": "99"}, ["tea", "off", "mug"]),
        ({"page": "-1"}, ["tea", "off", "mug"]),
    ],
)
def test_the_catalogue_is_narrowed_and_ordered(rich, shelf, asked, found):
    if asked.get("q") == "a\0":
        found = slugs(rich, q="a")
    assert slugs(rich, **asked) == found


def test_the_page_shows_shelves_in_the_readers_language_and_says_when_nothing_fits(rich, budi, shelf):
    assert "Drinks" in words(signed_in(rich).get("/rewards/"))
    assert "Minuman" in words(signed_in(budi).get("/rewards/"))
    page = words(signed_in(rich).get("/rewards/", {"q": "zzz"}))
    assert "Nothing here fits" in page
    assert "Black tea" not in page


def test_a_long_catalogue_comes_in_pages_that_keep_what_was_asked(program, rich):
    for number in range(30):
        make_reward(program, f"r{number}", cost=10 + number, name=f"Reward {number}", kind="product")
    client = signed_in(rich)
    first = client.get("/rewards/", {"kind": "product"}).content.decode()
    assert "Page 1 of 2" in first
    assert 'href="?kind=product&amp;page=2"' in first
    second = words(client.get("/rewards/", {"kind": "product", "page": "2"}))
    assert ("Reward 29" in second, "Reward 3<" in second) == (True, False)


def test_what_a_member_wrote_into_the_search_is_only_text(rich, shelf):
    page = signed_in(rich).get("/rewards/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in page


def test_the_recommendations_say_their_reason_and_never_offer_what_is_used_up(program, rich, shelf):
    now = timezone.now()
    others = [make_member(program, f"m{number}") for number in range(3)]
    for other in others:
        give_points(other, 1000, at=now - timedelta(hours=1))
        redemption.redeem(other, Reward.objects.get(slug="off"), at=now, reference=other.number, source="t", actor="t")
    capped = make_reward(program, "capped", cost=10, limit_per_member=1)
    redemption.redeem(rich, capped, at=now, reference="c", source="t", actor="t")
    make_reward(program, "far", cost=10_000)
    make_reward(program, "gone", cost=10, stock=0)
    assert recommending.count_popularity(program, at=now, dry_run=True).found == 1 + 1
    assert not RewardPopularity.objects.exists()
    for _again in range(2):
        recommending.count_popularity(program, at=now)
    assert RewardPopularity.objects.count() == 2
    advice = recommending.advise(rich, catalogue.offers(rich, at=now))
    assert [(one.offer.reward.slug, one.reason, one.words) for one in advice] == [
        ("off", "popular", "Popular with Bronze members"),
        ("tea", "affordable", "You can have it now"),
        ("mug", "nearly", "Only 60 points more"),
    ]
    told = Shop(program).get(f"/members/{rich.number}/recommendations").json()["recommendations"]
    assert [(one["reward"], one["reason"]) for one in told] == [("off", "popular"), ("tea", "affordable"), ("mug", "nearly")]  # fmt: skip


def test_the_catalogue_costs_the_same_with_five_and_with_fifty_rewards(program, rich, shelf):
    client = signed_in(rich)

    def cost():
        with CaptureQueriesContext(connection) as asked:
            client.get("/rewards/")
        return len(asked)

    RewardPrice.objects.create(reward=Reward.objects.get(slug="mug"), cost=60, tier=Tier.objects.get(slug="gold"))
    cost()
    few = cost()
    for number in range(50):
        made = make_reward(program, f"r{number}", cost=10, category=shelf, limit_per_day=5)
        RewardPrice.objects.create(reward=made, cost=9, tier=Tier.objects.get(slug="silver"))
    assert cost() == few
    assert few <= 14


def test_the_desk_keeps_the_season_of_a_reward_in_order(program):
    reward = make_reward(program)
    client, address = staff_client(roles.PROGRAM_MANAGER), f"/admin/rewards/reward/{reward.pk}/change/"
    page = client.post(address, form_of(client, address) | {"season_from": "13-01", "season_until": ""})
    assert "two digits each" in page.content.decode()
    assert "needs its first and its last day" in page.content.decode()
