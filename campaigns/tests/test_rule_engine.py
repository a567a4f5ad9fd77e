"""Rules at work: counted purchases, caps and budgets in the books, events, what is given back, and the preview."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import budgets, previewing, purchases, rules
from campaigns.earning import recompute
from campaigns.models import Campaign, RuleUse
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop, sale
from loyalty.ledger import seasons
from loyalty.ledger.models import Entry
from loyalty.pos.testing import Shop, code_of
from members.models import Member, Purchase
from members.sales import SaleLine
from members.testing import points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)  # a Friday noon in Jakarta
DAY = timedelta(days=1)
GIFT = {"award": {"kind": "fixed", "points": "100"}}
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}}


@pytest.fixture
def shop(program):
    return open_shop(program)


def season(program, definition, slug="season", **more):
    campaign = add_campaign(program, slug, NOW - 30 * DAY, NOW + 30 * DAY, **more)
    return campaign, add_rule(program, slug, definition, campaign=campaign)


def spent(campaign):
    campaign.refresh_from_db()
    return campaign.spent_points


def test_every_third_purchase_earns_a_gift_in_a_batch_as_one_by_one(shop, ani, budi):
    season(shop, GIFT | {"conditions": {"every_nth": 3}})
    one_by_one = [buy(ani, "10", NOW + number * DAY).points for number in range(7)]
    batch = [sale(budi, "10", NOW + number * DAY) for number in range(7)]
    together = purchases.record_many(shop, batch, at=NOW + 9 * DAY, actor="test")
    assert one_by_one == [outcome.points for outcome in together] == [10, 10, 110, 10, 10, 110, 10]


def test_a_members_cap_a_month_is_kept_and_begins_again(shop, ani):
    _, rule = season(shop, DOUBLE | {"caps": {"month": "25"}})
    earned = [buy(ani, "20", NOW + days * DAY).points for days in (0, 1, 2)]
    assert earned == [40, 25, 20]
    assert buy(ani, "20", NOW + 26 * DAY).points == 40
    assert [use.points for use in RuleUse.objects.filter(rule=rule).order_by("id")] == [20, 5, 20]


def test_a_cap_is_each_members_own(shop, ani, budi):
    season(shop, DOUBLE | {"caps": {"lifetime": "10"}})
    assert [buy(member, "10", NOW).points for member in (ani, budi)] == [20, 20]
    assert [buy(member, "10", NOW + DAY).points for member in (ani, budi)] == [10, 10]


def test_a_budget_is_used_up_to_the_point_and_no_further(shop, ani, budi):
    campaign, _ = season(shop, GIFT, budget_points=150)
    assert [buy(member, "10", NOW).points for member in (ani, budi)] == [110, 60]
    assert buy(ani, "10", NOW + DAY).points == 10
    assert spent(campaign) == 150


def test_a_budget_in_money_counts_what_the_points_are_worth(shop, ani):
    wallet = shop.wallets.get(is_main=True)
    wallet.money_per_unit = Decimal("0.5")
    wallet.save()
    campaign, _ = season(shop, GIFT, budget_money=Decimal("70"))
    assert buy(ani, "10", NOW).points == 110
    assert buy(ani, "10", NOW + DAY).points == 50
    assert spent(campaign) == 140
    assert campaign.spent_money == Decimal("70")


def test_the_database_itself_refuses_an_overspent_budget(shop):
    campaign, _ = season(shop, GIFT, budget_points=150)
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(spent_points=151)


def test_a_cancelled_award_gives_its_part_back_once(shop, ani):
    campaign, rule = season(shop, GIFT | {"caps": {"lifetime": "100"}}, budget_points=150)
    bought = buy(ani, "10", NOW)
    reference = f"purchase:test:{bought.purchase.receipt}"
    for _ in range(2):
        with transaction.atomic():
            budgets.give_back(ani.pk, reference)
        assert spent(campaign) == 0
    assert RuleUse.objects.get(rule=rule).points_back == 100
    assert buy(ani, "10", NOW + DAY).points == 110


def test_what_an_award_still_gives_after_a_partial_return_stays_taken(shop, ani):
    campaign, rule = season(shop, GIFT, budget_points=150)
    reference = f"purchase:test:{buy(ani, '10', NOW).purchase.receipt}"
    with transaction.atomic():
        budgets.settle_uses({(ani.pk, reference): {rule.pk: 40}})
    assert spent(campaign) == 40


def test_a_purchase_that_earned_nothing_keeps_its_explanation(program, ani):
    season(program, GIFT | {"conditions": {"minimum": "50"}})
    recorded = buy(ani, "40", NOW)
    assert (recorded.points, recorded.entry_id) == (0, None)
    kept = Purchase.objects.get().explanation
    assert kept["near"][0]["missing"] == "10"
    assert buy(ani, "40", NOW).explanation == kept
    assert recompute(kept) == (0, 0)


def test_an_event_knows_of_the_ones_before_it_and_of_its_caps(shop, ani):
    add_rule(shop, "review", {
        "award": {"kind": "fixed", "points": "40"}, "conditions": {"activity": "review", "first_in": "day"}, "caps": {"month": "100"},
    })  # fmt: skip

    def review(key, at):
        return purchases.record_event(shop, ani, kind="review", source="web", key=key, occurred_at=at, at=at, actor="test").points  # fmt: skip

    assert [review("1", NOW), review("2", NOW + timedelta(hours=1))] == [40, 0]
    assert [review("3", NOW + DAY), review("4", NOW + 2 * DAY), review("5", NOW + 3 * DAY)] == [40, 20, 0]


def test_who_the_member_is_and_what_is_bought_decide(shop, ani):
    Member.objects.filter(pk=ani.pk).update(birthday="1990-03-08", language="id")
    season(shop, DOUBLE | {"conditions": {"birthday": "week", "languages": ["id"], "categories": ["coffee"]}})
    lines = [SaleLine(amount=Decimal(4), category="coffee"), SaleLine(amount=Decimal(6), category="tea")]
    recorded = buy(ani, "10", NOW, lines=lines)
    assert recorded.points == 14
    assert [line.points for line in recorded.purchase.lines.order_by("number")] == [8, 6]


def test_plain_rules_read_nothing_more_and_counting_rules_read_the_same_for_any_batch(
    shop, ani, budi, django_assert_num_queries
):
    def record(days, members):
        batch = [sale(member, "10", NOW + days * DAY) for member in members]
        return purchases.record_many(shop, batch, at=NOW + 29 * DAY, actor="test")

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def statements(days, members):
        with CaptureQueriesContext(
            connection,
        ) as caught:
            record(days, members)
        return len(caught)

    record(0, [ani])
    plain = statements(1, [ani, budi])
    season(
        shop, DOUBLE | {"conditions": {"birthday": "day", "every_nth": 2}, "caps": {"month": "500"}}, budget_points=9
    )
    few = statements(2, [ani, budi])
    many = [ani, budi] * 10
    with CaptureQueriesContext(connection) as caught:
        batch = [sale(member, "10", NOW + 3 * DAY + timedelta(minutes=n)) for n, member in enumerate(many)]
        purchases.record_many(shop, batch, at=NOW + 29 * DAY, actor="test")
    assert few - plain <= 8
    assert len(caught) <= few + 3  # and those only where something was earned


def test_a_stored_explanation_recomputes_to_the_points_of_its_entry(shop, ani):
    season(shop, DOUBLE | {"caps": {"month": "25"}})
    season(shop, GIFT | {"stacking": {"group": "best"}}, slug="gift", budget_points=150)
    for days in range(4):
        buy(ani, "12.50", NOW + days * DAY)
    for entry in Entry.objects.filter(kind="accrual"):
        assert recompute(entry.explanation)[0] == entry.amount


def test_a_preview_says_what_the_purchase_then_earns_and_writes_nothing(shop, ani):
    campaign, _ = season(shop, DOUBLE | {"conditions": {"weekdays": [6]}}, budget_points=6)
    friday, saturday = sale(ani, "10", NOW), sale(ani, "10", NOW + DAY)
    told = [previewing.preview(shop, one, at=NOW).award for one in (friday, saturday)]
    assert [award.points for award in told] == [10, 16]
    assert told[0].explanation["near"][0]["weekdays"] == [6]
    assert (points_of(ani, at=NOW), spent(campaign), Purchase.objects.count()) == (0, 0, 0)
    assert buy(ani, "10", NOW + DAY).points == 16


def test_the_api_previews_a_basket_without_a_key_of_its_own(shop, ani):
    add_rule(shop, "big", GIFT | {"conditions": {"minimum": "50.00"}})
    api = Shop(shop)
    body = {"member": ani.number, "total": "40.00", "currency": shop.currency}
    answer = api.client.post(
        "/api/v1/purchases/preview",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.secret}"},
    )
    assert answer.status_code == 200, answer.content
    assert (answer.json()["points"], answer.json()["tier"]) == (40, "bronze")
    assert "10" in answer.json()["near_misses"][0]
    ahead = (timezone.now() + timedelta(days=400)).isoformat()
    refused = api.client.post(
        "/api/v1/purchases/preview", body | {"occurred_at": ahead}, content_type="application/json",
        headers={"Authorization": f"Bearer {api.secret}"},
    )  # fmt: skip
    assert (refused.status_code, code_of(refused)) == (422, "purchase_in_future")
    assert not Purchase.objects.exists()


def test_rules_of_another_time_are_not_asked(shop, ani):
    campaign = add_campaign(shop, "past", NOW - 90 * DAY, NOW - 60 * DAY, budget_points=5)
    add_rule(shop, "past", GIFT, campaign=campaign)
    assert len(rules.in_force(shop, NOW)) == 1
    assert buy(ani, "10", NOW).points == 10
    assert not RuleUse.objects.exists()


def test_a_partial_return_keeps_what_the_kept_goods_earned_by_season_category_and_counted_purchase(shop, ani):
    seasons.load_known(shop, at=NOW, actor="test")
    add_rule(
        shop, "ramadan", DOUBLE | {"conditions": {"seasons": ["ramadan"], "first_in": "day", "categories": ["coffee"]}}
    )
    lines = [SaleLine(amount=Decimal(40), category="coffee"), SaleLine(amount=Decimal(60), category="tea")]
    bought = buy(ani, "100", NOW, lines=lines)
    assert bought.points == 140
    give_back(bought.purchase, NOW + DAY, "50")
    assert points_of(ani, at=NOW + DAY) == 70


def test_a_return_gives_its_part_of_the_budget_back(shop, ani):
    campaign, _ = season(shop, DOUBLE, budget_points=100)
    bought = buy(ani, "40", NOW)
    give_back(bought.purchase, NOW + DAY, "10")
    assert spent(campaign) == 30
    give_back(bought.purchase, NOW + 2 * DAY, "30")
    assert spent(campaign) == 0
