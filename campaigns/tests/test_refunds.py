"""Goods that come back: what is taken back and kept, retries and conflicts, refunds that wait, and what members are told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns import purchases, refunds
from campaigns.purchases import SaleLine
from campaigns.refunds import Return
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop, sale
from loyalty.common.errors import Refusal
from loyalty.ledger import posting
from loyalty.ledger.models import Entry, Lot
from loyalty.mail.models import Message
from members import tiers
from members.enrolment import main_account
from members.models import Purchase, Refund
from members.returns import ReturnedLine
from members.testing import points_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


@pytest.fixture
def shop(program):
    return open_shop(program)


def test_the_member_keeps_what_the_kept_goods_would_have_earned(shop, ani):
    bought = buy(ani, "100", NOON, receipt="r1")
    made = give_back(bought.purchase, LATER, "25.50")
    assert (made.refund.points, made.refund.amount, made.is_repeat) == (26, Decimal("25.50"), False)
    assert points_of(ani, at=LATER) == 74
    purchase = Purchase.objects.get()
    assert (purchase.refunded, purchase.points, purchase.points_returned) == (Decimal("25.50"), 100, 26)


@pytest.mark.parametrize("strategy", ["kept", "share", "all"])
@pytest.mark.parametrize("parts", [["20"], ["5"] * 4, ["1", "19"], ["0.01", "19.99"]])
def test_any_parts_of_a_refund_take_back_the_same_as_one(shop, ani, strategy, parts):
    shop.returns = strategy
    shop.save()
    bought = buy(ani, "100.90", NOON, receipt="r1")
    for number, part in enumerate(parts):
        give_back(bought.purchase, LATER + timedelta(hours=number), part)
    left = {"kept": 80, "share": 81, "all": 0}[strategy]
    assert points_of(ani, at=LATER + timedelta(days=1)) == left
    give_back(bought.purchase, LATER + timedelta(days=2), "80.90")
    assert points_of(ani, at=LATER + timedelta(days=3)) == 0
    assert Purchase.objects.get().points_returned == 100


def test_parts_that_binary_fractions_cannot_hold_add_up_to_the_whole(shop, ani):
    bought = buy(ani, "0.30", NOON, receipt="r1")
    for number, part in enumerate(["0.10", "0.20"]):
        give_back(bought.purchase, LATER + timedelta(hours=number), part)
    assert Purchase.objects.get().refunded == Decimal("0.30")


def test_kept_goods_may_miss_what_the_whole_order_reached(shop, ani):
    add_rule(shop, "big", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"minimum": "80"}})
    bought = buy(ani, "100", NOON)
    assert bought.points == 150
    assert give_back(bought.purchase, LATER, "30").refund.points == 80


def test_a_refund_is_reckoned_under_the_rules_of_its_purchase(shop, ani):
    season = add_campaign(shop, "ramadan", NOON - timedelta(days=1), NOON + timedelta(days=10))
    add_rule(shop, "double", {"award": {"kind": "multiplier", "factor": "2"}}, campaign=season)
    bought = buy(ani, "100", NOON)
    season.status = "paused"
    season.save()
    assert (bought.points, give_back(bought.purchase, NOON + timedelta(days=30), "40").refund.points) == (200, 80)


def test_lines_come_back_by_quantity_and_by_amount(shop, ani):
    lines = [
        SaleLine(amount=Decimal(30), quantity=Decimal(3), product="tea"),
        SaleLine(amount=Decimal(70), product="pot"),
    ]
    bought = buy(ani, "100", NOON, lines=lines)
    first = give_back(bought.purchase, LATER, lines=[ReturnedLine(line=1, quantity=Decimal(1))])
    assert (first.refund.amount, first.refund.points) == (Decimal(10), 10)
    second = give_back(bought.purchase, LATER + timedelta(hours=1), lines=[ReturnedLine(line=2, amount=Decimal("35"))])
    assert (second.refund.amount, second.refund.points) == (Decimal(35), 35)
    for wrong, code in (
        ([ReturnedLine(line=1, quantity=Decimal(3))], "more_than_bought"),
        ([ReturnedLine(line=2, amount=Decimal("35.01"))], "more_than_bought"),
        ([ReturnedLine(line=3, amount=Decimal(1))], "line_unknown"),
    ):
        with pytest.raises(Refusal) as refused:
            give_back(bought.purchase, LATER + timedelta(hours=2), lines=wrong)
        assert refused.value.code == code
    assert points_of(ani, at=LATER + timedelta(days=1)) == 55


def test_more_than_was_bought_is_refused_with_the_numbers(shop, ani):
    bought = buy(ani, "100", NOON)
    give_back(bought.purchase, LATER, "60")
    with pytest.raises(Refusal) as refused:
        give_back(bought.purchase, LATER + timedelta(hours=1), "40.01")
    assert (refused.value.code, refused.value.numbers) == ("more_than_bought", {"left": "40", "asked": "40.01"})
    assert (points_of(ani, at=LATER + timedelta(days=1)), Refund.objects.count()) == (40, 1)


@pytest.mark.parametrize(
    "more",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "0.001"},
        {"amount": "NaN"},
        {"amount": None},
        {"number": ""},
        {"number": "x" * 81},
        {"at": datetime(2026, 3, 2, 5)},
        {"at": LATER + timedelta(days=9)},
        {"lines": [ReturnedLine(line=1)]},
        {"lines": [ReturnedLine(line=1, amount=Decimal(1), quantity=Decimal(1))]},
        {"lines": [ReturnedLine(line=1, amount=Decimal(1))] * 2},
    ],
)
def test_a_return_that_cannot_be_right_is_refused_and_leaves_no_trace(shop, ani, more):
    bought = buy(ani, "100", NOON).purchase
    amount = more.get("amount", None if "lines" in more else "10")
    wrong = Return(
        source=bought.source, receipt=bought.receipt, number=more.get("number", "b1"), occurred_at=more.get("at", LATER),
        amount=Decimal(amount) if amount else None, lines=more.get("lines", ()),
    )  # fmt: skip
    with pytest.raises(Refusal) as refused:
        refunds.refund(shop, wrong, at=LATER, actor="test")
    assert (refused.value.code, refused.value.status) == ("refund_refused", 422)
    assert (points_of(ani, at=LATER), Refund.objects.count(), Entry.objects.count()) == (100, 0, 1)


def test_the_same_refund_again_gets_the_first_answer_and_another_is_a_conflict(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    first = give_back(bought, LATER, "10", number="b1")
    again = give_back(bought, LATER, "10.00", number="b1", recorded_at=LATER + timedelta(days=5))
    assert (again.is_repeat, again.refund, again.refund.points) == (True, first.refund, 10)
    with pytest.raises(Refusal) as refused:
        give_back(bought, LATER, "11", number="b1")
    assert (refused.value.code, refused.value.status) == ("refund_conflict", 409)
    assert points_of(ani, at=LATER) == 90


def test_a_refund_before_its_purchase_waits_and_is_applied_once(shop, ani):
    early = sale(ani, "100", NOON, receipt="r1")
    back = Return(source="test", receipt="r1", number="b1", occurred_at=LATER, amount=Decimal(40))
    waiting = refunds.refund(shop, back, at=LATER, actor="test")
    again = refunds.refund(shop, back, at=LATER, actor="test")
    assert (waiting.refund.status, again.is_repeat, Entry.objects.count()) == ("waiting", True, 0)
    recorded = purchases.record(shop, early, at=LATER, actor="test")
    assert recorded.points == 100
    made = Refund.objects.get()
    assert (made.status, made.points, made.purchase, points_of(ani, at=LATER)) == ("applied", 40, recorded.purchase, 60)
    purchases.record(shop, early, at=LATER, actor="test")
    assert refunds.refund(shop, back, at=LATER, actor="test").refund.points == 40
    assert points_of(ani, at=LATER) == 60


def test_a_refund_that_waited_and_asks_for_too_much_is_refused_and_the_purchase_stands(shop, ani):
    back = Return(source="test", receipt="r1", number="b1", occurred_at=LATER, amount=Decimal(101))
    refunds.refund(shop, back, at=LATER, actor="test")
    purchases.record(shop, sale(ani, "100", NOON, receipt="r1"), at=LATER, actor="test")
    made = Refund.objects.get()
    assert (made.status, made.refusal, made.points, points_of(ani, at=LATER)) == ("refused", "more_than_bought", 0, 100)


def test_waiting_lines_are_priced_when_their_purchase_comes(shop, ani):
    lines = [ReturnedLine(line=1, quantity=Decimal(2))]
    back = Return(source="test", receipt="r1", number="b1", occurred_at=LATER, lines=lines)
    refunds.refund(shop, back, at=LATER, actor="test")
    sold = [SaleLine(amount=Decimal(30), quantity=Decimal(3)), SaleLine(amount=Decimal(70))]
    purchases.record(shop, sale(ani, "100", NOON, receipt="r1", lines=sold), at=LATER, actor="test")
    assert (Refund.objects.get().amount, points_of(ani, at=LATER)) == (Decimal(20), 80)
    assert refunds.refund(shop, back, at=LATER, actor="test").is_repeat


def test_spent_points_are_owed(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    posting.redeem(main_account(ani).pk, 80, at=NOON, reference="x", source="test", actor="test")
    give_back(bought, LATER, "100")
    account = main_account(ani)
    assert (account.available, account.debt) == (0, 80)


def test_a_refund_takes_back_the_progress_and_not_the_tier(shop, ani):
    buy(ani, "900", NOON)
    lifted = buy(ani, "200", NOON + timedelta(days=2)).purchase
    give_back(lifted, NOON + timedelta(days=3), "200")
    ani.refresh_from_db()
    standing = tiers.standing(ani, at=NOON + timedelta(days=4))
    assert (ani.tier.slug, standing.measured) == ("silver", Decimal(900))
    assert tiers.standing(ani, at=NOON + timedelta(days=2)).measured == Decimal(1100)


def test_what_no_longer_counts_leaves_the_window_with_its_purchase(shop, ani):
    bought = buy(ani, "300", NOON).purchase
    buy(ani, "100", NOON + timedelta(days=200))
    give_back(bought, NOON + timedelta(days=30), "300", recorded_at=NOON + timedelta(days=201))
    for days, counted in ((20, 300), (31, 0), (201, 100), (370, 100), (600, 0)):
        assert tiers.standing(ani, at=NOON + timedelta(days=days)).measured == Decimal(counted), days


def test_the_member_is_told_which_order_which_rule_how_many_and_the_new_balance(shop, ani):
    bought = buy(ani, "100", NOON, receipt="r1").purchase
    made = give_back(bought, LATER, "40")
    letter = Message.objects.get(kind="refunded")
    told = letter.context
    assert (letter.recipient, letter.subject) == (ani.number, made.refund.reference)
    assert (told["receipt"], told["points"], told["kept"], told["balance"]) == (
        "r1",
        "40 points",
        "60 points",
        "60 points",
    )
    assert "1 point per" in told["why"]


def test_an_exchange_is_both_or_neither(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    back = Return(source=bought.source, receipt=bought.receipt, number="b1", occurred_at=LATER, amount=Decimal(100))
    with pytest.raises(Refusal):
        refunds.exchange(shop, back, sale(ani, "80", LATER, currency="USD"), at=LATER, actor="test")
    assert (points_of(ani, at=LATER), Refund.objects.count()) == (100, 0)
    returned, sold = refunds.exchange(shop, back, sale(ani, "80", LATER), at=LATER, actor="test")
    assert (returned.refund.points, sold.points, points_of(ani, at=LATER)) == (100, 80, 80)
    with pytest.raises(Refusal) as refused:
        refunds.exchange(
            shop, Return(source="test", receipt="no", number="b1", occurred_at=LATER, amount=Decimal(1)),
            sale(ani, "81", LATER), at=LATER, actor="test",
        )  # fmt: skip
    assert refused.value.code == "purchase_unknown"


def test_points_that_ran_out_are_not_taken_a_second_time(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    buy(ani, "50", NOON + timedelta(days=300))
    much_later = NOON + timedelta(days=500)
    give_back(bought, much_later, "100")
    assert (points_of(ani, at=much_later), main_account(ani).debt) == (50, 0)


def test_the_refund_counts_from_when_the_goods_came_back(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    give_back(bought, LATER, "40", recorded_at=LATER + timedelta(days=3))
    entry = Entry.objects.get(kind="claw_back")
    assert (entry.effective_at, entry.recorded_at) == (LATER, LATER + timedelta(days=3))
    assert Lot.objects.get().clawed_back == 40


def test_a_preview_says_what_a_refund_then_takes(shop, ani):
    bought = buy(ani, "100", NOON).purchase
    give_back(bought, LATER, "10")
    back = Return(source=bought.source, receipt=bought.receipt, number="b2", occurred_at=LATER, amount=Decimal("33.30"))
    seen = refunds.preview(bought, back, at=LATER)
    assert (seen.amount, seen.points, seen.earned, seen.returned) == (Decimal("33.30"), 34, 100, 44)
    assert Refund.objects.count() == 1
    assert refunds.refund(shop, back, at=LATER, actor="test").refund.points == 34
