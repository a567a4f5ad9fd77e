"""Rules that ask for a segment: counted by the membership of the moment, and rated again to the same."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.challenges import publishing
from campaigns.counting import Counters
from campaigns.models import Campaign, RuleVersion
from campaigns.rules import in_force
from campaigns.tests.games import card, start
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members.segments import membership, saving
from members.segments.models import Segment
from members.segments.testing import all_of, make_segment
from members.segments.uses import uses_of
from members.testing import points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}, "conditions": {"segments": ["regulars"]}}
REGULARS = all_of({"about": "purchases", "least": 1, "days": 30})


@pytest.fixture
def shop(program):
    """One point per unit; twice as many for regulars, who are nobody yet."""
    open_shop(program)
    program.regulars = make_segment(program, "regulars", REGULARS, at=NOON - 10 * DAY)
    campaign = add_campaign(program, "double", NOON - 30 * DAY, NOON + 300 * DAY)
    program.rule = add_rule(program, "double", DOUBLE, campaign=campaign)
    return program


def test_members_of_the_segment_earn_by_the_rule_and_others_do_not(shop, ani, budi):
    buy(ani, "100", NOON - DAY)
    membership.refresh(shop.regulars, at=NOON)
    assert buy(ani, "100", NOON + HOUR).purchase.points == 200
    assert buy(budi, "100", NOON + HOUR).purchase.points == 100


def test_a_purchase_counts_by_the_membership_of_its_moment_however_late_it_is_told(shop, ani):
    buy(ani, "100", NOON - DAY)
    membership.refresh(shop.regulars, at=NOON)
    membership.refresh(shop.regulars, at=NOON + 40 * DAY)
    after = NOON + 41 * DAY
    assert buy(ani, "100", NOON + HOUR, recorded_at=after, receipt="in").purchase.points == 200
    assert buy(ani, "100", NOON - HOUR, recorded_at=after, receipt="before").purchase.points == 100
    assert buy(ani, "100", after, receipt="left").purchase.points == 100


def test_until_a_refresh_has_settled_the_old_membership_counts(shop, ani):
    buy(ani, "100", NOON - DAY)
    membership.refresh(shop.regulars, at=NOON)
    settled = NOON + membership.SETTLED_AFTER
    assert buy(ani, "100", settled - timedelta(seconds=1)).purchase.points == 100
    assert buy(ani, "100", settled).purchase.points == 200


def test_any_order_of_arrival_ends_with_the_same_points(shop, ani, budi):
    for member in (ani, budi):
        buy(member, "10", NOON - DAY, receipt=f"first-{member.pk}")
    membership.refresh(shop.regulars, at=NOON)
    membership.refresh(shop.regulars, at=NOON + 40 * DAY)
    moments = [NOON + HOUR, NOON + 2 * DAY, NOON + 41 * DAY]
    told_at = NOON + 50 * DAY
    for member, order in ((ani, moments), (budi, list(reversed(moments)))):
        for moment in order:
            buy(member, "100", moment, recorded_at=told_at)
    assert points_of(ani, at=told_at) == points_of(budi, at=told_at) == 10 + 200 + 200 + 100


def test_nothing_is_asked_about_segments_when_no_rule_asks(program, ani, django_assert_num_queries):
    open_shop(program)
    counters = Counters(program, in_force(program, NOON), decimals=0)
    with django_assert_num_queries(0):
        counters.read([ani.pk], at=NOON)


def test_a_whole_batch_asks_once(shop, ani, budi, siti, django_assert_num_queries):
    counters = Counters(shop, in_force(shop, NOON), decimals=0)
    with django_assert_num_queries(2):  # who they are, and their segments
        counters.read([ani.pk, budi.pk, siti.pk], at=NOON)


def test_a_segment_that_a_live_rule_asks_for_is_neither_archived_nor_deleted(shop):
    (use,) = uses_of(shop.regulars)
    assert (use.title, use.counts) == ("Campaign: Double", True)
    for deed in (saving.archive, saving.delete):
        with pytest.raises(saving.SegmentInUse):
            deed(shop.regulars, at=NOON, actor="test")
    shop.regulars.refresh_from_db()
    assert shop.regulars.archived_at is None


def test_a_segment_that_a_rule_once_asked_for_may_be_archived_but_is_kept(shop, ani):
    Campaign.objects.update(status=Campaign.Status.ENDED)
    saving.archive(shop.regulars, at=NOON, actor="test")
    with pytest.raises(saving.SegmentInUse):
        saving.delete(shop.regulars, at=NOON, actor="test")


def test_a_segment_that_a_challenge_asks_for_stays_while_it_runs_and_is_kept_for_ever(program):
    lovers = make_segment(program, "lovers", REGULARS, at=NOON)
    told = card("3", conditions={"activity": "purchase", "segments": ["lovers"]})
    challenge = start(program, "coffee", told, at=NOON)
    assert [(use.title, use.counts) for use in uses_of(lovers)] == [("Challenge: Coffee", True)]
    with pytest.raises(saving.SegmentInUse):
        saving.archive(lovers, at=NOON, actor="test")
    publishing.publish(challenge, card("3"), at=NOON + HOUR, actor="test")
    assert [use.counts for use in uses_of(lovers)] == [False]
    saving.archive(lovers, at=NOON + HOUR, actor="test")
    with pytest.raises(saving.SegmentInUse):
        saving.delete(lovers, at=NOON + HOUR, actor="test")


def test_a_campaign_is_kept_for_segments_by_ticking_them(shop):
    client = staff_client(roles.MARKETING_ASSISTANT)
    at = timezone.now()
    told = {
        "name": "Thanks", "slug": "thanks", "since_0": f"{at:%Y}-01-01", "since_1": "00:00:00", "until_0": f"{at.year + 1}-01-01",
        "until_1": "00:00:00", "kind": "multiplier", "factor": "2", "segments": ["regulars"],
    }  # fmt: skip
    answer = client.post(reverse("admin:campaigns_campaign_add"), told)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert RuleVersion.objects.get(rule__slug="thanks").definition["conditions"]["segments"] == ["regulars"]
    unknown = client.post(reverse("admin:campaigns_campaign_add"), told | {"slug": "other", "segments": ["nobody"]})
    assert list(unknown.context["adminform"].form.errors) == ["segments"]


def test_the_words_of_rules_call_segments_and_tiers_by_their_names(shop):
    Segment.objects.filter(pk=shop.regulars.pk).update(name="Our regulars", name_id="Pelanggan setia")
    desk, campaign = staff_client(roles.PROGRAM_MANAGER), Campaign.objects.get(slug="double")
    add_rule(shop, "standing", DOUBLE)
    for page in (
        reverse("admin:campaigns_campaign_changelist"), reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        reverse("admin:campaigns_rule_changelist"), reverse("admin:campaigns_ruleversion_changelist"),
        reverse("admin:campaigns_ruleversion_change", args=[shop.rule.versions.get().pk]),
    ):  # fmt: skip
        assert "for “Our regulars”" in desk.get(page).content.decode(), page
    desk.cookies["django_language"] = "id"
    assert "Pelanggan setia" in desk.get(reverse("admin:campaigns_campaign_changelist")).content.decode()


def test_a_list_of_campaigns_asks_for_names_once(shop):
    desk, page = staff_client(roles.PROGRAM_MANAGER), reverse("admin:campaigns_campaign_changelist")
    desk.get(page)
    with CaptureQueriesContext(connection) as few:
        desk.get(page)
    for number in range(5):
        campaign = add_campaign(shop, f"more{number}", NOON, NOON + DAY)
        add_rule(shop, f"more{number}", DOUBLE, campaign=campaign)
    with CaptureQueriesContext(connection) as many:
        desk.get(page)
    assert len(many) == len(few)
