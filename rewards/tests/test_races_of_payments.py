"""Tills at once: processes on PostgreSQL, threads on SQLite. Points pay once, and never more than there are."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import purchases
from campaigns.purchases import Sale
from loyalty.ledger.models import Entry
from loyalty.tests.racing import race_anywhere as race
from members.models import Purchase
from members.testing import OPENING, give_points, points_of
from rewards import paying
from rewards.models import PointsGivenBack, PointsPayment, PointsTerms

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("on_a_file")]
LATER = OPENING + timedelta(days=3)
BILL = Decimal(30_000)


@pytest.fixture
def ani(program, ani):
    PointsTerms.objects.create(wallet=program.wallets.get(is_main=True), value=Decimal(100))
    give_points(ani, 250)
    return ani


def hold(member, reference):
    return paying.hold(member, 100, basket=BILL, at=LATER, reference=reference, actor="t")


def test_ten_tills_hold_what_there_is_and_no_more(ani):
    ended = race(*(lambda number=number: hold(ani, f"p{number}") and None for number in range(10)))
    assert ended == {"done": 2, "insufficient_points": 8}
    assert (PointsPayment.objects.count(), points_of(ani, at=LATER)) == (2, 50)


def test_one_bill_sent_by_four_tills_is_held_once(ani):
    assert race(*(lambda: hold(ani, "same") and None for _till in range(4))) == {"done": 4}
    assert (PointsPayment.objects.count(), points_of(ani, at=LATER)) == (1, 150)


def test_captured_by_two_and_released_by_one_is_one_of_the_two(ani):
    for number in range(4):
        before, made = points_of(ani, at=LATER), hold(ani, f"p{number}")

        def capture(made=made, number=number):
            paying.capture(made, at=LATER, source="till", receipt=f"R{number}", actor="t")

        ended = race(capture, capture, lambda made=made: paying.release(made, at=LATER) and None)
        made = paying.find(made.program, made.reference)
        assert ended in ({"done": 2, "hold_captured": 1}, {"done": 1, "hold_over": 2})
        is_paid = made.captured_at is not None
        assert is_paid == (ended["done"] == 2)
        assert points_of(ani, at=LATER) == before - (100 if is_paid else 0)
        if is_paid:
            paying.give_back(made, made.money, number="1", at=LATER, actor="t")


def test_two_payments_for_one_receipt_are_captured_once(ani):
    held = [hold(ani, f"p{number}") for number in range(2)]
    ended = race(*(lambda one=one: paying.capture(one, at=LATER, source="till", receipt="R", actor="t") and None for one in held))  # fmt: skip
    assert ended == {"done": 1, "payment_captured": 1}


def test_what_comes_back_to_many_counters_at_once_is_never_more_than_was_paid(ani):
    made = paying.capture(hold(ani, "p"), at=LATER, source="till", receipt="R", actor="t")

    def back(number):
        return lambda: paying.give_back(made, Decimal(3_000), number=str(number), at=LATER, actor="t") and None

    assert race(*(back(number) for number in range(8))) == {"done": 3, "more_than_paid": 5}
    assert race(*(back(0) for _again in range(3))) in ({"done": 3}, {"more_than_paid": 3})
    assert PointsGivenBack.objects.count() == 3
    assert sum(Entry.objects.filter(kind="reversal").values_list("amount", flat=True)) == 90


def test_a_purchase_reported_while_its_points_are_captured_earns_on_the_rest_or_stops_the_capture(program, ani):
    made = hold(ani, "p")

    def capture():
        paying.capture(made, at=LATER, source="till", receipt="R", actor="t")

    def report():
        sale = Sale(source="till", receipt="R", occurred_at=LATER, total=BILL, currency="IDR", member_id=ani.pk)
        purchases.record(program, sale, at=LATER, actor="t")

    ended = race(capture, report)
    eligible = Purchase.objects.get().eligible
    assert (ended, eligible) in (({"done": 2}, 20_000), ({"done": 1, "receipt_earned": 1}, 30_000))
