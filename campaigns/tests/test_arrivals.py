"""Short histories in all orders of arrival: tiers given by hand, reviews, days of grace, edits of the policy (DOMAIN 2.5, 8).

Most of the named cases once ended otherwise. The others are drawn: few here, thousands in the exhaustive leg.
"""

from datetime import timedelta
from random import Random

import pytest

from campaigns.events import record_event
from campaigns.return_words import words_of
from campaigns.tests.arrivals import EVENTS, SOON, Fact, History, arrivals, violations
from campaigns.tests.drawn import DRAWN, draw
from campaigns.tests.shop import add_rule, buy, open_shop
from loyalty.ledger.models import Entry
from members.testing import OPENING

pytestmark = pytest.mark.django_db
QUARTERLY = {"review": "months", "review_months": 3, "down": "full", "grace_days": 20}
SILVER_FROM_500 = {"silver": ["500.00", None]}


def sale(day, amount):
    return Fact(day, "sale", (amount,))


def back(day, of, quarters=4):
    return Fact(day, "return", (of, quarters))


def delivery(day, of):
    return Fact(day, "confirm", (of,))


def event(day, kind):
    return Fact(day, "event", (kind,))


def redeem(day, points):
    return Fact(day, "redeem", (points,))


def take(day, of):
    return Fact(day, "take", (of,))


