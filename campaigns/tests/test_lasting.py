"""Rules that name an expiry policy: their part of an award is a lot of its own, and stays so when it is settled again (DOMAIN 9.1)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import explanations, previewing, purchases, rules
from campaigns.reading import definition_in_words
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop, sale
from loyalty.common.clock import last_valid_day
from loyalty.ledger import policies
from loyalty.ledger.forms import ExpiryPolicyForm
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.showing import example_in_words, words_of
from members import tiers
from members.enrolment import main_account
from members.models import Purchase
from members.testing import OPENING, points_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
SOON = {"expiry": {"policy": "Festival"}}
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}} | SOON


@pytest.fixture
def shop(program):
    open_shop(program)
    made(program, "Festival", kind="date", last_valid_day=date(2026, 3, 31))
    return program


def made(program, name, **more):
    return policies.set_expiry(program.wallets.get(), name=name, at=OPENING, actor="test", **more)


def festival(shop, definition=DOUBLE):
    campaign = add_campaign(shop, "festival", NOON - timedelta(days=30), NOON + timedelta(days=30))
    return add_rule(shop, "double", definition, campaign=campaign)


def lots():
    """What is left of each lot and its last valid day; lots with nothing left are passed over."""
    left = Lot.objects.filter(remaining__gt=0).order_by("id")
    return [(lot.remaining, str(last_valid_day(lot.expires_at, "Asia/Jakarta"))) for lot in left]


def test_a_bonus_that_ends_soon_is_a_lot_of_its_own_and_leaves_the_base_points_alone(shop, ani):
    festival(shop)
    bought = buy(ani, "100", NOON, receipt="r1")
    assert (bought.points, bought.purchase.points) == (200, 200)
    assert lots() == [(100, "2027-03-01"), (100, "2026-03-31")]
    assert [lot.rule_version for lot in Lot.objects.order_by("id")] == ["base@1", "double@1"]
    assert points_of(ani, at=NOON + timedelta(days=60)) == 100
    told = explanations.sentence(bought.explanation)
    assert told.endswith(
        "doubled by Festival; 100 of them last through March 1, 2027, 100 of them last through March 31, 2026"
    )
    again = buy(ani, "100", NOON, receipt="r1")
    assert (again.is_repeat, again.points, explanations.sentence(again.explanation)) == (True, 200, told)
    assert Entry.objects.count() == 2


def test_a_preview_tells_the_same_days(shop, ani):
    festival(shop)
    seen = previewing.preview(shop, sale(ani, "100", NOON), at=NOON)
    assert explanations.sentence(seen.award.explanation) == explanations.sentence(buy(ani, "100", NOON).explanation)


def test_a_standing_rule_of_its_own_policy_makes_one_lot(program, ani):
    made(program, "Short", kind="days", count=30)
    rule = {"award": {"kind": "rate", "points": "1", "per": "1"}, "expiry": {"policy": "Short"}}
    open_shop(program, rule)
    bought = buy(ani, "100", NOON)
    assert lots() == [(100, "2026-03-31")]
    assert explanations.sentence(bought.explanation).endswith(
        "1 point per Rp1 on Rp100; these points last through March 31, 2026"
    )


def test_an_event_may_earn_points_with_an_end_of_their_own(shop, ani):
    add_rule(shop, "review", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"activity": "review"}} | SOON)
    add_rule(shop, "thanks", {"award": {"kind": "fixed", "points": "10"}, "conditions": {"activity": "review"}})
    told = {"kind": "review", "source": "web", "key": "1", "occurred_at": NOON, "at": NOON, "actor": "test"}
    first = purchases.record_event(shop, ani, **told)
    assert (first.points, first.entry.amount) == (60, 50)
    assert lots() == [(50, "2026-03-31"), (10, "2027-03-01")]
    assert purchases.record_event(shop, ani, **told).is_repeat
    assert Entry.objects.count() == 2


def test_returned_goods_take_from_each_part_what_the_kept_ones_do_not_earn(shop, ani):
    festival(shop)
    bought = buy(ani, "100", NOON)
    assert give_back(bought.purchase, LATER, "40").refund.points == 80
    assert lots() == [(60, "2027-03-01"), (60, "2026-03-31")]
    assert give_back(bought.purchase, LATER + timedelta(hours=1), "60").refund.points == 120
    assert lots() == []
    assert points_of(ani, at=LATER + timedelta(days=1)) == 0


def test_by_share_too_each_part_gives_its_share(shop, ani):
    shop.returns = "share"
    shop.save()
    festival(shop)
    give_back(buy(ani, "100", NOON).purchase, LATER, "40")
    assert lots() == [(60, "2027-03-01"), (60, "2026-03-31")]


def test_a_bonus_that_kept_goods_miss_goes_from_its_own_lot_alone(shop, ani):
    festival(shop, {"award": {"kind": "fixed", "points": "50"}, "conditions": {"minimum": "80"}} | SOON)
    give_back(buy(ani, "100", NOON).purchase, LATER, "30")
    assert lots() == [(70, "2027-03-01")]


@pytest.mark.parametrize("late_first", [True, False])
def test_what_a_late_tier_adds_lasts_as_long_as_the_first_points(shop, ani, late_first):
    festival(shop, {"award": {"kind": "multiplier", "factor": "2", "by_tier": {"silver": "3"}}} | SOON)
    big = NOON - timedelta(days=40)  # before the festival: it lifts Ani to silver
    if late_first:
        buy(ani, "1000", big)
    buy(ani, "100", NOON)
    made(shop, "Festival", kind="date", last_valid_day=date(2026, 12, 31))
    if not late_first:
        buy(ani, "1000", big, recorded_at=LATER)
    assert Purchase.objects.get(total=100).points == 300
    by_end = {}
    for points, day in lots():
        by_end[day] = by_end.get(day, 0) + points
    assert by_end == {"2027-01-20": 1000, "2027-03-01": 100, "2026-03-31": 200}


def test_the_newest_version_of_a_policy_counts_for_new_points(shop, ani):
    festival(shop)
    buy(ani, "100", NOON)
    made(shop, "Festival", kind="never")
    bought = buy(ani, "50", LATER)
    assert Lot.objects.filter(expires_at=None).get().granted == 50
    assert explanations.sentence(bought.explanation).endswith("50 of them never expire")


def test_points_of_a_rule_that_end_by_inactivity_are_kept_alive(shop, ani):
    made(shop, "Lively", kind="idle_days", count=30, resets="purchase")
    festival(shop, {"award": {"kind": "multiplier", "factor": "2"}, "expiry": {"policy": "Lively"}})
    bought = buy(ani, "100", NOON)
    assert "longer with every activity" in explanations.sentence(bought.explanation)
    assert lots() == [(100, "2027-03-01"), (100, "2026-03-31")]
    buy(ani, "10", NOON + timedelta(days=20))
    assert lots()[:2] == [(100, "2027-03-01"), (100, "2026-04-20")]


def test_a_campaign_may_delay_its_points_and_leave_the_base_points_alone(shop, ani):
    made(shop, "Festival", kind="days", count=30, activation_days=14)
    festival(shop)
    bought = buy(ani, "100", NOON)
    begin = datetime(2026, 3, 14, 17, tzinfo=UTC)  # midnight of 15 March in Jakarta
    assert [lot.available_at for lot in Lot.objects.order_by("id")] == [NOON, begin]
    assert lots() == [(100, "2027-03-01"), (100, "2026-04-14")]
    assert [points_of(ani, at=at) for at in (NOON, begin - timedelta(seconds=1), begin)] == [100, 100, 200]
    told = "100 of them (to be spent from March 15, 2026) last through April 14, 2026"
    assert explanations.sentence(bought.explanation).endswith(told)
    shown = previewing.preview(shop, sale(ani, "100", NOON, receipt="again"), at=NOON)
    assert explanations.sentence(shown.award.explanation).endswith(told)


def test_a_rule_may_give_at_once_what_the_wallet_delays(shop, ani):
    shop.wallets.update(activation_days=30)
    made(shop, "Festival", kind="date", last_valid_day=date(2026, 3, 31), activation_days=0)
    festival(shop)
    buy(ani, "100", NOON)
    assert points_of(ani, at=NOON) == 100
    assert lots() == [(100, "2027-03-31"), (100, "2026-03-31")]


def test_what_a_late_tier_adds_can_be_spent_when_the_first_points_can(shop, ani):
    made(shop, "Festival", kind="days", count=30, activation_days=14)
    festival(shop, {"award": {"kind": "multiplier", "factor": "2", "by_tier": {"silver": "3"}}} | SOON)
    buy(ani, "100", NOON)
    made(shop, "Festival", kind="days", count=30, activation_days=60)
    buy(ani, "1000", NOON - timedelta(days=40), recorded_at=LATER)
    begins = {lot.available_at for lot in Lot.objects.filter(expiry_policy__name="Festival")}
    assert begins == {datetime(2026, 3, 14, 17, tzinfo=UTC)}


def test_delayed_points_of_a_campaign_count_for_tiers_from_when_they_can_be_spent(shop, ani):
    made(shop, "Festival", kind="days", count=30, activation_days=14)
    festival(shop, {"award": {"kind": "multiplier", "factor": "2", "qualifying": True}} | SOON)
    buy(ani, "500", NOON)
    begin = datetime(2026, 3, 14, 17, tzinfo=UTC)
    assert [tiers.tier_at(ani, at).slug for at in (begin - timedelta(seconds=1), begin)] == ["bronze", "silver"]


@pytest.mark.parametrize("more", [{"name": ""}, {"name": "Both", "confirmed_by": "delivered", "confirm_days": 30}])
def test_only_a_named_policy_that_waits_for_nothing_else_delays(shop, more):
    told = {"kind": "never", "activation_days": 5, "at": OPENING, "actor": "test"} | more
    with pytest.raises(IntegrityError), transaction.atomic():
        policies.set_expiry(shop.wallets.get(), **told)
    fields = {"wallet": shop.wallets.get().pk, "kind": "never", "activation_days": "5"} | more
    assert set(ExpiryPolicyForm(fields).errors) == {"activation_days"}


def test_a_delay_is_told_in_words(shop):
    words = [words_of(made(shop, "Later", kind="never", activation_days=days)) for days in (None, 0, 1, 14)]
    assert words == [
        "never",
        "never; can be spent at once",
        "never; can be spent after 1 day",
        "never; can be spent after 14 days",
    ]
    policy = made(shop, "Later", kind="days", count=30, activation_days=14)
    told = "Points earned today would last through 14 April 2026. They can be spent from 15 March 2026."
    assert example_in_words(policy, at=NOON) == told


def test_a_policy_nobody_made_is_refused(shop, ani):
    with pytest.raises(rules.RuleRefused) as refused:
        add_rule(shop, "odd", {"award": {"kind": "fixed", "points": "5"}, "expiry": {"policy": "Nowhere"}})
    assert refused.value.numbers["errors"].keys() == {"expiry.policy"}
    assert buy(ani, "100", NOON).points == 100


def test_the_terms_say_it_in_words():
    assert definition_in_words(DOUBLE, currency="IDR", tiers={}) == "2× points, its points expire by “Festival”"


def test_a_batch_takes_as_many_statements_for_many_as_for_two(shop, ani, budi):
    festival(shop)

    def statements(day, count):
        at = NOON + timedelta(days=day)
        sales = [sale(who, "10", at + timedelta(minutes=n)) for n in range(count) for who in (ani, budi)]
        with CaptureQueriesContext(
            connection,
        ) as told:
            purchases.record_many(shop, sales, at=at + timedelta(hours=1), actor="test")
        return len(told)

    statements(0, 1)
    assert statements(1, 1) == statements(2, 20)
    assert main_account(ani).available == 22 * 20
