"""The audience of a campaign: its control group is drawn from it, and what it brought is told within it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.conditions import in_control
from campaigns.measuring import groups, report, reports
from campaigns.models import Campaign
from campaigns.openness import Opening, Person, openings
from campaigns.terms import RuleTerms
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from members.models import Purchase, Tier, TierStay
from members.segments import membership
from members.segments.models import SegmentStay
from members.segments.testing import all_of, make_segment
from members.testing import make_member

NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY = timedelta(days=1)
DOUBLE = {"kind": "multiplier", "factor": "2"}
FANS = all_of({"about": "purchases", "least": 1, "days": 30})


def measured(program, conditions, *, percent=50):
    """Double points for whom the conditions name, half of them kept out."""
    open_shop(program)
    made = add_campaign(program, "double", NOON, NOON + 30 * DAY, control_percent=percent, control_secret="lot")
    add_rule(program, "double", {"award": DOUBLE, "conditions": conditions}, campaign=made)
    return made


def stay(segment, member, since, until=None):
    SegmentStay.objects.create(segment=segment, member=member, since=since, until=until)


@pytest.mark.django_db
def test_the_lift_is_told_within_the_segment_and_not_watered_down_by_everybody_else(program):
    fans = make_segment(program, "fans", FANS, at=NOON - 10 * DAY)
    campaign = measured(program, {"segments": ["fans"]})
    sides = {False: 0, True: 0}
    for number in range(60):
        member = make_member(program, f"M{number}", at=NOON - 9 * DAY)
        is_fan, is_out = number % 2 == 0, in_control("lot", 50, member.pk)
        if is_fan:
            stay(fans, member, NOON - 5 * DAY)
            sides[is_out] += 1
        buy(member, "100" if is_out or not is_fan else "140", NOON + DAY)
    told = report(campaign, at=NOON + 2 * DAY)
    assert (told.lift.treated.members, told.lift.control.members) == (sides[False], sides[True])
    assert (told.lift.difference, told.lift.low, told.lift.high) == (40, 40, 40)
    assert told.lift.revenue == 40 * sides[False]
    assert len(list(groups(campaign, at=NOON + 2 * DAY))) == 30


@pytest.mark.django_db
def test_who_enters_the_segment_late_has_the_place_that_was_drawn_and_counts_from_then_on(program):
    fans = make_segment(program, "fans", FANS, at=NOON - 10 * DAY)
    campaign = measured(program, {"segments": ["fans"]})
    people = [make_member(program, f"M{number}", at=NOON - 9 * DAY) for number in range(40)]
    entered = NOON + 3 * DAY
    for number, member in enumerate(people):
        buy(member, "500", NOON + DAY, receipt=f"before-{number}")  # before it was open to those who come late
        stay(fans, member, entered if number % 2 else NOON - DAY)
        buy(member, "10", NOON + 5 * DAY, receipt=f"after-{number}")
    told = report(campaign, at=NOON + 6 * DAY)
    spent = {False: [], True: []}
    for number, member in enumerate(people):
        spent[in_control("lot", 50, member.pk)].append(10 if number % 2 else 510)
    for is_out, group in ((False, told.lift.treated), (True, told.lift.control)):
        assert (group.members, group.total) == (len(spent[is_out]), 100 * sum(spent[is_out]))
    drawn = {row["id"]: (row["group"], row["since"]) for row in groups(campaign, at=NOON + 6 * DAY)}
    for number, member in enumerate(people):
        group = "control" if in_control("lot", 50, member.pk) else "treated"
        assert drawn[member.pk] == (group, entered + membership.SETTLED_AFTER if number % 2 else NOON)
    for member in people:  # what is drawn is what is given
        bought = buy(member, "10", NOON + 7 * DAY, receipt=f"last-{member.pk}")
        assert bought.purchase.points == (10 if drawn[member.pk][0] == "control" else 20)


@pytest.mark.django_db
def test_who_leaves_the_segment_stays_in_the_comparison(program):
    fans = make_segment(program, "fans", FANS, at=NOON - 10 * DAY)
    campaign = measured(program, {"segments": ["fans"]})
    for number in range(40):
        member = make_member(program, f"M{number}", at=NOON - 9 * DAY)
        stay(fans, member, NOON - 5 * DAY, NOON + DAY if number % 2 else None)
        buy(member, "30", NOON + 4 * DAY)
    told = report(campaign, at=NOON + 6 * DAY)
    assert told.lift.treated.members + told.lift.control.members == 40
    assert told.lift.difference == 0


@pytest.mark.django_db
def test_a_campaign_for_a_tier_compares_the_members_of_the_tier(program):
    gold = Tier.objects.get(program=program, rank=2)
    campaign = measured(program, {"tiers": [gold.slug]})
    for number in range(50):
        member = make_member(program, f"M{number}", at=NOON - 9 * DAY)
        if number < 30:
            TierStay.objects.filter(member=member).delete()
            TierStay.objects.create(member=member, tier=gold, since=NOON - DAY, recorded_at=NOON, cause="test")
        buy(member, "100", NOON + DAY)
    told = report(campaign, at=NOON + 2 * DAY)
    assert told.lift.treated.members + told.lift.control.members == 30
    assert told.lift.treated.total == 10_000 * told.lift.treated.members


@pytest.mark.django_db
def test_the_queries_do_not_grow_with_the_campaigns_for_segments(program, django_assert_max_num_queries):
    make_segment(program, "fans", FANS, at=NOON - 10 * DAY)
    campaign = measured(program, {"segments": ["fans"]})
    other = add_campaign(program, "more", NOON, NOON + 9 * DAY, control_percent=10, control_secret="x")
    add_rule(program, "more", {"award": DOUBLE, "conditions": {"segments": ["fans"]}}, campaign=other)
    with django_assert_max_num_queries(7):
        report(campaign, at=NOON + DAY)
    with django_assert_max_num_queries(7):
        reports([campaign, other], at=NOON + DAY)


def opened(**terms):
    """A campaign of March with one rule."""
    campaign = Campaign(since=NOON, until=NOON + 30 * DAY)
    return Opening(campaign, [RuleTerms("r", 1, "fixed", since=NOON, until=NOON + 30 * DAY, **terms)], NOON + 30 * DAY)


@pytest.mark.parametrize(
    ("conditions", "since"),
    [
        ((), NOON),
        ((("languages", ("id",)),), NOON),
        ((("languages", ("ms",)),), None),
        ((("member_for_days", 10),), datetime(2026, 3, 10, 17, tzinfo=UTC)),
        ((("new_within_days", 10),), NOON),
        ((("new_within_days", 3),), None),
        ((("birthday", "day"),), datetime(2026, 3, 20, 17, tzinfo=UTC)),
        ((("birthday", "week"),), datetime(2026, 3, 15, 17, tzinfo=UTC)),
        ((("birthday", "month"),), NOON),
        ((("birthday", "week"), ("member_for_days", 30)), None),
        ((("segments", ("fans", "others")),), NOON + 2 * DAY),
        ((("segments", ("others",)),), None),
        ((("quantity", Decimal(3)),), NOON),
    ],
)
def test_each_condition_about_the_member_says_from_when_it_is_open(conditions, since):
    """Jakarta is seven hours ahead; 21 March 2026 is a Saturday, and 1 March was a Sunday."""
    stays = [("fans", NOON - 9 * DAY, NOON - DAY), ("fans", NOON + 2 * DAY, None)]
    person = Person(7, "M7", NOON - 5 * DAY, date(1990, 3, 21), "id", segments=stays)
    assert opened(conditions=conditions).since(person, "Asia/Jakarta") == since


def test_a_pause_is_no_moment_at_which_it_opens():
    fan = Person(
        7, "M7", NOON - 5 * DAY, None, "id", tiers=[("basic", NOON - 9 * DAY, NOON + DAY), ("gold", NOON + DAY, None)]
    )
    early = RuleTerms("r", 1, "fixed", since=NOON, until=NOON + 2 * DAY, tiers=frozenset({"gold"}))
    after = RuleTerms("r", 1, "fixed", since=NOON + 5 * DAY, until=NOON + 9 * DAY)
    campaign = opened().campaign
    assert Opening(campaign, [early, after], NOON + 30 * DAY).since(fan, "UTC") == NOON + DAY
    assert Opening(campaign, [after], NOON + 30 * DAY).since(fan, "UTC") == NOON + 5 * DAY


@pytest.mark.django_db
def test_the_openings_of_campaigns_are_one_query(program, django_assert_num_queries):
    campaign = measured(program, {"languages": ["en"]})
    with django_assert_num_queries(1):
        (found,) = openings([campaign], {campaign.pk: NOON + DAY})
    assert (found.is_for_all, [one.slug for one in found.terms]) == (False, ["double"])


def test_a_campaign_that_paused_or_was_narrowed_within_the_time_is_not_for_all_of_it():
    campaign, until = opened().campaign, NOON + 30 * DAY
    plain = RuleTerms("r", 1, "fixed", since=NOON, until=until)
    paused = [replace(plain, until=NOON + 2 * DAY), replace(plain, since=NOON + 5 * DAY)]
    assert Opening(campaign, [replace(plain, since=None, until=None)], until).is_for_all
    assert Opening(campaign, [replace(plain, until=NOON + 2 * DAY)], NOON + 2 * DAY).is_for_all
    assert not Opening(campaign, paused, until).is_for_all
    assert not Opening(campaign, [replace(plain, tiers=frozenset({"gold"}))], until).is_for_all
    assert not Opening(campaign, [replace(plain, since=NOON + DAY)], until).is_for_all


@pytest.mark.django_db
def test_who_joins_after_a_campaign_was_paused_neither_counts_as_a_member_nor_with_what_they_buy(program):
    campaign = measured(program, {})
    people = [make_member(program, f"M{number}", at=NOON - 9 * DAY) for number in range(40)]
    Campaign.objects.filter(pk=campaign.pk).update(status="paused", pauses=[[(NOON + DAY).isoformat(), None]])
    late = [make_member(program, f"L{number}", at=NOON + 2 * DAY) for number in range(40)]
    for member in [*people, *late]:
        buy(member, "50", NOON + 3 * DAY)
    campaign.refresh_from_db()
    told = report(campaign, at=NOON + 6 * DAY)
    for group in (told.lift.treated, told.lift.control):
        assert group.total == 5000 * group.members
    assert told.lift.treated.members + told.lift.control.members == 40
    assert (told.lift.low, told.lift.high) == (0, 0)


@pytest.mark.django_db
def test_who_joins_after_the_end_does_not_count_with_what_was_bought_before(program):
    campaign = measured(program, {})
    for number in range(40):
        buy(make_member(program, f"M{number}", at=NOON - 9 * DAY), "50", NOON + DAY)
    late = make_member(program, "Late", at=NOON + 40 * DAY)
    told_late = buy(late, "50", NOON + 41 * DAY).purchase
    Purchase.objects.filter(pk=told_late.pk).update(occurred_at=NOON + 2 * DAY)
    told = report(campaign, at=NOON + 50 * DAY)
    assert told.lift.treated.total + told.lift.control.total == 40 * 5000


@pytest.mark.django_db
def test_only_the_purchases_of_those_who_entered_late_are_read_one_by_one(program):
    fans = make_segment(program, "fans", FANS, at=NOON - 10 * DAY)
    campaign = measured(program, {"segments": ["fans"]})
    people = [make_member(program, f"M{number}", at=NOON - 9 * DAY) for number in range(60)]
    for member in people:
        stay(fans, member, NOON - 5 * DAY)
        buy(member, "10", NOON + DAY)
    with CaptureQueriesContext(connection) as early:
        told = report(campaign, at=NOON + 6 * DAY)
    assert told.lift.treated.total + told.lift.control.total == 60 * 1000
    late = make_member(program, "Late", at=NOON - 9 * DAY)
    stay(fans, late, NOON + 3 * DAY)
    for day in (1, 5):
        buy(late, "10", NOON + day * DAY, receipt=f"late-{day}")
    with CaptureQueriesContext(connection) as more:
        told = report(campaign, at=NOON + 6 * DAY)
    assert told.lift.treated.total + told.lift.control.total == 61 * 1000
    assert len(more) == len(early) + 1
