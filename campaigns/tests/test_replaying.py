"""Past purchases walked again: the live rules give the books exactly, and every difference is named with its reason."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from campaigns.demo import loading
from campaigns.models import Campaign, Rule
from campaigns.proving import prove
from campaigns.replaying import batches, replay_live
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop
from members.models import Event, Purchase

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}}


@pytest.fixture
def shop(program):
    """One point per unit; a campaign with everything that depends on what came before."""
    open_shop(program)
    campaign = add_campaign(program, "double", NOON - 30 * DAY, NOON + 300 * DAY, budget_points=1000)
    add_rule(program, "double", DOUBLE | {"caps": {"month": "150"}}, campaign=campaign)
    add_rule(program, "third", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"every_nth": 3}})
    return program


def points_of_all(program):
    return sum(one.points - one.points_returned for one in Purchase.objects.filter(program=program))


def test_caps_counts_and_tiers_come_out_as_they_were_recorded(shop, ani, budi):
    for days in range(7):
        buy(ani, "100", NOON + days * DAY)
        buy(budi, "40", NOON + days * DAY)
    proof = prove(shop, at=NOON + 30 * DAY)
    assert proof.is_exact
    assert (proof.purchases, proof.points) == (14, points_of_all(shop))
    assert proof.points == proof.booked


def test_what_came_back_and_what_came_late_come_out_as_they_were_settled(shop, ani):
    first = buy(ani, "100", NOON).purchase
    buy(ani, "100", NOON + 3 * DAY)
    give_back(first, NOON + 4 * DAY, "60")
    buy(ani, "30", NOON + DAY, recorded_at=NOON + 5 * DAY)
    buy(ani, "80", NOON + 6 * DAY)
    proof = prove(shop, at=NOON + 30 * DAY)
    assert proof.differences == []
    assert (proof.purchases, proof.booked) == (4, points_of_all(shop))


def test_a_rule_published_later_is_named_as_the_reason(shop, ani):
    buy(ani, "100", NOON)
    add_rule(shop, "late", {"award": {"kind": "fixed", "points": "7"}})
    (found,) = prove(shop, at=NOON + DAY).differences
    assert (found.booked, found.recorded, found.replayed) == (200, 200, 207)
    assert found.reason == "rules: late would count now and did not when it was recorded"


def test_a_rule_switched_off_is_named_as_the_reason(shop, ani):
    buy(ani, "100", NOON)
    Rule.objects.filter(slug="double").update(is_active=False)
    (found,) = prove(shop, at=NOON + DAY).differences
    assert (found.booked, found.replayed) == (200, 100)
    assert found.reason == "rules: double counted when it was recorded and would not now"


def test_books_that_do_not_hold_the_points_of_a_purchase_are_named(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    Purchase.objects.filter(pk=bought.pk).update(points=201)
    (found,) = prove(shop, at=NOON + DAY).differences
    assert (found.booked, found.recorded, found.replayed) == (200, 201, 200)
    assert found.reason.startswith("books:")


def test_a_replay_writes_nothing_and_reads_a_batch_with_a_constant_number_of_statements(
    shop, ani, budi, django_assert_num_queries
):
    for days in range(3):
        buy(ani, "100", NOON + days * DAY)
        buy(budi, "100", NOON + days * DAY)
    spent = Campaign.objects.get(slug="double").spent_points
    replay = replay_live(shop, since=NOON - DAY, until=NOON + 9 * DAY)
    (batch,) = batches(shop, since=NOON - DAY, until=NOON + 9 * DAY)
    with django_assert_num_queries(6):
        replay.walk(batch[:2])
    with django_assert_num_queries(0):
        replay.walk(batch[2:])
    assert Campaign.objects.get(slug="double").spent_points == spent


def test_a_walk_that_begins_later_knows_what_came_before(shop, ani):
    for days in range(6):
        buy(ani, "100", NOON + days * DAY)
    since = NOON + 3 * DAY
    replay = replay_live(shop, since=since, until=NOON + 9 * DAY)
    found = [
        one.award.points for batch in batches(shop, since=since, until=NOON + 9 * DAY) for one in replay.walk(batch)
    ]
    assert found == list(
        Purchase.objects.filter(occurred_at__gte=since).order_by("occurred_at").values_list("points", flat=True)
    )
    assert found == [100, 100, 150]


def test_batches_end_between_two_instants_and_leave_nothing_out(shop, ani):
    for number in range(5):
        buy(ani, "10", NOON, receipt=f"same-{number}")
        buy(ani, "10", NOON + number * HOUR + HOUR, receipt=f"later-{number}")
    sizes = [len(batch) for batch in batches(shop, since=NOON, until=NOON + DAY, size=2)]
    assert sizes == [8, 2]


def test_numbers_are_the_same_whether_or_not_they_are_explained(shop, ani):
    for days in range(4):
        buy(ani, "99.99", NOON + days * DAY)
    (batch,) = batches(shop, since=NOON, until=NOON + 9 * DAY)
    untold = replay_live(shop, since=NOON, until=NOON + 9 * DAY).walk(batch)
    told = replay_live(shop, since=NOON, until=NOON + 9 * DAY).walk(batch, is_told=True)
    assert [(one.award.points, one.award.qualifying, one.award.gave) for one in untold] == [
        (one.award.points, one.award.qualifying, one.award.gave) for one in told
    ]
    assert all(one.award.explanation["points"] == one.award.points for one in told)


def test_a_plain_moment_is_counted_for_the_moments_that_ask(program, ani):
    """The fast way for plain rules must not forget the purchases that later rules count."""
    open_shop(program)
    campaign = add_campaign(program, "later", NOON + 2 * DAY, NOON + 9 * DAY)
    add_rule(program, "third", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"nth": 3}}, campaign=campaign)  # fmt: skip
    for days in range(3):
        buy(ani, "10", NOON + days * DAY)
    (batch,) = batches(program, since=NOON, until=NOON + 9 * DAY)
    found = replay_live(program, since=NOON, until=NOON + 9 * DAY).walk(batch)
    assert [one.award.points for one in found] == [10, 10, 60]


def test_the_command_reports_as_json_and_fails_where_something_differs(shop, ani):
    buy(ani, "100", NOON)
    out = StringIO()
    call_command("replay_rules", program=shop.slug, json=True, stdout=out)
    report = json.loads(out.getvalue())[shop.slug]
    assert (report["purchases"], report["points"], report["different"]) == (1, 200, 0)
    add_rule(shop, "late", {"award": {"kind": "fixed", "points": "7"}})
    with pytest.raises(CommandError, match="1 purchases or events came out otherwise"):
        call_command("replay_rules", program=shop.slug, stdout=StringIO())
    with pytest.raises(CommandError, match="no program"):
        call_command("replay_rules", program="nowhere", stdout=StringIO())


def test_the_live_rules_replayed_give_the_ledger_of_the_demo_exactly():
    program = loading.load(at=NOW).program
    proof = prove(program, at=NOW + timedelta(seconds=1))  # what happened at this very instant is in it
    assert proof.differences == []
    assert proof.purchases == Purchase.objects.filter(program=program).count()
    happened = Event.objects.filter(program=program, points__gt=0)
    assert proof.events >= happened.count() > 0
    of_events = sum(happened.filter(taken_back_at=None).values_list("points", flat=True))
    assert proof.points == proof.booked == points_of_all(program) + of_events
