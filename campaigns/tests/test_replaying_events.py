"""Events walked again beside the purchases: what they take of budgets, caps and limits is theirs in the replay too."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from campaigns import backtest
from campaigns.events import record_event
from campaigns.models import Campaign, RuleUse
from campaigns.proving import prove
from campaigns.replaying import replay_live, with_events
from campaigns.rules import book
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop
from campaigns.ways import recording
from loyalty.ledger import limiting, locking
from loyalty.ledger.models import Wallet
from members.enrolment import main_account
from members.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
END = NOON + 60 * DAY


def fixed(points, activity, **more):
    conditions = {"activity": activity} | more.pop("conditions", {})
    return {"award": {"kind": "fixed", "points": str(points)}, "conditions": conditions, **more}


def does(member, kind, at, key="", *, told_at=None):
    return record_event(
        member.program, member, kind=kind, source="app", key=key or f"{kind}-{member.pk}-{at.isoformat()}",
        occurred_at=at, at=told_at or at, actor="test",
    )  # fmt: skip


def takes_back(event, at):
    locking.lock(main_account(event.member).pk)
    recording.take_back(event, at=at, actor="test", reason="By mistake")


@pytest.fixture
def shop(program):
    """One point per unit; a campaign whose budget purchases and reviews share; visits with a cap of their own."""
    open_shop(program)
    campaign = add_campaign(program, "spring", NOON - 30 * DAY, NOON + 300 * DAY, budget_points=100)
    add_rule(program, "basket", fixed(30, "purchase"), campaign=campaign)
    add_rule(program, "review", fixed(20, "review"), campaign=campaign)
    add_rule(program, "visit", fixed(5, "visit", caps={"month": "10"}))
    add_rule(program, "third", fixed(50, "visit", conditions={"every_nth": 3}))
    return program


def test_a_budget_that_purchases_and_events_share_runs_out_where_it_did(shop, ani, budi):
    does(ani, "review", NOON)
    buy(ani, "10", NOON + HOUR)
    does(budi, "review", NOON + 2 * HOUR)
    buy(budi, "10", NOON + 3 * HOUR)  # 100 of the budget are given
    buy(ani, "10", NOON + DAY)
    does(ani, "review", NOON + 2 * DAY)
    proof = prove(shop, at=END)
    assert proof.differences == []
    assert (proof.purchases, proof.events, proof.points, proof.booked) == (3, 3, 130, 130)


def test_caps_and_counts_of_events_come_out_as_recorded_and_what_came_late_too(shop, ani):
    for days in (0, 3, 5, 9):
        does(ani, "visit", NOON + days * DAY)
    does(ani, "visit", NOON + DAY, told_at=NOON + 10 * DAY)
    proof = prove(shop, at=END)
    assert proof.differences == []
    assert (proof.events, proof.points) == (5, 60)


def test_what_an_event_gave_back_is_free_for_what_came_after(shop, ani, budi):
    first = does(ani, "review", NOON).event
    buy(budi, "10", NOON + HOUR)
    buy(budi, "10", NOON + 2 * HOUR)
    does(budi, "review", NOON + 3 * HOUR)  # 100 are given
    takes_back(first, NOON + DAY)
    bought = buy(ani, "10", NOON + 2 * DAY)
    assert bought.points == 30  # 10 and what came back
    proof = prove(shop, at=END)
    assert proof.differences == []
    assert proof.points == proof.booked == 30 + 80 + 20


def test_the_limits_of_the_wallet_are_shared_by_purchases_and_events(shop, ani):
    limiting.limit(Wallet.objects.get(program=shop), {"day": 60}, at=NOON - DAY)
    does(ani, "visit", NOON)
    buy(ani, "40", NOON + HOUR)
    does(ani, "visit", NOON + 2 * HOUR)
    kept = buy(ani, "40", NOON + DAY).purchase
    give_back(kept, NOON + DAY + HOUR, "20")
    does(ani, "visit", NOON + DAY + 2 * HOUR)
    proof = prove(shop, at=END)
    assert proof.differences == []
    assert RuleUse.objects.filter(rule__isnull=True).count() >= 4
    assert proof.points == proof.booked


def test_an_event_that_the_books_hold_otherwise_is_named(shop, ani):
    done = does(ani, "visit", NOON).event
    Event.objects.filter(pk=done.pk).update(points=7)
    (found,) = prove(shop, at=END).differences
    assert (found.source, found.receipt, found.recorded, found.booked, found.replayed) == ("app", done.key, 7, 5, 5)
    assert found.reason.startswith("books:")
    add_rule(shop, "more", fixed(2, "visit"))
    Event.objects.filter(pk=done.pk).update(points=5)
    (found,) = prove(shop, at=END).differences
    assert found.reason == "rules: more would count now and did not when it was recorded"


def test_a_walk_that_begins_later_knows_what_events_took_before(shop, ani, budi):
    does(ani, "visit", NOON)
    does(ani, "visit", NOON + DAY)
    does(ani, "review", NOON + DAY)
    does(budi, "review", NOON + 2 * DAY)
    buy(ani, "10", NOON + 2 * DAY)
    since = NOON + 3 * DAY
    buy(ani, "10", since + HOUR)
    does(ani, "visit", since + 2 * HOUR)
    replay = replay_live(shop, since=since, until=END)
    batches = list(with_events(shop, book(shop), since=since, until=END))
    found = [one.award.points for batch in batches for one in replay.walk(batch)]
    assert found == [40, 50]  # 30 of the budget were left; the month's cap of visits is reached, it is the third


def test_batches_take_a_constant_number_of_statements_and_leave_no_event_out(
    shop, ani, budi, django_assert_num_queries
):
    for days in range(6):
        does(ani, "visit", NOON + days * DAY)
        buy(budi, "10", NOON + days * DAY)
    rules = book(shop)
    with django_assert_num_queries(3):
        (batch,) = with_events(shop, rules, since=NOON, until=END)
    assert len(batch) == 12
    assert [one.key[:2] for one in batch] == [(NOON + days * DAY, kind) for days in range(6) for kind in (0, 1)]
    replay = replay_live(shop, since=NOON, until=END)
    replay.walk(batch[:2])
    with django_assert_num_queries(0):
        replay.walk(batch[2:])


def test_the_command_tells_the_events(shop, ani):
    does(ani, "visit", NOON)
    buy(ani, "10", NOON + HOUR)
    out = StringIO()
    call_command("replay_rules", program=shop.slug, json=True, stdout=out)
    told = json.loads(out.getvalue())[shop.slug]
    assert (told["purchases"], told["events"], told["points"], told["different"]) == (1, 1, 45, 0)


def test_a_draft_about_events_is_tried_on_the_events_of_the_past(shop, ani, budi):
    buy(budi, "10", NOON)
    for days in range(3):
        does(ani, "visit", NOON + days * DAY)
    draft = Campaign.objects.create(program=shop, slug="feet", name="Feet", since=END, until=END + DAY)
    rule = add_rule(shop, "feet", fixed(11, "visit"), campaign=draft)
    trial = backtest.Trial(months=2, all_the_time=True)
    test = backtest.run_small(backtest.ask(rule, trial, at=NOON + 20 * DAY, actor="test"), at=NOON + 20 * DAY)
    told = test.figures
    assert (told["live"]["points"], told["tried"]["points"]) == (40 + 60, 40 + 93)
    assert told["tried"]["by_rule"]["feet"] == {"purchases": 3, "points": 33, "members": 1}
    assert (test.done, told["live"]["earning"], told["winners"]) == (1, 1, [[ani.pk, 33]])
