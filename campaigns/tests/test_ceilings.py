"""The main wallet may limit what a member earns per period, over all rules, purchases and events together (DOMAIN 3.3)."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import permutations

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import rules
from campaigns.ceilings import Ceilings
from campaigns.earning import recompute
from campaigns.events import record_event
from campaigns.explanations import limits, sentence
from campaigns.models import RuleUse
from campaigns.partners.tests.cast import make_partner, post
from campaigns.replaying import batches, replay_live
from campaigns.tests.games import card, start
from campaigns.tests.shop import add_rule, buy, give_back, open_shop
from campaigns.ways.recording import take_back
from loyalty.desk import roles
from loyalty.ledger import corrections, limiting, transfers
from loyalty.ledger.models import Wallet
from loyalty.tests.desk import staff_client
from members.enrolment import main_account
from members.models import Purchase
from members.testing import give_points, make_member, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEFORE = NOW - 100 * DAY


@pytest.fixture
def shop(program):
    return open_shop(program)


def limit(program, *, at=BEFORE, **limits):
    """As the desk sets them."""
    limiting.limit(Wallet.objects.get(program=program, is_main=True), limits, at=at)


def come_by(member, at, key="1"):
    return record_event(
        member.program, member, kind="visit", source="test", key=key, occurred_at=at, at=at, actor="test"
    )


def earned(member):
    return list(Purchase.objects.filter(member=member).order_by("occurred_at").values_list("points", flat=True))


def test_limits_begin_when_they_are_set_and_the_same_ones_change_nothing():
    first = limiting.changed([], {"day": 100, "month": None}, at=NOW)
    assert first == [{"since": NOW.isoformat(), "day": 100}]
    assert limiting.changed(first, {"day": 100}, at=NOW + DAY) == first
    assert limiting.in_force(first, NOW - HOUR) == {}
    ended = limiting.changed(first, {}, at=NOW + DAY)
    assert limiting.in_force(ended, NOW + 2 * DAY) == {}
    assert [Ceilings(ended).hold_between(NOW - n * DAY, NOW - n * DAY + HOUR) for n in (1, 0, -2)] == [
        False, True, False,
    ]  # fmt: skip


def test_a_member_earns_no_more_in_a_day_than_the_wallet_allows(shop, ani, budi):
    limit(shop, day=100)
    assert [buy(ani, "70", NOW + n * HOUR).points for n in range(3)] == [70, 30, 0]
    assert buy(budi, "70", NOW).points == 70
    assert buy(ani, "70", NOW + DAY).points == 70
    assert points_of(ani, at=NOW + DAY) == 170


def test_days_and_months_are_those_of_the_program_clock(shop, ani):
    limit(shop, month=100)
    last = datetime(2026, 3, 31, 16, 59, tzinfo=UTC)  # 23:59 in Jakarta
    assert [buy(ani, "80", last).points, buy(ani, "80", last + timedelta(minutes=1)).points] == [80, 80]


def test_all_rules_and_events_share_what_is_left_and_the_tightest_limit_counts(shop, ani):
    limit(shop, day=100, week=150)
    add_rule(shop, "gift", {"award": {"kind": "fixed", "points": "50"}})
    add_rule(shop, "visits", {"award": {"kind": "fixed", "points": "60"}, "conditions": {"activity": "visit"}})
    bought = buy(ani, "30", NOW)
    assert bought.points == 80
    assert come_by(ani, NOW + HOUR).points == 20
    assert buy(ani, "30", NOW + DAY).points == 50  # 150 a week
    told = buy(ani, "10", NOW + DAY + HOUR).explanation
    assert limits(told, "en")[0] == (
        "base gave 0 instead of 10 points: no more was left of the most a member may earn in a week (150)."
    )


def test_the_explanation_says_which_limit_bit_and_gives_the_same_number_again(shop, ani):
    limit(shop, day=100)
    buy(ani, "70", NOW)
    told = buy(ani, "70", NOW + HOUR).explanation
    assert sentence(told, "en") == "30 points: 1 point per Rp1 on Rp70 (at most 30)"
    assert limits(told, "en") == [
        "base gave 30 instead of 70 points: no more was left of the most a member may earn in a day (100)."
    ]
    assert recompute(told) == (30, 30)


def test_what_was_earned_before_the_limit_was_set_stands_and_is_not_counted(shop, ani):
    assert buy(ani, "70", NOW).points == 70
    limit(shop, at=NOW + HOUR, day=50)
    assert buy(ani, "70", NOW + 2 * HOUR).points == 50
    assert buy(ani, "70", NOW + timedelta(minutes=30), recorded_at=NOW + 3 * HOUR).points == 70
    assert earned(ani) == [70, 70, 50]


def test_goods_that_come_back_give_the_limit_back(shop, ani):
    limit(shop, day=100)
    first = buy(ani, "80", NOW)
    back = give_back(first.purchase, NOW + HOUR, "60")
    assert back.refund.points == 60
    assert RuleUse.objects.values_list("points", "points_back").get() == (80, 60)
    assert buy(ani, "200", NOW + 2 * HOUR).points == 80
    assert points_of(ani, at=NOW + DAY) == 100


def test_kept_goods_earn_no_more_than_the_limit_left_then(shop, ani):
    limit(shop, day=100)
    add_rule(shop, "gift", {"award": {"kind": "fixed", "points": "50"}})
    first = buy(ani, "300", NOW)
    assert first.points == 100
    assert give_back(first.purchase, NOW + HOUR, "150").refund.points == 0
    assert give_back(first.purchase, NOW + 2 * HOUR, "150").refund.points == 100
    assert points_of(ani, at=NOW + DAY) == 0
    assert buy(ani, "30", NOW + 3 * HOUR).points == 80


def test_an_event_that_is_taken_back_gives_the_limit_back(shop, ani):
    limit(shop, day=60)
    add_rule(shop, "visits", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"activity": "visit"}})
    event = come_by(ani, NOW).event
    assert buy(ani, "30", NOW + HOUR).points == 10
    take_back(event, at=NOW + 2 * HOUR, actor="test", reason="test")
    assert buy(ani, "30", NOW + 3 * HOUR).points == 30


def test_what_is_given_for_no_activity_is_not_earned_and_takes_nothing_of_the_limit(shop, ani, budi):
    limit(shop, day=100)
    start(shop, "card", card("2", points="50"), at=BEFORE)
    biru, give = make_partner(shop), {"at": NOW, "reference": "g", "actor": "test"}
    give_points(budi, 30, at=BEFORE)
    corrections.adjust(main_account(ani).id, 200, reason="because", **give)
    transfers.transfer(main_account(budi).id, main_account(ani).id, 30, source="test", is_limited=False, **give)
    post(biru, ani, 20, NOW)
    assert [buy(ani, "70", NOW + n * HOUR).points for n in (1, 2)] == [70, 30]
    assert points_of(ani, at=NOW + 2 * HOUR) == 200 + 30 + 20 + 100 + 50
    taken = RuleUse.objects.filter(rule=None).order_by("occurred_at")
    assert list(taken.values_list("points", flat=True)) == [70, 30]
    assert corrections.adjust(main_account(ani).id, 5, reason="because", **give | {"reference": "h"}).amount == 5


def test_any_order_of_arrival_ends_the_same_and_never_above_the_limit(program):
    open_shop(program)
    limit(program, day=100)
    add_rule(program, "gift", {"award": {"kind": "fixed", "points": "15"}, "conditions": {"minimum": "60"}})
    facts = [("30", NOW), ("70", NOW + HOUR), ("60", NOW + 2 * HOUR), ("20", NOW + DAY)]
    for number, order in enumerate(permutations(facts)):
        member = make_member(program, f"Ani{number}", at=BEFORE)
        for step, (amount, at) in enumerate(order):
            buy(member, amount, at, recorded_at=NOW + 2 * DAY + step * HOUR)
        assert earned(member) == [30, 70, 0, 20]
        assert points_of(member, at=NOW + 3 * DAY) == 120


def test_a_late_purchase_takes_of_the_limit_before_the_event_that_came_after_it(shop, ani):
    limit(shop, day=60)
    add_rule(shop, "visits", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"activity": "visit"}})
    come_by(ani, NOW + HOUR)
    buy(ani, "5", NOW + 2 * HOUR)
    buy(ani, "70", NOW, recorded_at=NOW + 3 * HOUR)
    assert earned(ani) == [60, 0]
    assert points_of(ani, at=NOW + DAY) == 60


def test_the_live_rules_replayed_know_the_limits(shop, ani):
    buy(ani, "70", NOW)
    limit(shop, at=NOW + HOUR, day=100)
    first = buy(ani, "80", NOW + 2 * HOUR)
    give_back(first.purchase, NOW + 3 * HOUR, "40")
    buy(ani, "90", NOW + 4 * HOUR)
    replay = replay_live(shop, since=NOW - DAY, until=NOW + DAY)
    found = [one for batch in batches(shop, since=NOW - DAY, until=NOW + DAY) for one in replay.walk(batch)]
    assert [(one.award.points, one.returned) for one in found] == [(70, 0), (80, 40), (60, 0)]
    assert earned(ani) == [70, 80, 60]


def test_a_wallet_without_limits_asks_and_writes_nothing_more(shop, ani):
    assert not rules.book(shop).ceilings
    buy(ani, "70", NOW)
    assert not RuleUse.objects.exists()
    limit(shop, year=1000)
    assert rules.book(shop).ceilings.at(NOW) == [("year", Fraction(1000))]


def test_a_program_manager_sets_limits_at_the_desk_and_members_meet_them(shop, ani):
    wallet = Wallet.objects.get(program=shop, is_main=True)
    desk = staff_client(roles.PROGRAM_MANAGER)
    page = reverse("admin:ledger_wallet_change", args=[wallet.pk])
    form = desk.get(page).context["adminform"].form
    told = {name: form[name].value() for name in form.fields}
    values = {"_seen": form.seen} | {name: value for name, value in told.items() if value not in (None, "")}
    refused = desk.post(page, values | {"earn_day": "100", "earn_month": "50"})
    assert "Less than what is allowed in a shorter time." in refused.content.decode()
    wallet.refresh_from_db()
    assert wallet.earning_limits == []
    saved = desk.post(page, values | {"earn_day": "100", "earn_month": "500"})
    assert saved.status_code == 302, saved.context["adminform"].form.errors
    wallet.refresh_from_db()
    assert limiting.in_force(wallet.earning_limits, timezone.now()) == {"day": 100, "month": 500}
    now = timezone.now()
    assert [buy(ani, "70", now + timedelta(seconds=n)).points for n in range(2)] == [70, 30]
    again = desk.get(page).content.decode()
    assert 'name="earn_day" value="100"' in again
