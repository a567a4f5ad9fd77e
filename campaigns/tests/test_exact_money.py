"""Money adds up to the cent on every engine: budgets, what they get back, what counts for tiers, totals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import F

from campaigns import budgets, purchases
from campaigns.models import Campaign, RuleUse
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop, sale
from loyalty.common.money import from_cents, sum_in_cents
from members.models import Purchase, TierPolicy
from members.tiers import tier_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(program):
    """A point is worth ten cents of the currency."""
    program.wallets.filter(is_main=True).update(money_per_unit=Decimal("0.10"))
    return open_shop(program)


def season(program, slug="season", points="1", **more):
    campaign = add_campaign(program, slug, NOON - 30 * DAY, NOON + 60 * DAY, **more)
    return campaign, add_rule(
        program, f"{slug}-gift", {"award": {"kind": "fixed", "points": points}}, campaign=campaign
    )


def spent(campaign):
    campaign.refresh_from_db()
    return campaign.spent_points, campaign.spent_money


def taken(campaign):
    """What the awards of a campaign still take, added up one by one."""
    uses = RuleUse.objects.filter(rule__campaign=campaign)
    return sum((budgets.still_taken(u.points, u.money, u.points - u.points_back) for u in uses), Decimal(0))


def test_a_budget_of_thirty_cents_is_used_up_by_ten_and_twenty(shop, ani):
    campaign, _ = season(shop, budget_money=Decimal("0.30"))
    other, _ = season(shop, "other", points="2", budget_money=Decimal("0.30"))
    assert [buy(ani, "10", NOON + n * DAY).points for n in range(4)] == [13, 12, 11, 10]
    assert (spent(campaign), spent(other)) == ((3, Decimal("0.30")), (3, Decimal("0.30")))


def test_what_comes_back_in_parts_leaves_nothing_behind(shop, ani):
    campaign, rule = season(shop, points="7", budget_money=Decimal("2.10"))
    references = [f"purchase:test:{buy(ani, '10', NOON + n * DAY).purchase.receipt}" for n in range(3)]
    assert spent(campaign) == (21, Decimal("2.10"))
    for left in (6, 4, 1, 0):
        for reference in references:
            with transaction.atomic():
                budgets.settle_uses({(ani.pk, reference): {rule.pk: left}})
            assert spent(campaign)[1] == taken(campaign)
    assert spent(campaign) == (0, Decimal(0))


def test_a_worth_that_does_not_divide_comes_back_to_the_millionth(shop, ani):
    shop.wallets.filter(is_main=True).update(money_per_unit=Decimal("0.333333"))
    campaign, rule = season(shop, points="7", budget_money=Decimal("3"))
    bought = [buy(ani, "10", NOON + n * DAY).purchase for n in range(2)]
    assert spent(campaign) == (9, Decimal("2.999997"))
    RuleUse.objects.filter(reference=f"purchase:test:{bought[0].receipt}").update(money=Decimal("1.000000"))
    Campaign.objects.filter(pk=campaign.pk).update(spent_money=Decimal("1.666666"))
    for left in (5, 3, 2, 1, 0):
        for one in bought:
            with transaction.atomic():
                budgets.settle_uses({(ani.pk, f"purchase:test:{one.receipt}"): {rule.pk: left}})
            assert spent(campaign)[1] == taken(campaign)
    assert spent(campaign) == (0, Decimal(0))


def test_late_sales_and_returns_keep_a_budget_the_sum_of_what_its_awards_take(shop, ani, budi):
    campaign, _ = season(shop, points="3", budget_money=Decimal("2.20"))
    first = buy(ani, "10", NOON + 9 * DAY).purchase
    for n in range(4):
        buy(budi, "10", NOON + n * DAY)
        buy(ani, "10", NOON + (8 - n) * DAY, recorded_at=NOON + 10 * DAY)
    assert spent(campaign)[1] == taken(campaign) <= Decimal("2.20")
    give_back(first, NOON + 11 * DAY, "0.01")
    give_back(first, NOON + 12 * DAY, "9.99")
    assert spent(campaign)[1] == taken(campaign)
    assert spent(campaign)[1] == campaign.spent_points * Decimal("0.10")


def test_a_thousand_purchases_of_a_cent_reach_a_tier_at_ten(shop, ani):
    TierPolicy.objects.filter(program=shop).update(metric=TierPolicy.Metric.SPEND)
    shop.tiers.filter(slug="silver").update(threshold=Decimal("10.01"))
    sales = [sale(ani, "0.01", NOON + timedelta(minutes=n), receipt=f"c{n}") for n in range(1000)]
    purchases.record_many(shop, sales, at=NOON + DAY, actor="test")
    assert tier_at(ani, NOON + DAY).slug == "bronze"
    buy(ani, "0.01", NOON + 2 * DAY)
    assert tier_at(ani, NOON + 2 * DAY).slug == "silver"


def test_sums_of_money_are_exact(shop, ani):
    assert from_cents(Purchase.objects.aggregate(all=sum_in_cents("total"))["all"]) == 0
    sales = [sale(ani, "0.01", NOON + timedelta(minutes=n), receipt=f"c{n}") for n in range(3000)]
    sales += [sale(ani, amount, NOON + DAY, receipt=amount) for amount in ("0.10", "0.20", "0.29", "9876543210.99")]
    purchases.record_many(shop, sales, at=NOON + 3 * DAY, actor="test")
    told = Purchase.objects.aggregate(all=sum_in_cents("total"), kept=sum_in_cents(F("total") - F("refunded")))
    assert from_cents(told["all"]) == from_cents(told["kept"]) == Decimal("9876543241.58")
