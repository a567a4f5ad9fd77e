"""Points that cannot be spent yet count for tiers from when they can (DOMAIN 4.1, 8.1)."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from itertools import permutations

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction

from campaigns import confirmations, proving, refunds
from campaigns.confirmations import Happened
from campaigns.refunds import Return
from campaigns.tests.shop import add_rule, buy, give_back, open_shop
from loyalty.jobs.changes import deciding, drafting
from loyalty.ledger import policies
from loyalty.ledger.admin import WalletAdmin
from loyalty.ledger.models import Lot, Wallet
from loyalty.mail.models import Message
from loyalty.tests import lock_order
from members import releasing, statements, tiers
from members.answers import tier_out
from members.models import QualifyingPart, Tier, TierPolicy, TierStay
from members.testing import OPENING, give_points, make_member, make_program
from members.tests.changes import hired
from members.tests.test_tier_edits import edit
from members.tiers.reviewing import review_tiers
from rewards import redemption
from rewards.testing import make_reward

BY_TIER = {"award": {"kind": "multiplier", "by_tier": {"silver": "2", "gold": "3"}, "qualifying": True}}
DAY = timedelta(days=1)


def day(month, number, year=2026):
    return datetime(year, month, number, 5, tzinfo=UTC)


def midnight(month, number, year=2026):
    """The first instant of a day in Jakarta."""
    return datetime(year, month, number, tzinfo=UTC) - timedelta(hours=7)


@pytest.fixture
def shop(program, proven_books):
    """Points can be spent from the tenth day after the purchase on."""
    program.wallets.update(activation_days=10)
    return open_shop(program)


@pytest.fixture
def ordered(program, proven_books):
    """Points of purchases wait for the delivery, at most 30 days."""
    told = {"kind": "months", "count": 12, "at": OPENING, "actor": "test"}
    policies.set_expiry(program.wallets.get(), confirmed_by="delivered", confirm_days=30, **told)
    return open_shop(program)


def delivered(member, at, receipt, *, told_at=None):
    happened = Happened("test", receipt, "delivered", at)
    return confirmations.confirm(member.program, happened, at=told_at or at, actor="test")


def tier(member, at):
    return tiers.tier_at(member, at).slug


def stays_of(member):
    rows = TierStay.objects.filter(member=member).order_by("since", "id")
    return [(stay.tier.slug, stay.since) for stay in rows if stay.until != stay.since]


def test_pending_points_lift_at_their_activation_and_not_at_the_purchase(shop, ani):
    buy(ani, "1000", day(2, 1))
    ani.refresh_from_db()
    assert ani.tier.slug == "bronze"
    began = midnight(2, 11)
    # No job has run: it is a fact of time.
    assert [tier(ani, at) for at in (day(2, 1), began - DAY / 86400, began)] == ["bronze", "bronze", "silver"]
    assert tiers.standing(ani, at=began).tier.slug == "silver"
    review_tiers(shop, at=day(3, 1))
    ani.refresh_from_db()
    assert (ani.tier.slug, stays_of(ani)[1:]) == ("silver", [("silver", began)])
    assert [letter.kind for letter in Message.objects.filter(kind="tier_up")] == []  # older than a week: no news
    assert review_tiers(shop, at=day(3, 1)).found == 0


def test_a_purchase_meets_the_tier_that_points_reached_before_it(shop, ani):
    add_rule(shop, "by-tier", BY_TIER)
    buy(ani, "1000", day(2, 1))
    assert buy(ani, "10", midnight(2, 11) - DAY / 86400).points == 10
    assert buy(ani, "10", midnight(2, 11)).points == 20
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"


def test_what_waits_is_told_and_is_still_missing_until_then(shop, ani):
    buy(ani, "400", day(2, 1))
    buy(ani, "300", day(2, 20))
    stands = tiers.standing(ani, at=day(2, 20))
    assert (stands.measured, stands.missing, stands.waiting, stands.waiting_until) == (400, 600, 300, midnight(3, 2))
    assert stands.counts_until == midnight(2, 11, 2027)
    later = tiers.standing(ani, at=midnight(3, 2))
    assert (later.measured, later.missing, later.waiting, later.waiting_until) == (700, 300, 0, None)
    told = tier_out(ani, at=day(2, 20))
    assert (told.waiting, told.waiting_until, told.next.missing) == (300, midnight(3, 2), 600)


def test_a_wallet_may_count_its_points_from_the_purchase(shop, ani):
    shop.wallets.update(counts_at_purchase=True)
    buy(ani, "1000", day(2, 1))
    ani.refresh_from_db()
    assert (ani.tier.slug, QualifyingPart.objects.count()) == ("silver", 0)
    shop.wallets.update(counts_at_purchase=False)
    assert tier(ani, day(2, 2)) == "silver"  # what was recorded keeps its instant


@pytest.mark.parametrize("metric", ["spend", "visits"])
def test_money_and_visits_count_from_the_purchase(shop, ani, metric):
    TierPolicy.objects.filter(program=shop).update(metric=metric)
    Tier.objects.filter(program=shop, slug="silver").update(threshold=1)
    buy(ani, "1000", day(2, 1))
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"
    assert tiers.standing(ani, at=day(2, 2)).waiting == 0


def test_what_is_taken_back_while_it_waits_leaves_no_trace(shop, ani, budi):
    whole = buy(ani, "1000", day(2, 1)).purchase
    give_back(whole, day(2, 5), "1000")
    part = buy(budi, "1100", day(2, 1)).purchase
    give_back(part, day(2, 5), "101")
    assert tiers.standing(budi, at=day(2, 6)).waiting == 999
    assert tiers.standing(ani, at=day(2, 6)).waiting == 0
    review_tiers(shop, at=day(3, 1))
    assert [len(stays_of(member)) for member in (ani, budi)] == [1, 1]
    # What comes back of points that count already is lost from then on, and the tier stays until its review.
    siti = make_member(shop, "Siti", at=OPENING)
    late = buy(siti, "1000", day(2, 1)).purchase
    give_back(late, day(2, 12), "500")
    assert stays_of(siti)[1:] == [("silver", midnight(2, 11))]
    assert tiers.standing(siti, at=day(2, 13)).measured == 500


def test_several_orders_of_one_day_lift_once(shop, ani):
    buy(ani, "3000", day(2, 1))
    buy(ani, "3000", day(2, 1) + DAY / 24)
    review_tiers(shop, at=day(2, 11))
    assert stays_of(ani)[1:] == [("gold", midnight(2, 11))]
    assert TierStay.objects.filter(member=ani).count() == 2


def test_confirmed_points_count_from_their_confirmation_and_lapsed_ones_never(ordered, ani, budi):
    buy(ani, "1000", day(2, 1), receipt="a")
    buy(budi, "1000", day(2, 1), receipt="b")
    assert tiers.standing(ani, at=day(2, 2)).waiting == 1000
    assert tiers.standing(ani, at=day(2, 2)).waiting_until is None
    delivered(ani, day(2, 8), "a")
    ani.refresh_from_db()
    assert (ani.tier.slug, stays_of(ani)[1:]) == ("silver", [("silver", day(2, 8))])
    delivered(budi, day(4, 1), "b")  # too late: they had lapsed
    assert (tier(budi, day(4, 2)), tiers.standing(budi, at=day(4, 2)).waiting) == ("bronze", 0)
    assert list(QualifyingPart.objects.order_by("id").values_list("counts_at", flat=True)) == [day(2, 8), None]


def test_a_late_confirmation_moves_what_was_bought_since(ordered, ani):
    add_rule(ordered, "by-tier", BY_TIER)
    buy(ani, "1000", day(2, 1), receipt="a")
    met = buy(ani, "10", day(2, 10), receipt="b").purchase
    assert met.points == 10
    delivered(ani, day(2, 8), "a", told_at=day(2, 12))
    met.refresh_from_db()
    assert (met.tier.slug, met.points) == ("silver", 20)
    # It was true then, and not known then.
    assert statements.stay_at(ani, at=day(2, 9)).tier.slug == "silver"
    assert statements.stay_at(ani, at=day(2, 9), known_at=day(2, 11)).tier.slug == "bronze"


def test_cancelled_points_never_count_and_confirmed_lots_do(ordered, ani, budi):
    for member in (ani, budi):
        buy(member, "1000", day(2, 1), receipt=member.name)
    told = {"source": "test", "actor": "test", "at": day(2, 3)}
    releasing.cancel(Lot.objects.get(account__member_account__member=ani).entry, reference="x", **told)
    releasing.confirm(Lot.objects.get(account__member_account__member=budi).entry, reference="y", **told)
    assert stays_of(budi)[1:] == [("silver", day(2, 3))]
    delivered(ani, day(2, 5), "Ani")
    stands = tiers.standing(ani, at=day(2, 6))
    assert (stands.tier.slug, stands.measured, stands.waiting) == ("bronze", 0, 0)


def test_points_cancelled_before_their_day_never_count(shop, ani):
    buy(ani, "1000", day(2, 1))
    releasing.cancel(Lot.objects.get().entry, at=day(2, 3), reference="x", source="test", actor="test")
    review_tiers(shop, at=day(3, 1))
    assert (tier(ani, day(3, 1)), len(stays_of(ani))) == ("bronze", 1)


def test_a_late_job_keeps_nobody_from_what_a_tier_gives(shop, ani):
    silver = Tier.objects.get(program=shop, slug="silver")
    reward = make_reward(shop, cost=100, minimum_tier=silver)
    buy(ani, "1000", day(2, 1))
    told = {"source": "test", "actor": "test"}
    with pytest.raises(redemption.Refusal):
        redemption.redeem(ani, reward, at=day(2, 5), reference="early", **told)
    made = redemption.redeem(ani, reward, at=midnight(2, 11), reference="r1", **told)
    assert made.cost == 100
    assert statements.stay_at(ani, at=midnight(2, 11)).tier.slug == "silver"
    known = [(day(2, 12), day(2, 12)), (day(2, 12), day(2, 10)), (day(2, 10), day(2, 12))]
    before = [statements.stay_at(ani, at=at, known_at=known_at).tier.slug for at, known_at in known]
    assert before == ["silver", "bronze", "bronze"]  # time told it, and not before it came
    review_tiers(shop, at=day(3, 1))
    assert [statements.stay_at(ani, at=at, known_at=known_at).tier.slug for at, known_at in known] == before


def test_a_review_counts_what_counts_by_then(shop, ani, budi):
    TierPolicy.objects.filter(program=shop).update(review="yearly", window="calendar")
    for member in (ani, budi):
        buy(member, "1000", day(2, 1))
    review_tiers(shop, at=day(1, 2, 2027))
    buy(ani, "1000", day(12, 20, 2027))  # counts from 30 December
    buy(budi, "1000", day(12, 25, 2027))  # counts in the next year
    stands = [tiers.standing(member, at=day(12, 26, 2027)) for member in (ani, budi)]
    assert [(one.keep_missing, one.projected.slug) for one in stands] == [(1000, "silver"), (1000, "bronze")]
    review_tiers(shop, at=day(1, 2, 2028))
    assert [tier(member, day(1, 2, 2028)) for member in (ani, budi)] == ["silver", "bronze"]
    assert tier(budi, day(1, 5, 2028)) == "silver"


def test_an_edit_of_the_tiers_counts_no_points_that_wait(shop, ani, budi):
    buy(ani, "600", OPENING + DAY)
    buy(budi, "600", OPENING + 20 * DAY)
    at = OPENING + 25 * DAY
    drafted = edit(shop, by=hired("Rina"), at=at, silver=500)
    assert [line.key for line in drafted.lines.order_by("number")] == ["policy", str(ani.pk)]
    deciding.submit(drafted, at=at, actor=drafted.asked_by)
    assert [tier(member, at) for member in (ani, budi)] == ["silver", "bronze"]
    assert tier(budi, at + 10 * DAY) == "silver"  # by then its points count, under the edited tiers


def test_what_was_due_before_an_edit_is_decided_by_the_tiers_of_its_day(shop, ani):
    buy(ani, "1000", OPENING + DAY)
    drafted = edit(shop, by=hired("Rina"), at=OPENING + 20 * DAY, silver=2000)
    deciding.submit(drafted, at=OPENING + 20 * DAY, actor=drafted.asked_by)
    assert tier(ani, OPENING + 21 * DAY) == "silver"
    assert not QualifyingPart.objects.filter(is_counted=False).exists()


def test_points_that_begin_to_count_at_the_very_instant_of_an_edit_or_its_undo_lift_then(shop, ani, budi):
    buy(ani, "600", day(2, 1))
    buy(budi, "1000", day(2, 2))
    at, rina = midnight(2, 11), hired("Rina")
    drafted = edit(shop, by=rina, at=at, silver=500)
    change = deciding.submit(drafted, at=at, actor=rina)
    assert tier(ani, at) == "silver"
    deciding.submit(drafting.draft_undo(change, reason="No", at=at + DAY, actor=rina), at=at + DAY, actor=rina)
    assert [tier(member, at + DAY) for member in (ani, budi)] == ["bronze", "silver"]


@pytest.mark.parametrize("metric", ["points", "wallet"])
def test_who_an_edit_moves_is_lifted_further_by_what_begins_to_count_at_its_instant(shop, ani, budi, metric):
    counted = shop.wallets.get() if metric == "wallet" else None
    TierPolicy.objects.filter(program=shop).update(metric=metric, wallet=counted)
    buy(ani, "600", day(1, 20))
    review_tiers(shop, at=day(2, 1))
    buy(ani, "5000", day(2, 1))
    buy(budi, "5000", day(2, 1) + DAY)
    at, rina = midnight(2, 11), hired("Rina")
    drafted = edit(shop, by=rina, at=at, silver=500)
    assert [line.facts.get("after") for line in drafted.lines.order_by("number")][1:] == ["gold"]
    change = deciding.submit(drafted, at=at, actor=rina)
    ani.refresh_from_db()
    assert (ani.tier.slug, stays_of(ani)[-1], tier(budi, at)) == ("gold", ("gold", at), "bronze")
    back = drafting.draft_undo(change, reason="No", at=at + DAY, actor=rina)
    deciding.submit(back, at=at + DAY, actor=rina)
    review_tiers(shop, at=at + 2 * DAY)
    assert [tier(member, at + 2 * DAY) for member in (ani, budi)] == ["gold", "gold"]


def test_points_that_begin_to_count_after_a_review_hide_it_from_nobody(shop, ani):
    TierPolicy.objects.filter(program=shop).update(review="months", review_months=1, window="entry")
    buy(ani, "1000", day(2, 1))
    review_tiers(shop, at=day(2, 12))
    buy(ani, "1000", day(3, 5))  # reviewed on 11 March; these count from 15 March
    asked = [(ani.pk, at) for at in (day(3, 10), day(3, 12), day(3, 16))]
    answers = tiers.tiers_at(shop, asked)
    assert [answers[one].slug for one in asked] == ["silver", "bronze", "silver"]


def test_credits_of_a_counted_wallet_count_from_when_they_can_be_spent(shop, ani, budi):
    wallet = Wallet.objects.get(program=shop)
    TierPolicy.objects.filter(program=shop).update(metric="wallet", wallet=wallet)
    give_points(ani, 1000, at=day(2, 1))
    assert (tier(ani, day(2, 10)), tiers.standing(ani, at=day(2, 10)).waiting) == ("bronze", 1000)
    assert tiers.standing(ani, at=midnight(2, 11)).tier.slug == "silver"
    bought = buy(budi, "1000", day(2, 1)).purchase
    give_back(bought, day(2, 5), "1000")
    review_tiers(shop, at=day(2, 12))
    ani.refresh_from_db()
    budi.refresh_from_db()
    assert (ani.tier.slug, budi.tier.slug) == ("silver", "bronze")


def test_a_wallet_that_was_counted_before_the_upgrade_keeps_its_past(shop, ani):
    wallet = Wallet.objects.get(program=shop)
    desk = WalletAdmin(Wallet, admin.site)
    upgrade = import_module("members.migrations.0013_counted_wallets_keep_their_past").keep_their_past
    upgrade(apps, None)
    wallet.refresh_from_db()
    assert (wallet.counts_at_purchase, "counts_at_purchase" in desk.get_readonly_fields(None, wallet)) == (False, False)
    TierPolicy.objects.filter(program=shop).update(metric="wallet", wallet=wallet)
    give_points(ani, 1000, at=day(2, 1))
    upgrade(apps, None)
    wallet.refresh_from_db()
    assert (wallet.counts_at_purchase, "counts_at_purchase" in desk.get_readonly_fields(None, wallet)) == (True, True)
    review_tiers(shop, at=day(2, 2))
    assert stays_of(ani)[1:] == [("silver", day(2, 1))]


def test_the_live_rules_replayed_give_the_live_ledger(ordered, ani, budi):
    add_rule(ordered, "by-tier", BY_TIER)
    buy(ani, "1000", day(2, 1), receipt="a")
    delivered(ani, day(2, 8), "a")
    buy(ani, "10", day(2, 7), receipt="b", recorded_at=day(2, 9))
    buy(ani, "10", day(2, 10), receipt="c")
    buy(budi, "2000", day(2, 1), receipt="d")
    buy(budi, "10", day(2, 10), receipt="e")
    proof = proving.prove(ordered, at=day(3, 1))
    assert (proof.is_exact, proof.purchases, proof.points) == (True, 5, 3040)


FACTS = [
    (day(2, 1), "buy", "a", "1000"),
    (day(2, 9), "deliver", "a", ""),
    (day(2, 10), "buy", "b", "100"),
    (day(2, 20), "back", "a", "400"),
    (day(2, 21), "deliver", "b", ""),
]
END = day(6, 1)


def arrive(member, fact):
    at, kind, receipt, amount = fact
    receipt = f"{member.pk}{receipt}"
    if kind == "buy":
        buy(member, amount, at, receipt=receipt, recorded_at=END)
    elif kind == "deliver":
        delivered(member, at, receipt, told_at=END)
    else:
        told = Return(source="test", receipt=receipt, number="1", occurred_at=at, amount=Decimal(amount))
        refunds.refund(member.program, told, at=END, actor="test")


def seen(member):
    stands = tiers.standing(member, at=END)
    lots = Counter[datetime]()
    for lot in Lot.objects.filter(account__member_account__member=member, remaining__gt=0):
        lots[lot.available_at] += lot.remaining
    bought = member.purchases.order_by("occurred_at").values_list("tier__slug", "points", "points_returned", "qualifying_points")  # fmt: skip
    return stays_of(member), stands.measured, lots, list(bought)


@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_every_order_of_arrival_ends_in_the_same_tiers():
    """All 120 orders of two orders, their deliveries and goods that come back."""
    with transaction.atomic():
        program = make_program("urut")
        told = {"kind": "months", "count": 12, "at": OPENING, "actor": "test"}
        policies.set_expiry(program.wallets.get(), confirmed_by="delivered", confirm_days=30, **told)
        add_rule(open_shop(program), "by-tier", BY_TIER)
        orders = list(permutations(FACTS))
        ends = []
        for number, order in enumerate(orders):
            member = make_member(program, f"Ani{number}", at=OPENING)
            for fact in order:
                arrive(member, fact)
            ends.append(seen(member))
        transaction.set_rollback(True)
    lock_order.broken()  # one fact after the other in one transaction: only here, and rolled back
    assert ends[0][0][1:] == [("silver", day(2, 9))]
    assert [number for number, end in enumerate(ends) if end != ends[0]] == []
