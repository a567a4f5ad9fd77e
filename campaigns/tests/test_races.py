"""Tills racing on PostgreSQL: a receipt counts once, and nothing a batch decides is decided on stale facts."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from campaigns import budgets, purchases
from campaigns.models import RuleUse
from campaigns.tests.shop import add_campaign, add_rule, open_shop, sale
from loyalty.ledger import limiting, locking
from loyalty.ledger.models import Wallet
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import main_account
from members.models import Purchase, TierStay

pytestmark = on_postgresql
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)


def send(member, amount, **more):
    return lambda: purchases.record(member.program, sale(member, amount, NOON, **more), at=NOON, actor="test")


def test_one_receipt_from_twelve_tills_is_recorded_once(program, ani):
    open_shop(program)
    results, refusals = race(*(send(ani, "10", receipt="r1") for _ in range(12)))
    assert (len(results), len(refusals)) == (12, 0)
    assert [result.is_repeat for result in results].count(False) == 1
    assert (Purchase.objects.count(), main_account(ani).available) == (1, 10)


def test_one_receipt_for_two_members_goes_to_one_of_them(program, ani, budi):
    open_shop(program)
    results, refusals = race(*(send(member, "10", receipt="r1") for member in (ani, budi) for _ in range(4)))
    assert (len(results), len(refusals)) == (4, 4)
    assert set(refusals) == {"receipt_conflict"}
    assert Purchase.objects.count() == 1
    assert main_account(ani).available + main_account(budi).available == 10


def test_purchases_at_once_rise_to_the_tier_once_and_miss_none(program, ani):
    open_shop(program)
    add_rule(program, "double", {"award": {"kind": "multiplier", "by_tier": {"silver": "2"}}})
    _, refusals = race(*(send(ani, "500", receipt=f"r{n}") for n in range(8)))
    assert refusals == []
    assert TierStay.objects.filter(member=ani, tier__slug="silver").count() == 1
    # Two at the first tier lift to the second; the six after them earn double there.
    assert main_account(ani).available == 2 * 500 + 6 * 1000


def test_two_imports_of_the_same_sales_at_once_count_them_once(program, ani, budi):
    open_shop(program)
    batch = [
        sale(member, f"{n}", NOON - timedelta(days=n), receipt=f"{member.pk}-{n}")
        for n in range(1, 30)
        for member in (ani, budi)
    ]
    results, refusals = race(
        *(
            lambda order=order: purchases.record_many(program, order, at=NOON, actor="import")
            for order in (batch, batch[::-1])
        )
    )
    assert refusals == []
    assert sum(not outcome.is_repeat for outcomes in results for outcome in outcomes) == len(batch)
    assert Purchase.objects.count() == len(batch)
    assert main_account(ani).available == main_account(budi).available == sum(range(1, 30))


def test_tills_at_once_never_pass_what_the_wallet_lets_a_member_earn(program, ani, budi):
    open_shop(program)
    Wallet.objects.filter(program=program).update(
        earning_limits=limiting.changed([], {"day": 100, "week": 400}, at=NOON - timedelta(days=50))
    )
    results, refusals = race(
        *(send(member, "30", receipt=f"{member.pk}-{n}") for n in range(6) for member in (ani, budi))
    )
    assert (len(results), refusals) == (12, [])
    assert main_account(ani).available == main_account(budi).available == 100
    assert sum(RuleUse.objects.filter(rule=None).values_list("points", flat=True)) == 200


def test_a_budget_is_never_overspent_by_members_buying_at_once(program, ani, budi, siti):
    open_shop(program)
    campaign = add_campaign(program, "gift", NOON - timedelta(days=9), NOON + timedelta(days=9), budget_points=250)
    add_rule(program, "gift", {"award": {"kind": "fixed", "points": "40"}}, campaign=campaign)
    results, refusals = race(
        *(send(member, "10", receipt=f"{member.pk}-{n}") for member in (ani, budi, siti) for n in range(4))
    )
    assert refusals == []
    assert sum(result.points for result in results) == 12 * 10 + 250
    campaign.refresh_from_db()
    assert campaign.spent_points == sum(RuleUse.objects.values_list("points", flat=True)) == 250


def test_a_members_cap_holds_for_purchases_at_once(program, ani):
    open_shop(program)
    add_rule(program, "gift", {"award": {"kind": "fixed", "points": "40"}, "caps": {"day": "100"}})
    results, _ = race(*(send(ani, "10", receipt=f"r{n}") for n in range(6)))
    assert sum(result.points for result in results) == 6 * 10 + 100


def test_a_budget_given_back_while_others_take_of_it_ends_exact(program, ani, budi, siti):
    open_shop(program)
    campaign = add_campaign(program, "gift", NOON - timedelta(days=9), NOON + timedelta(days=9), budget_points=100)
    add_rule(program, "gift", {"award": {"kind": "fixed", "points": "40"}}, campaign=campaign)
    first = send(ani, "10", receipt="first")()

    def cancel():
        with transaction.atomic():
            locking.lock(main_account(ani).pk)
            budgets.give_back(ani.pk, f"purchase:test:{first.purchase.receipt}")

    race(cancel, *(send(member, "10", receipt=f"{member.pk}-{n}") for member in (budi, siti) for n in range(4)))
    campaign.refresh_from_db()
    kept = sum(points - back for points, back in RuleUse.objects.values_list("points", "points_back"))
    assert campaign.spent_points == kept <= 100


def test_two_members_two_campaigns_late_and_in_order_at_once_neither_wait_for_each_other_for_ever_nor_overspend(
    program, ani, budi
):
    open_shop(program)
    first = add_campaign(program, "first", NOON - timedelta(days=20), NOON - timedelta(days=9), budget_points=130)
    second = add_campaign(program, "second", NOON - timedelta(days=10), NOON + timedelta(days=9), budget_points=170)
    for campaign in (first, second):
        add_rule(program, campaign.slug, {"award": {"kind": "fixed", "points": "40"}}, campaign=campaign)

    def tell(member, days, number):
        bought = sale(member, "10", NOON - timedelta(days=days), receipt=f"{member.pk}-{number}")
        return lambda: purchases.record(program, bought, at=NOON, actor="test")

    # One member's purchases come from the newest to the oldest, the other's from the oldest to the newest.
    days = (1, 12, 8, 15, 3)
    attempts = [tell(ani, day, number) for number, day in enumerate(days)]
    attempts += [tell(budi, day, number) for number, day in enumerate(reversed(days))]
    _, refusals = race(*attempts)
    assert refusals == []
    for campaign, most in ((first, 130), (second, 170)):
        campaign.refresh_from_db()
        uses = RuleUse.objects.filter(rule__campaign=campaign).values_list("points", "points_back")
        assert campaign.spent_points == sum(points - back for points, back in uses) == most
    earned = sum(Purchase.objects.values_list("points", flat=True))
    assert earned == main_account(ani).available + main_account(budi).available == 10 * 10 + 130 + 170
