"""Points pay at the till: hold, capture, release and give back, each once; nothing is earned on what they paid."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from campaigns import purchases, refunds, rules
from campaigns.models import Rule
from campaigns.purchases import Sale
from loyalty.ledger import holds
from loyalty.ledger.drawing import InsufficientPoints
from loyalty.ledger.models import Allocation, Entry, Hold, Lot
from loyalty.ledger.posting import accrue
from loyalty.pos.testing import Shop, code_of
from members.enrolment import main_account
from members.models import Member, Purchase
from members.returns import Return
from members.sales import AmountRefused, MemberClosed
from members.testing import OPENING, give_points, make_program, points_of
from rewards import paying, quoting
from rewards.models import PointsGivenBack, PointsPayment, PointsTerms
from rewards.redemption import ReferenceConflict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


def offer(program, **more):
    """Each point pays 100, from 10 points on, in tens, up to half of the bill."""
    told = {"value": Decimal(100), "minimum": 10, "step": 10, "share": Decimal(50)} | more
    return PointsTerms.objects.create(wallet=program.wallets.get(is_main=True), **told)


@pytest.fixture
def shop(program):
    offer(program)
    rule = Rule.objects.create(program=program, slug="base", name="1 per 1,000")
    definition = {"award": {"kind": "rate", "points": "1", "per": "1000"}}
    rules.publish(rule, definition, since=OPENING, at=OPENING, actor="test")
    return program


def hold(member, points=100, *, basket="30000", at=LATER, reference="p1", **more):
    return paying.hold(member, points, basket=Decimal(basket), at=at, reference=reference, actor="test", **more)


def capture(payment, receipt="R1", *, at=LATER, source="till"):
    return paying.capture(payment, at=at, source=source, receipt=receipt, actor="test")


def sale(member, receipt="R1", total="30000", *, at=LATER, **more):
    return Sale(
        source="till", receipt=receipt, occurred_at=at, total=Decimal(total), currency="IDR", member=member, **more
    )


def test_points_are_held_then_captured_with_the_receipt(shop, ani):
    give_points(ani, 500)
    made = hold(ani)
    assert (made.money, points_of(ani, at=LATER), made.hold.expires_at) == (10_000, 400, LATER + timedelta(minutes=15))
    paid = capture(made, at=LATER + timedelta(minutes=14))
    assert (paid.receipt, paid.hold.entry.amount, points_of(ani, at=LATER)) == ("R1", -100, 400)
    assert paid.hold.entry.explanation == {"payment": {"receipt": "R1", "money": "10000.00", "currency": "IDR"}}


def test_every_step_can_be_repeated(shop, ani):
    give_points(ani, 500)
    assert hold(ani) == hold(ani)
    first = hold(ani)
    assert capture(first) == capture(first)
    back = {"number": "B1", "at": LATER, "actor": "test"}
    assert paying.give_back(first, Decimal(4000), **back) == paying.give_back(first, Decimal(4000), **back)
    assert (Hold.objects.count(), PointsGivenBack.objects.count(), points_of(ani, at=LATER)) == (1, 1, 440)
    other = hold(ani, reference="p2")
    assert paying.release(other, at=LATER).hold.status == paying.release(other, at=LATER).hold.status == "released"


def test_a_reference_or_number_that_means_something_else_is_refused(shop, ani, budi):
    give_points(ani, 500)
    give_points(budi, 500)
    made = capture(hold(ani))
    for wrong in (lambda: hold(ani, 90), lambda: hold(ani, basket="40000"), lambda: hold(budi)):
        with pytest.raises(ReferenceConflict):
            wrong()
    paying.give_back(made, Decimal(100), number="1", at=LATER, actor="test")
    with pytest.raises(ReferenceConflict):
        paying.give_back(made, Decimal(200), number="1", at=LATER, actor="test")
    with pytest.raises(paying.PaymentCaptured):
        capture(made, "R2")
    with pytest.raises(paying.PaymentCaptured):
        capture(hold(ani, reference="p2"))
    assert (points_of(budi, at=LATER), PointsPayment.objects.filter(captured_at__isnull=False).count()) == (500, 1)


def test_a_hold_past_its_time_frees_the_points_and_cannot_be_captured(shop, ani):
    give_points(ani, 100)
    made, over = hold(ani), LATER + timedelta(minutes=15)
    assert points_of(ani, at=over) == 100
    with pytest.raises(holds.HoldOver):
        capture(made, at=over)
    with pytest.raises(paying.NotCaptured):
        paying.give_back(made, Decimal(100), number="1", at=over, actor="test")
    assert capture(hold(ani, at=over, reference="p2"), at=over).captured_at == over


@pytest.mark.parametrize(
    ("points", "basket", "refusal"),
    [
        (15, "30000", quoting.PointsRefused),
        (160, "30000", quoting.PointsRefused),
        (0, "30000", quoting.PointsRefused),
        (-10, "30000", quoting.PointsRefused),
        (510, "300000", InsufficientPoints),
        (10, "1999", quoting.BasketTooSmall),
        (10, "0", quoting.BasketTooSmall),
        (10, "1000000000000", AmountRefused),
    ],
)
def test_what_the_terms_do_not_allow_holds_nothing(shop, ani, points, basket, refusal):
    give_points(ani, 500)
    with pytest.raises(refusal):
        hold(ani, points, basket=basket)
    assert (Hold.objects.count(), PointsPayment.objects.count(), points_of(ani, at=LATER)) == (0, 0, 500)


def test_the_quote_tells_what_can_be_paid_or_what_is_missing(shop, ani):
    told = quoting.quote(ani, Decimal(30000), at=LATER)
    assert (told.most, str(told.refusal)) == (0, "Missing: 10 points. At least 10 points pay at the till.")
    give_points(ani, 125)
    told = quoting.quote(ani, Decimal(30000), at=LATER)
    assert (told.least, told.most, told.worth, told.refusal) == (10, 120, 12_000, None)


def test_without_terms_or_membership_nothing_is_paid(program, ani):
    give_points(ani, 500)
    with pytest.raises(quoting.NotPayable):
        hold(ani)
    offer(program, is_active=False)
    with pytest.raises(quoting.NotPayable):
        hold(ani)
    PointsTerms.objects.update(is_active=True)
    Member.objects.filter(pk=ani.pk).update(status="closed")
    ani.refresh_from_db()
    with pytest.raises(MemberClosed):
        hold(ani)
    assert not Hold.objects.exists()


@pytest.mark.parametrize("told", ["0", "10000", "4000"])
def test_nothing_is_earned_on_what_points_paid_whatever_the_till_says(shop, ani, told):
    give_points(ani, 500)
    capture(hold(ani))
    bought = purchases.record(shop, sale(ani, paid_with_points=Decimal(told)), at=LATER, actor="test")
    assert (bought.points, bought.purchase.eligible) == (20, 20_000)
    again = purchases.record(shop, sale(ani, paid_with_points=Decimal(told)), at=LATER, actor="test")
    assert again.is_repeat


def test_a_till_that_knows_of_more_paid_with_points_is_believed(shop, ani):
    give_points(ani, 500)
    capture(hold(ani))
    bought = purchases.record(shop, sale(ani, paid_with_points=Decimal(15_000)), at=LATER, actor="test")
    assert bought.points == 15


def test_points_do_not_pay_what_has_earned_already(shop, ani):
    give_points(ani, 500)
    purchases.record(shop, sale(ani), at=LATER, actor="test")
    purchases.record(shop, sale(ani, "R2", paid_with_points=Decimal(10_000)), at=LATER, actor="test")
    made = hold(ani)
    with pytest.raises(paying.ReceiptEarned):
        capture(made)
    assert capture(made, "R2").receipt == "R2"


def test_goods_that_come_back_give_points_back_to_their_lots_in_parts_as_in_one(shop, ani):
    first = give_points(ani, 70, expires_at=OPENING + timedelta(days=30))
    second = give_points(ani, 430, expires_at=OPENING + timedelta(days=90))
    made = capture(hold(ani))
    given = [paying.give_back(made, Decimal(amount), number=str(n), at=LATER, actor="t").points
             for n, amount in enumerate((3333, 3333, 3334))]  # fmt: skip
    assert given == [33, 33, 34]
    lots = {lot.entry_id: (lot.remaining, lot.returned, lot.expires_at) for lot in Lot.objects.all()}
    assert lots[first.pk] == (70, 70, OPENING + timedelta(days=30))
    assert lots[second.pk] == (430, 30, OPENING + timedelta(days=90))
    parts = Allocation.objects.filter(entry__kind=Entry.Kind.REVERSAL).order_by("id")
    assert [(one.lot.entry_id, one.amount) for one in parts] == [
        (second.pk, 30), (first.pk, 3), (first.pk, 33), (first.pk, 34)
    ]  # fmt: skip
    with pytest.raises(paying.MoreThanPaid):
        paying.give_back(made, Decimal("0.01"), number="4", at=LATER, actor="t")
    assert points_of(ani, at=LATER) == 500


def test_points_given_back_after_their_end_live_for_the_days_of_grace(shop, ani):
    give_points(ani, 100, expires_at=OPENING + timedelta(days=5))
    made = capture(hold(ani))
    late = OPENING + timedelta(days=20)
    paying.give_back(made, Decimal(10_000), number="1", at=late, actor="t")
    assert points_of(ani, at=late + timedelta(days=14)) == 100
    assert points_of(ani, at=late + timedelta(days=16)) == 0


def test_a_refund_of_the_goods_and_of_the_points_part_keep_the_books(shop, ani):
    give_points(ani, 500)
    made = capture(hold(ani))
    purchases.record(shop, sale(ani, paid_with_points=Decimal(10_000)), at=LATER, actor="test")
    back = Return(source="till", receipt="R1", number="1", occurred_at=LATER, amount=Decimal(30_000))
    refunds.refund(shop, back, at=LATER, actor="test")
    paying.give_back(made, Decimal(10_000), number="1", at=LATER, actor="test")
    assert points_of(ani, at=LATER) == 500
    assert Purchase.objects.get().points_returned == 20


def test_two_members_points_pay_one_receipt_and_the_rest_earns(shop, ani, budi):
    for number, member in enumerate((ani, budi)):
        give_points(member, 500)
        capture(hold(member, reference=f"p{number}"))
    assert purchases.record(shop, sale(ani), at=LATER, actor="test").points == 10


def test_the_database_keeps_a_payment_whole(shop, ani):
    give_points(ani, 500)
    made = capture(hold(ani))
    for wrong in ({"money": 0}, {"money": 40_000}, {"receipt": ""}, {"captured_at": None}, {"points_back": 101}, {"money_back": 10_001}):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            PointsPayment.objects.filter(pk=made.pk).update(**wrong)
    for wrong in ({"value": 0}, {"step": 0}, {"minimum": 0}, {"maximum": 9}, {"share": 101}, {"hold_minutes": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PointsTerms.objects.update(**wrong)


def test_a_whole_reversal_after_parts_gives_the_rest_back(program, ani):
    from loyalty.ledger import posting, reversing

    give_points(ani, 100)
    spent = posting.redeem(main_account(ani).id, 80, at=LATER, reference="r", source="t", actor="t")
    told = {"at": LATER, "source": "t", "actor": "t"}
    reversing.reverse_part(spent, 30, reference="one", **told)
    with pytest.raises(reversing.NotReversible):
        reversing.reverse_part(spent, 51, reference="two", **told)
    with pytest.raises(posting.ReferenceConflict):
        reversing.reverse_part(spent, 29, reference="one", **told)
    assert posting.reverse(spent, reference="rest", **told).amount == 50
    assert points_of(ani, at=LATER) == 100


def test_a_journey_of_a_till_over_the_api(shop, ani):
    accrue(main_account(ani).id, 500, at=OPENING, reference="gift", source="test", actor="test")
    till = Shop(shop)
    told = till.get(f"/members/{ani.number}/payment-quote", basket="30000.00").json()
    assert (told["can_pay"], told["least"], told["most"], told["money"]) == (True, 10, 150, "15000.00")
    wish = {"points": 150, "basket": "30000.00", "reference": "bill-1", "till": "1"}
    held = till.post(f"/members/{ani.number}/payments", wish)
    assert (held.status_code, held.json()["state"], held.json()["to_pay"]) == (201, "held", "15000.00")
    assert till.post(f"/members/{ani.number}/payments", wish).status_code == 200
    paid = till.post("/payments/bill-1/capture", {"source": "till", "receipt": "R1"}).json()
    assert (paid["state"], paid["balances"][0]["available"]) == ("captured", 350)
    assert till.post("/payments/bill-1/release", {}).json()["code"] == "hold_captured"
    back = till.post("/payments/bill-1/refunds", {"amount": "5000.00", "number": "B1"}).json()
    assert (back["points_back"], back["money_back"], back["balances"][0]["available"]) == (50, "5000.00", 400)
    assert till.get("/payments/bill-1").json()["points_back"] == 50


def test_a_name_that_no_database_keeps_is_not_found(shop):
    assert code_of(Shop(shop).get("/payments/p%001")) == "payment_unknown"


def test_the_api_refuses_with_codes_and_strangers_learn_nothing(shop, ani):
    till, quote = Shop(shop), f"/members/{ani.number}/payment-quote"
    assert till.get(quote, basket="30000").json()["refusal"]["code"] == "insufficient_points"
    assert till.get(quote, basket="ten").status_code == 422
    assert till.get(quote).json()["refusal"]["numbers"]["smallest"] == "2000.00"
    assert code_of(till.get(quote, basket="30000", wallet="gold")) == "wallet_unknown"
    PointsTerms.objects.update(is_active=False)
    assert till.get(quote, basket="30000").json()["refusal"]["code"] == "points_do_not_pay"
    PointsTerms.objects.update(is_active=True)
    give_points(ani, 500)
    hold(ani, at=LATER)
    assert code_of(till.post("/payments/nobody/capture", {"source": "t", "receipt": "1"})) == "payment_unknown"
    stranger = Shop(make_program("teh"))
    for path, body in (
        ("capture", {"source": "t", "receipt": "1"}),
        ("release", {}),
        ("refunds", {"amount": "1", "number": "1"}),
    ):
        assert code_of(stranger.post(f"/payments/p1/{path}", body)) == "payment_unknown"
    assert code_of(Shop(shop, scopes=["members:read"]).post("/payments/p1/release", {})) == "scope_missing"
    # The hold of a payment has no name that the doors of plain holds take.
    assert code_of(till.post(f"/members/{ani.number}/holds/payment%20p1/capture", {})) == "hold_unknown"
