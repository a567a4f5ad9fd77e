"""Tills racing on PostgreSQL: a receipt counts once, and nothing a batch decides is decided on stale facts."""

from datetime import UTC, datetime, timedelta

from campaigns import purchases
from campaigns.tests.shop import add_rule, open_shop, sale
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
