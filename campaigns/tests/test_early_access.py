"""Early access: a campaign and a reward open some days earlier for a tier, and only for it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import news, publishing
from campaigns.models import Campaign, RuleVersion
from campaigns.tests.shop import LONG_AGO, add_rule, buy, open_shop
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members.testing import OPENING, make_member, points_of
from rewards import catalogue, eligibility, redemption
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
BEGINS = OPENING + 30 * DAY
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}}


@pytest.fixture
def shop(program):
    program.tiers.filter(slug="silver").update(early_access_days=3)
    program.tiers.filter(slug="gold").update(early_access_days=7)
    return open_shop(program)


@pytest.fixture
def silver(shop):
    member = make_member(shop, "Sri")
    buy(member, "1000", OPENING + DAY)
    member.refresh_from_db()
    return member


def opened(shop, *, early=True, **more):
    campaign = Campaign.objects.create(
        program=shop, slug="rain", name="Rain", summary="Twice the points", since=BEGINS, until=BEGINS + 10 * DAY, opens_early=early, **more
    )  # fmt: skip
    add_rule(shop, "rain", DOUBLE, campaign=campaign)
    return publishing.go_live(campaign, at=OPENING, actor="test")


def earned(member, at):
    return buy(member, "10", at).purchase.points


def test_a_campaign_opens_earlier_for_a_tier_and_for_nobody_else(shop, silver, ani):
    campaign = opened(shop)
    assert campaign.early == {"silver": 3, "gold": 7}
    assert [earned(silver, BEGINS - 4 * DAY), earned(silver, BEGINS - 3 * DAY), earned(silver, BEGINS)] == [10, 20, 20]
    assert [earned(ani, BEGINS - DAY), earned(ani, BEGINS)] == [10, 20]


def test_a_campaign_that_does_not_open_early_opens_at_once_for_all(shop, silver):
    assert opened(shop, early=False).early == {}
    assert [earned(silver, BEGINS - DAY), earned(silver, BEGINS)] == [10, 20]


def test_days_of_early_access_are_those_of_when_it_went_live(shop, silver):
    opened(shop)
    shop.tiers.filter(slug="silver").update(early_access_days=20)
    assert earned(silver, BEGINS - 4 * DAY) == 10


def test_a_campaign_ended_before_it_began_ends_early_access_too(shop, silver):
    campaign = opened(shop)
    assert earned(silver, BEGINS - 2 * DAY) == 20
    publishing.end(campaign, at=BEGINS - DAY, actor="test")
    assert [earned(silver, BEGINS - DAY / 2), earned(silver, BEGINS + DAY)] == [10, 10]
    assert earned(silver, BEGINS - DAY * 1.5) == 20  # told late, from before the end


def test_a_rule_for_other_tiers_stays_closed(shop, silver):
    campaign = opened(shop)
    RuleVersion.objects.filter(rule__campaign=campaign).delete()
    only = DOUBLE | {"conditions": {"tiers": ["gold"]}}
    RuleVersion.objects.create(rule=campaign.rules.get(), number=1, definition=only, since=LONG_AGO, created_at=LONG_AGO)  # fmt: skip
    assert earned(silver, BEGINS - DAY) == 10


def test_the_portal_tells_a_tier_early(shop, silver, ani):
    opened(shop)
    assert [len(news.running(member, at=BEGINS - DAY)) for member in (silver, ani)] == [1, 0]
    assert [len(news.running(member, at=BEGINS)) for member in (silver, ani)] == [1, 1]


def test_the_desk_ticks_it_while_the_campaign_is_a_draft(shop):
    desk = staff_client(roles.PROGRAM_MANAGER)
    campaign = opened(shop)
    page = desk.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert "Opens earlier for tiers" in page and 'name="opens_early"' not in page
    assert 'name="opens_early"' in desk.get(reverse("admin:campaigns_campaign_add") + "?begin=double").content.decode()


def test_a_reward_can_be_had_some_days_earlier_by_a_tier_only(shop, silver, ani):
    latte = make_reward(shop, cost=10, offered_from=BEGINS)
    buy(ani, "100", OPENING + DAY)
    with pytest.raises(eligibility.NotOffered):
        redemption.redeem(silver, latte, at=BEGINS - 4 * DAY, reference="a", source="test", actor="test")
    with pytest.raises(eligibility.NotOffered):
        redemption.redeem(ani, latte, at=BEGINS - DAY, reference="b", source="test", actor="test")
    assert [catalogue.offer(member, latte, at=BEGINS - DAY).can_redeem for member in (silver, ani)] == [True, False]
    redemption.redeem(silver, latte, at=BEGINS - DAY, reference="c", source="test", actor="test")
    assert (points_of(silver, at=BEGINS - DAY), points_of(ani, at=BEGINS - DAY)) == (990, 100)
