"""Gift cards: bought with points, spent in parts at any till, ended when nothing is left or the time is over."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from loyalty.tests.racing import race_anywhere as race
from loyalty.tests.test_desk_work import form_of
from members.testing import OPENING, give_points, points_of
from members.tests.portal import signed_in, words
from rewards import amounts, cards, granting, pools, redemption, vouchers
from rewards.models import CodePool, Redemption, Reward, Voucher, VoucherUse
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)
FIFTY = Decimal(50_000)


def make_card(program, **more):
    return make_reward(program, "card", kind="gift_card", face_value=FIFTY, name="Card of 50,000", **more)


def bought(member, *, at=LATER, **more):
    give_points(member, 100, at=at - timedelta(hours=1))
    reward = make_card(member.program, **more)
    return redemption.redeem(member, reward, at=at, reference="card", source="t", actor="t").voucher


def pay(card, amount, receipt="R1", *, at=LATER, till="1"):
    found = vouchers.find(card.redemption.program, card.code)
    return vouchers.use(found, at=at, till=till, receipt=receipt, actor="t", amount=amount and Decimal(amount))


def back(card, receipt="R1", *, at=LATER):
    found = vouchers.find(card.redemption.program, card.code)
    return vouchers.release(found, at=at, till="1", receipt=receipt, actor="t")


def test_a_card_is_spent_in_parts_and_ends_when_nothing_is_left(ani):
    card = bought(ani)
    assert (card.value, card.left) == (FIFTY, FIFTY)
    assert pay(card, "20000").left == 30_000
    assert Redemption.objects.get().status == "issued"
    spent = pay(card, "30000", "R2")
    assert (spent.left, spent.is_live, Redemption.objects.get().status) == (0, False, "used")
    with pytest.raises(vouchers.VoucherUsed):
        pay(card, "1", "R3")


def test_a_receipt_pays_once_and_another_amount_is_another_thing(ani):
    card = bought(ani)
    assert pay(card, "20000").left == pay(card, "20000").left == 30_000
    with pytest.raises(amounts.OtherAmount):
        pay(card, "20001")
    with pytest.raises(amounts.OtherAmount):
        pay(card, None)
    assert VoucherUse.objects.get().amount == 20_000


@pytest.mark.parametrize(("amount", "refusal"), [("50000.01", amounts.TooLittleLeft), ("0", amounts.AmountNeeded), ("-5", amounts.AmountNeeded), (None, amounts.AmountNeeded)])  # fmt: skip
def test_what_the_card_cannot_pay_changes_nothing(ani, amount, refusal):
    card = bought(ani)
    with pytest.raises(refusal):
        pay(card, amount)
    assert (Voucher.objects.get().left, VoucherUse.objects.count()) == (FIFTY, 0)


def test_other_vouchers_take_no_amount(program, ani):
    give_points(ani, 100)
    made = redemption.redeem(ani, make_reward(program), at=LATER, reference="r", source="t", actor="t")
    with pytest.raises(amounts.AmountNeeded):
        pay(made.voucher, "10")
    with pytest.raises(amounts.AmountNeeded):
        vouchers.use(made.voucher, at=LATER, till="1", receipt="R1", actor="t", amount=Decimal(0))
    assert pay(made.voucher, None).used_at == LATER


def test_a_part_is_taken_back_on_its_day_the_last_one_too(ani):
    card = bought(ani)
    pay(card, "20000")
    pay(card, "30000", "R2")
    assert back(card, "R2").left == back(card, "R2").left == 30_000
    assert Redemption.objects.get().status == "issued"
    with pytest.raises(vouchers.ReleaseTooLate):
        back(card, at=LATER + timedelta(days=1))


def test_an_untouched_card_is_cancelled_and_a_begun_one_is_not(ani):
    card = bought(ani)
    pay(card, "20000")
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(card.redemption, at=LATER, actor="t", by_member=False)
    back(card)
    redemption.cancel(card.redemption, at=LATER, actor="t", by_member=True)
    with pytest.raises(vouchers.VoucherCancelled):
        pay(card, "1")
    assert points_of(ani, at=LATER) == 100


def test_what_is_left_ends_with_the_card(ani):
    card = bought(ani, voucher_days=10)
    pay(card, "20000")
    over = LATER + timedelta(days=11)
    with pytest.raises(vouchers.VoucherExpired):
        pay(card, "1", "R2", at=over)
    assert vouchers.expire_due(ani.program, at=over).done == 1
    assert (Redemption.objects.get().status, Voucher.objects.get().left) == ("expired", 30_000)


def test_a_card_given_as_a_prize_has_its_money(program, ani):
    made = granting.grant(ani, make_card(program), at=LATER, reference="prize", actor="t")
    assert pay(made.voucher, "10").left == FIFTY - 10


def test_a_partners_card_is_a_code_whose_balance_the_partner_keeps(program, ani):
    pool = CodePool.objects.create(program=program, name="p", partner="p")
    pools.take_in(pools.look_through(pool, b"AAAA-1", file_name="f", at=OPENING, actor="t"), at=OPENING, actor="t")
    card = bought(ani, pool=pool)
    assert (card.value, card.left, pools.shown(card.redemption)) == (None, None, "AAAA-1")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("on_a_file")
def test_ten_tills_at_once_spend_what_is_on_the_card_and_no_more(ani):
    card = bought(ani)
    ended = race(*(lambda n=n: pay(card, "20000", f"R{n}") and None for n in range(10)))
    assert ended == {"done": 2, "too_little_left": 8}
    assert (Voucher.objects.get().left, VoucherUse.objects.count()) == (10_000, 2)


def test_the_database_keeps_a_card_whole(program, ani):
    card = bought(ani)
    for wrong in ({"left": -1}, {"left": FIFTY + 1}, {"left": None}, {"value": None}, {"value": 0, "left": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Voucher.objects.filter(pk=card.pk).update(**wrong)
    for wrong in ({"face_value": None}, {"face_value": 0}, {"kind": "product"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Reward.objects.update(**wrong)


def test_the_api_tells_the_balance_and_refuses_with_codes(program, ani):
    card, shop = bought(ani, at=timezone.now()), Shop(program)
    told = shop.get(f"/vouchers/{card.code}").json()
    assert (told["can_use"], told["value"], told["left"]) == (True, "50000.00", "50000.00")
    place = {"till": "1", "receipt": "R1"}
    use = f"/vouchers/{card.code}/use"
    assert code_of(shop.post(use, place)) == "amount_needed"
    refused = shop.post(use, place | {"amount": "50000.01"})
    assert (code_of(refused), refused.json()["numbers"]["left"]) == ("too_little_left", "50000.00")


def test_a_journey_of_a_living_card(program, ani):
    now = timezone.now()
    card, shop = bought(ani, at=now), Shop(program)
    place = {"till": "1", "receipt": "R1"}
    paid = shop.post(f"/vouchers/{card.code}/use", place | {"amount": "20000.00"}).json()
    assert (paid["left"], paid["status"]) == ("30000.00", "issued")
    page = words(signed_in(ani).get(f"/vouchers/{card.redemption_id}/"))
    assert (
        "Left on the card" in page
        and "Rp30,000" in page
        and "uses left" not in page
        and "Cancel this voucher" not in page
    )
    till, check = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_voucher_check")
    looked = words(till.post(check, {"code": card.code}))
    assert "Left on the card" in looked and "Rp30,000" in looked and "Paid with the card" in looked
    refused = till.post(check, {"code": card.code, "act": "use", "till": "2", "receipt": "R2", "amount": "30001"})
    assert "Only Rp30,000 is left on this card." in words(refused)
    spent = till.post(check, {"code": card.code, "act": "use", "till": "2", "receipt": "R2", "amount": "30000"})
    assert "The voucher is used." in words(spent) and "Take it back" in words(spent)
    till.post(check, {"code": card.code, "act": "release", "till": "2", "receipt": "R2"})
    assert shop.post(f"/vouchers/{card.code}/release", place).json()["left"] == "50000.00"
    desk = words(till.get(reverse("admin:rewards_redemption_change", args=[card.redemption_id])))
    assert "Rp20,000" in desk and "Rp30,000" in desk
    letter = "".join(render(Message.objects.get(kind="redeemed")))
    assert "Rp50,000" in letter


def test_the_desk_asks_what_a_card_is_worth(program):
    reward = make_reward(program, kind="product")
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address) | {"kind": "gift_card"}
    assert "This kind of reward needs it" in words(client.post(address, values))
    assert "This kind of reward needs it" in words(client.post(address, values | {"face_value": "-1"}))
    assert client.post(address, values | {"face_value": "50000"}).status_code == 302
    assert Reward.objects.get().face_value == FIFTY


def test_what_is_left_on_cards_is_owed_as_it_was_at_any_instant(program, ani):
    reward = make_reward(program, "card", cost=10, kind="gift_card", face_value=Decimal("10.10"), voucher_days=30)
    give_points(ani, 100)
    at = OPENING + timedelta(days=3)
    cards_ = [redemption.redeem(ani, reward, at=at, reference=f"c{n}", source="t", actor="t") for n in range(3)]
    paid, back = at + timedelta(days=1), at + timedelta(days=1, hours=1)
    for receipt, amount in (("A", "4.05"), ("B", "1.00")):
        vouchers.use(cards_[0].voucher, at=paid, till="1", receipt=receipt, actor="t", amount=Decimal(amount))
        cards_[0].refresh_from_db()
    vouchers.release(cards_[0].voucher, at=back, till="1", receipt="B", actor="t")
    redemption.cancel(cards_[1], at=at + timedelta(days=2), actor="t", by_member=False)
    owed = [cards.left_on_cards(program, at=at + timedelta(days=n, minutes=1)) for n in (-1, 0, 1, 2, 40)]
    assert owed == [0, Decimal("30.30"), Decimal("25.25"), Decimal("16.15"), 0]
    assert cards.left_on_cards(program, at=back) == Decimal("26.25")
