"""Why a campaign did not count for a basket that is tried: every condition that does not hold, in the words of its terms."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.conditions import CHECKS, in_control
from campaigns.models import Campaign
from campaigns.tests.shop import add_campaign, add_rule, open_shop
from campaigns.unmet import in_words
from loyalty.desk import roles
from loyalty.tests.desk import staff_client

pytestmark = pytest.mark.django_db
TWICE = {"kind": "multiplier", "factor": "2"}


@pytest.fixture
def manager(program):
    open_shop(program)
    return staff_client(roles.PROGRAM_MANAGER)


def draft(program, conditions, **more):
    now = timezone.now()
    campaign = add_campaign(program, "fest", now + timedelta(days=5), now + timedelta(days=9), **more)
    add_rule(program, "fest", {"award": TWICE, "conditions": conditions}, campaign=campaign)
    Campaign.objects.update(status=Campaign.Status.DRAFT)
    campaign.refresh_from_db()
    return campaign


def tried(manager, member, campaign, *, days=6, **more):
    moment = timezone.localtime(timezone.now() + timedelta(days=days))
    told = {"member": member.number, "amount": "40", "quantity": "1", "draft": campaign.pk}
    told |= {"moment_0": moment.date().isoformat(), "moment_1": "12:00"}
    return manager.post(reverse("admin:campaigns_campaign_try_basket"), told | more)


def test_everything_that_does_not_hold_is_told_at_once(program, ani, manager):
    campaign = draft(
        program, {"tiers": ["gold"], "minimum": "50", "categories": ["jazz"], "payments": ["cash"], "quantity": "2"}
    )
    page = tried(manager, ani, campaign, category="rock")
    assert page.context["missed"] == [
        "only Gold", "from Rp50", "with jazz in the basket", "paid with cash",
    ]  # fmt: skip
    assert "“Fest” did not count for this basket, for it counts only:" in page.content.decode()
    assert "from 2 pieces" in tried(manager, ani, campaign, category="jazz").context["missed"]


def test_what_holds_is_not_told_and_one_near_miss_is_told_once(program, ani, manager):
    campaign = draft(program, {"categories": ["jazz"], "payments": ["cash"]})
    counted = tried(manager, ani, campaign, category="jazz", payment="cash")
    assert counted.context["missed"] == []
    assert "doubled by Fest" in counted.content.decode()
    near = tried(manager, ani, campaign, category="jazz")
    assert (near.context["missed"], near.context["near_misses"]) == (["paid with cash"], [])


def test_outside_its_days_the_days_are_told_and_nothing_else(program, ani, manager):
    campaign = draft(program, {"tiers": ["gold"]})
    zone = ZoneInfo(program.time_zone)
    first, last = (at.astimezone(zone) for at in (campaign.since, campaign.until - timedelta(microseconds=1)))
    said = [f"from {first:%-d %b %Y} to {last:%-d %b %Y}"]
    assert tried(manager, ani, campaign, days=20).context["missed"] == said


def test_a_member_of_the_control_group_is_told_as_such_to_staff(program, ani, manager):
    campaign = draft(program, {}, control_percent=50)
    secret = next(str(n) for n in range(99) if in_control(str(n), 50, ani.pk))
    Campaign.objects.update(control_secret=secret)
    assert tried(manager, ani, campaign).context["missed"] == [
        "not for this member, whom the lot put into its control group"
    ]


def test_from_a_live_campaign_its_own_conditions_are_told_too(program, ani, manager):
    campaign = draft(program, {"tiers": ["gold"]})
    Campaign.objects.update(status=Campaign.Status.LIVE)
    moment = campaign.since + timedelta(days=1)
    told = {"member": ani.number, "amount": "40", "quantity": "1", "moment_0": f"{moment:%Y-%m-%d}", "moment_1": f"{moment:%H:%M}"}  # fmt: skip
    address = reverse("admin:campaigns_campaign_try_basket")
    assert manager.post(f"{address}?campaign={campaign.pk}", told).context["missed"] == ["only Gold"]
    assert manager.post(address, told).context["missed"] == []


def test_a_draft_one_comes_from_counts_only_while_it_is_chosen(program, ani, manager):
    campaign = draft(program, {})
    with_it = tried(manager, ani, campaign)
    told = {"member": ani.number, "amount": "40", "quantity": "1", "draft": ""}
    told |= {"moment_0": with_it.context["form"].data["moment_0"], "moment_1": "12:00"}
    without = manager.post(f"{reverse('admin:campaigns_campaign_try_basket')}?campaign={campaign.pk}", told)
    assert [page.context["found"].award.points for page in (with_it, without)] == [80, 40]
    assert "fest" not in without.context["sentence"]


def test_every_condition_that_is_judged_has_words(program, ani, manager):
    asked = {
        "maximum": "1", "lines_minimum": "50", "lines_maximum": "1", "quantity": "9", "stores": ["x"], "partners": ["x"], "payments": ["x"],
        "languages": ["ms"], "segments": ["nobody"], "new_within_days": 1, "member_for_days": 9999, "birthday": "day",
        "dates": [{"from": "2000-01-01", "through": "2000-01-02"}], "seasons": ["ramadan"],
        "yearly": [{"from": "01-01", "through": "01-01"}], "weekdays": [1], "hours": [{"from": "00:00", "until": "00:01"}],
        "first_in": "day", "nth": 99, "every_nth": 99, "frequency": {"count": 9, "days": 2},
    }  # fmt: skip
    campaign = draft(program, {})
    assert set(asked) == set(CHECKS) - {"control"}
    for name, value in asked.items():
        assert in_words([name], campaign, {"conditions": {name: value}}, {}) != [], name
