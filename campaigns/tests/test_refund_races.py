"""Refunds racing on PostgreSQL: against a redemption, against themselves, and against their own purchase."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns import purchases, refunds
from campaigns.refunds import Return
from campaigns.tests.shop import buy, open_shop, sale
from loyalty.ledger import posting
from loyalty.ledger.models import Entry
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import main_account
from members.models import Purchase, Refund

pytestmark = on_postgresql
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


def returned(program, amount, *, number="b1", receipt="r1"):
    back = Return(source="test", receipt=receipt, number=number, occurred_at=LATER, amount=Decimal(amount))
    return lambda: refunds.refund(program, back, at=LATER, actor="test")


def test_the_same_refund_from_eight_tills_counts_once(program, ani):
    open_shop(program)
    buy(ani, "100", NOON, receipt="r1")
    results, codes = race(*(returned(program, "40") for _ in range(8)))
    assert (codes, [one.is_repeat for one in results].count(False)) == ([], 1)
    assert (main_account(ani).available, Refund.objects.count()) == (60, 1)


def test_eight_refunds_at_once_never_bring_back_more_than_was_bought(program, ani):
    open_shop(program)
    buy(ani, "100", NOON, receipt="r1")
    results, codes = race(*(returned(program, "30", number=f"b{n}") for n in range(8)))
    assert (len(results), set(codes)) == (3, {"more_than_bought"})
    assert (main_account(ani).available, Purchase.objects.get().refunded) == (10, Decimal(90))


def test_a_refund_against_a_redemption_ends_in_spent_or_owed_points(program, ani):
    open_shop(program)
    buy(ani, "100", NOON, receipt="r1")
    account = main_account(ani)

    def spend():
        return posting.redeem(account.pk, 80, at=LATER, reference="x", source="test", actor="test")

    _results, codes = race(returned(program, "100"), spend)
    account.refresh_from_db()
    redeemed = Entry.objects.filter(kind="redemption").exists()
    assert codes == ([] if redeemed else ["insufficient_points"])
    assert (account.available, account.debt) == ((0, 80) if redeemed else (0, 0))


@pytest.mark.parametrize("attempt", range(6))
def test_a_refund_and_its_own_purchase_at_once_never_miss_each_other(program, ani, budi, attempt):
    open_shop(program)
    sold = sale(ani, "100", NOON, receipt="r1")
    others = [sale(budi, "10", NOON + timedelta(minutes=n), receipt=f"o{n}") for n in range(3)]
    attempts = [
        lambda: purchases.record(program, sold, at=LATER, actor="test"),
        returned(program, "40"),
        returned(program, "40"),
        lambda: purchases.record_many(program, others, at=LATER, actor="test"),
    ]
    _results, codes = race(*(attempts if attempt % 2 else attempts[::-1]))
    made = Refund.objects.get()
    assert (codes, made.status, made.points, main_account(ani).available) == ([], "applied", 40, 60)
    assert Entry.objects.filter(kind="claw_back").count() == 1
