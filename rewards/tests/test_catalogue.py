"""What members see of the catalogue."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from members.models import Tier
from members.testing import OPENING, give_points, make_program
from rewards import catalogue, redemption
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db
LATER = OPENING + timedelta(days=3)


def offers(member, at=LATER):
    return {offer.reward.slug: offer for offer in catalogue.offers(member, at=at)}


def test_the_catalogue_says_what_can_be_had_and_why_not(program, ani):
    give_points(ani, 150)
    make_reward(program, "cheap", cost=100)
    make_reward(program, "dear", cost=400, stock=7)
    make_reward(program, "gold", cost=100, minimum_tier=Tier.objects.get(slug="gold"))
    make_reward(program, "gone", cost=100, stock=0)
    make_reward(program, "coming", cost=100, offered_from=LATER + timedelta(days=1))
    make_reward(program, "over", cost=100, offered_until=LATER)
    make_reward(program, "off", cost=100, is_active=False)
    make_reward(make_program("other"), "foreign", cost=100)
    seen = offers(ani)
    assert {slug: offer.refusal and offer.refusal.code for slug, offer in seen.items()} == {
        "cheap": None,
        "dear": "insufficient_points",
        "gold": "tier_too_low",
        "gone": "out_of_stock",
        "coming": "not_offered",
    }
    assert (seen["cheap"].can_redeem, seen["dear"].missing, seen["dear"].left) == (True, 250, 7)


def test_the_catalogue_and_the_redemption_say_the_same(program, ani):
    give_points(ani, 150)
    for slug, more in {
        "a": {"cost": 400},
        "b": {"stock": 0},
        "c": {"minimum_tier": Tier.objects.get(slug="gold")},
    }.items():
        reward = make_reward(program, slug, **more)
        with pytest.raises(redemption.Refusal) as refusal:
            redemption.redeem(ani, reward, at=LATER, reference=slug, source="test", actor="test")
        shown = catalogue.offer(ani, reward, at=LATER).refusal
        assert (shown.code, str(shown)) == (refusal.value.code, str(refusal.value))


def test_names_and_amounts_are_in_the_readers_language(program, ani):
    make_reward(program, cost=1200)
    with translation.override("id"):
        offer = offers(ani)["latte"]
        assert str(offer.reward) == "Latte gratis"
        assert "1.200 poin" in str(offer.refusal)


def test_the_catalogue_costs_the_same_however_long_it_and_the_history_are(program, ani):
    make_reward(program)
    with CaptureQueriesContext(connection) as before:
        catalogue.offers(ani, at=LATER)
    give_points(ani, 1000)
    for number in range(20):
        reward = make_reward(program, f"r{number}", cost=10, minimum_tier=Tier.objects.get(slug="bronze"))
        redemption.redeem(ani, reward, at=LATER, reference=str(number), source="test", actor="test")
    with CaptureQueriesContext(connection) as after:
        seen = catalogue.offers(ani, at=LATER)
    assert len(after) == len(before) <= 7
    assert len(seen) == 21
    assert sum(offer.redeemed_by_member for offer in seen) == 20