CASES = {
    "a review that is not decided yet when a late refund arrives": History(
        (sale(181, 2000), sale(290, 400), back(364, 1)), {"window": "rolling", "months": 1, "review": "yearly"}
    ),
    "a review that is decided after days of grace looks at the window of its own day": History(
        (sale(181, 2000), sale(181, 600), back(364, 1, 2)), QUARTERLY | {"window": "rolling", "months": 3}
    ),
    "a stay kept by a review that a late refund undoes": History(
        (sale(110, 600), sale(320, 2000), back(400, 0)), {"window": "entry", "review": "yearly"}
    ),
    "a stay kept by a review that a late purchase lifts before": History(
        (sale(80, 1000), sale(170, 1000), sale(175, 3000), Fact(210, "review")),
        {"window": "entry", "review": "months", "review_months": 3, "grace_days": 20},
    ),
    "a purchase before an edit lifts by the thresholds of its day": History(
        (sale(20, 1000), Fact(60, "edit", ({"silver": ["2000.00", None]}, False)), sale(80, 600)),
        {"window": "rolling", "months": 12},
    ),
    "a purchase before an edit is lifted by it": History(
        (sale(20, 600), Fact(60, "edit", (SILVER_FROM_500, False)), sale(80, 600)), {"window": "rolling", "months": 12}
    ),
    "a purchase before an edit that moves down at once": History(
        (sale(20, 1000), Fact(60, "edit", ({"silver": ["2000.00", None]}, True)), sale(80, 600), back(90, 0, 1))
    ),
    "an edit that counts something else": History(
        (sale(20, 1000), sale(30, 1000), Fact(60, "edit", ({"metric": "visits", "silver": ["2.00", None], "gold": ["4.00", None]}, False)), sale(80, 10)),
        {"metric": "spend"},
    ),
    "a review that was due before an edit and that no job had decided": History(
        (sale(20, 1000), Fact(250, "edit", ({"review": "yearly"}, False)), sale(300, 600)),
        {"window": "rolling", "months": 3, "review": "months", "review_months": 3},
    ),
    "a tier given by hand between a purchase and its refund": History(
        (sale(20, 600), Fact(60, "give", ("silver", 100)), back(70, 0), sale(200, 600)),
        {"window": "rolling", "months": 3, "review": "months", "review_months": 3},
    ),
    "a cap that a late event takes before a later one": History(
        (event(1, "visit"), event(2, "visit"), event(3, "visit")), rules=EVENTS
    ),
    "every second event counts from the first": History(
        (event(1, "survey"), event(2, "survey"), event(3, "survey")), rules=EVENTS
    ),
    "an event after a purchase that lifts": History((sale(1, 1000), event(2, "share")), rules=EVENTS),
    "an event after a refund and a review that lowers": History(
        (sale(1, 1000), back(2, 0), Fact(100, "review"), event(110, "share")),
        {"window": "rolling", "months": 3, "review": "months", "review_months": 3}, EVENTS,
    ),
    "a budget that purchases and events share": History(
        (sale(1, 500), event(2, "gift"), sale(3, 500)), rules=EVENTS, budget=70
    ),
    "a limit of the wallet over purchases and events": History(
        (event(1, "visit"), sale(1, 40), event(1, "gift"), sale(1, 20)), rules=EVENTS, limits={"day": 90}
    ),
    "an event taken back frees its cap from that day on": History(
        (event(1, "visit"), event(2, "visit"), take(3, 0), event(4, "visit")), rules=EVENTS
    ),
    "an event taken back frees the limit for a purchase after it": History(
        (event(1, "visit"), sale(2, 1000), take(3, 0), sale(4, 100)), rules=EVENTS, limits={"month": 1000}
    ),
    "points that activity keeps alive, earned in a month that was signed before it was known": History(
        (sale(20, 300), Fact(40, "close"), Fact(41, "sweep")), expiry="idle", last=85
    ),
    "a purchase and its refund in a signed month": History(
        (sale(5, 500), back(20, 0, 2), Fact(40, "close"), sale(60, 100)), expiry="idle", last=85
    ),
    "a refund after points of a signed month ran out": History(
        (sale(5, 1000), Fact(40, "close"), Fact(60, "sweep"), back(62, 0, 2)), expiry="days", last=64
    ),
    "events, a budget and limits in a signed month": History(
        (event(5, "visit"), event(8, "gift"), Fact(40, "close"), sale(45, 400)), rules=EVENTS, budget=60, limits={"month": 90}
    ),
    "points that wait for their day lift before a later purchase": History(
        (sale(1, 1000), sale(15, 100), Fact(25, "review"), sale(30, 100), back(31, 0, 2)), waits="days"
    ),
    "points that are taken back while they wait": History(
        (sale(1, 1000), back(10, 0, 1), sale(30, 100)), {"window": "entry"}, waits="days"
    ),
    "points that wait across a review": History(
        (sale(1, 1000), sale(95, 1000), Fact(120, "review"), sale(130, 100)),
        {"window": "rolling", "months": 3, "review": "months", "review_months": 3}, waits="days",
    ),
    "points that wait across an edit": History(
        (sale(1, 1000), Fact(10, "edit", ({"silver": ["900.00", None]}, False)), sale(30, 100)), {"window": "lifetime"}, waits="days"
    ),
    "points that count before an edit that no job came to": History(
        (sale(1, 1000), Fact(40, "edit", ({"silver": ["2000.00", None]}, False)), sale(50, 100)), {"window": "calendar"}, waits="days"
    ),
    "an order that is delivered after the next one": History(
        (sale(1, 1000), sale(5, 100), delivery(8, 0), sale(12, 100)), waits="event"
    ),
    "orders delivered, too late, and given back": History(
        (sale(1, 1000), delivery(8, 0), back(9, 0, 2), sale(12, 2000), delivery(50, 3)), {"window": "lifetime"}, waits="event"
    ),
    "points that end soon, known after points that end later were redeemed in their stead": History(
        (sale(1, 400), event(2, "gift"), redeem(30, 300)), rules=SOON, expiry="two", last=35
    ),
    "points that end soon, known after they would have run out": History(
        (sale(1, 400), event(2, "gift"), redeem(30, 300), Fact(50, "sweep"), redeem(52, 100)), rules=SOON, expiry="two", last=60
    ),
    "points that displace points that displace others": History(
        (sale(1, 400), event(2, "gift"), sale(8, 400), redeem(30, 500), redeem(40, 300)), rules=SOON, expiry="two", last=50
    ),
    "a refund after points that end soon came late": History(
        (sale(1, 400), event(2, "gift"), redeem(30, 300), back(35, 0, 2)), rules=SOON, expiry="two", last=60
    ),
    "an event that is taken back after a redemption drew on other points": History(
        (sale(1, 400), event(2, "gift"), redeem(30, 300), take(35, 1)), rules=SOON, expiry="two", last=60
    ),
    "an edit that is undone": History(
        (sale(1, 600), Fact(5, "edit", (SILVER_FROM_500, False)), sale(10, 500), Fact(15, "undo"), sale(20, 100)), {"window": "entry"}
    ),
    "a review that kept the tier, an edit, and a refund after it": History(
        (sale(1, 2000), Fact(90, "edit", ({"silver": ["2000.00", None]}, False)), back(91, 0)),
        {"window": "lifetime", "review": "months", "review_months": 2}, keeps={"silver": "500"}, last=200,
    ),
    "an edit that is undone while points wait": History(
        (sale(1, 600), Fact(5, "edit", (SILVER_FROM_500, True)), delivery(8, 0), sale(10, 500), Fact(15, "undo"), delivery(20, 3)), waits="event"
    ),
    "a rule that counts only in the later tier, and a limit that cuts what comes last": History(
        (sale(1, 5000), sale(40, 400)),
        {"window": "entry", "metric": "spend"},
        {
            "tiers": {"award": {"kind": "multiplier", "by_tier": {"silver": "1.5", "gold": "3"}, "qualifying": True}},
            "double": {"award": {"kind": "multiplier", "factor": "1.1"}},
        },
        budget=60, limits={"month": 1000},
    ),
    "a tier given by hand while points wait": History(
        (sale(1, 600), Fact(3, "give", ("silver", 100)), delivery(8, 0), sale(60, 600), delivery(70, 3)),
        {"window": "rolling", "months": 3, "review": "months", "review_months": 3}, waits="event",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_order_of_arrival_ends_the_same(name):
    assert violations(CASES[name]) == []


def test_what_we_do_keeps_its_order_and_nothing_is_told_before_it_happened():
    facts = (sale(1, 1), Fact(2, "review"), sale(3, 1), sale(4, 1))
    assert sorted(arrivals(facts)) == [
        (0, 1, 2, 3), (0, 1, 3, 2), (1, 0, 2, 3), (1, 0, 3, 2), (1, 2, 0, 3), (1, 2, 3, 0), (1, 3, 0, 2), (1, 3, 2, 0),
    ]  # fmt: skip


@pytest.mark.usefixtures("proven_books")
def test_an_event_that_earns_otherwise_says_so_in_its_entry(program, ani):
    add_rule(open_shop(program), "silver", EVENTS["silver"])
    happened_at = OPENING + timedelta(days=9)
    told = {"kind": "share", "source": "t", "key": "e", "occurred_at": happened_at, "at": happened_at, "actor": "t"}
    assert record_event(program, ani, **told).points == 0
    buy(ani, "1000", OPENING + timedelta(days=8), recorded_at=OPENING + timedelta(days=10))
    entry = Entry.objects.get(reference__startswith="event ")
    said = "Something that came before was reported late. With it this earns 20 points instead of 0."
    assert (entry.amount, entry.effective_at, words_of(entry.explanation)) == (20, happened_at, said)


@pytest.mark.parametrize("kinds", DRAWN)
def test_drawn_histories_end_the_same_in_any_order(kinds):
    chance = Random(kinds)
    for _number in range(4):
        history = draw(chance, kinds)
        assert violations(history, most=8, chance=chance) == [], history


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kinds", DRAWN)
@pytest.mark.parametrize("seed", range(3))
def test_hundreds_of_drawn_histories_end_the_same_in_any_order(kinds, seed):
    chance = Random(f"{kinds} {seed}")
    for _number in range(300):
        history = draw(chance, kinds)
        assert violations(history, most=24, chance=chance) == [], history
