"""Store credit and cashback: points become a credit in another wallet, in one transaction, once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.ledger import statements
from loyalty.ledger.models import Entry, Wallet
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.models import MemberAccount
from members.testing import OPENING, give_points, make_member, points_of
from members.tests.portal import signed_in, words
from rewards import granting, redemption, vouchers
from rewards.kinds.crediting import NoAccount
from rewards.models import Redemption, Reward, Voucher
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


@pytest.fixture
def purse(program):
    return Wallet.objects.create(program=program, slug="credit", unit="cent", units="cents")


@pytest.fixture
def ani(purse, program):
    return make_member(program, "Ani")


def make_credit(program, purse, kind="credit", **more):
    return make_reward(
        program, "five", cost=100, kind=kind, credit_wallet=purse, credit=500, name="Five in credit", **more
    )


def in_purse(member, purse, at=LATER):
    account = MemberAccount.objects.get(member=member, wallet=purse).account_id
    return statements.balance(account, at=at).available


def redeem(member, reward, reference="r1", at=LATER):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


@pytest.mark.parametrize("kind", ["credit", "cashback"])
def test_points_become_credit_at_once_and_only_once(program, purse, ani, kind):
    give_points(ani, 250)
    reward = make_credit(program, purse, kind)
    made = redeem(ani, reward)
    assert redeem(ani, reward) == made
    assert (points_of(ani, at=LATER), in_purse(ani, purse)) == (150, 500)
    assert (made.status, made.ended_at, Voucher.objects.get().is_live) == ("used", LATER, False)


def test_what_was_credited_is_neither_cancelled_nor_used_at_a_till(program, purse, ani):
    give_points(ani, 100)
    made = redeem(ani, make_credit(program, purse))
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(made, at=LATER, actor="test", by_member=False)
    with pytest.raises(vouchers.VoucherUsed):
        vouchers.use(made.voucher, at=LATER, till="1", receipt="R", actor="test")
    with pytest.raises(vouchers.NothingToRelease):
        vouchers.release(made.voucher, at=LATER, till="", receipt="", actor="test")
    assert (points_of(ani, at=LATER), in_purse(ani, purse)) == (0, 500)


def test_a_refused_redemption_credits_nothing(program, purse, ani):
    give_points(ani, 99)
    reward = make_credit(program, purse)
    with pytest.raises(redemption.Refusal, match="Missing"):
        redeem(ani, reward)
    give_points(ani, 1)
    Reward.objects.update(stock=0)
    with pytest.raises(redemption.Refusal, match="sold out"):
        redeem(ani, reward)
    assert (points_of(ani, at=LATER), in_purse(ani, purse), Redemption.objects.count()) == (100, 0, 0)


def test_a_member_without_the_wallet_is_refused_and_keeps_the_points(program, ani):
    give_points(ani, 100)
    late = Wallet.objects.create(program=program, slug="late", unit="c", units="c")
    with pytest.raises(NoAccount):
        redeem(ani, make_credit(program, late))
    assert (points_of(ani, at=LATER), Entry.objects.count()) == (100, 1)


def test_a_prize_of_credit_is_in_the_wallet_at_once(program, purse, ani):
    made = granting.grant(ani, make_credit(program, purse), at=LATER, reference="prize", actor="test")
    assert (made.status, in_purse(ani, purse)) == ("used", 500)


def test_the_letter_and_the_page_tell_of_the_credit_and_show_no_code(program, purse, ani):
    now = timezone.now()
    give_points(ani, 100, at=now - timedelta(hours=1))
    made = redeem(ani, make_credit(program, purse), at=now)
    letter = Message.objects.get(kind="redeemed")
    text = "".join(render(letter))
    assert "The credit is in your wallet" in text
    assert made.voucher.shown_code not in text
    page = words(signed_in(ani).get(f"/vouchers/{made.pk}/"))
    assert "The credit is in your wallet" in page
    assert made.voucher.shown_code not in page


def test_credit_is_redeemed_over_the_api_and_spent_from_its_wallet(program, purse, ani):
    give_points(ani, 100)
    make_credit(program, purse)
    shop = Shop(program)
    made = shop.post(f"/members/{ani.number}/redemptions", {"reward": "five", "reference": "o"}).json()
    assert made["status"] == "used"
    assert {one["wallet"]: one["available"] for one in made["balances"]} == {"points": 0, "credit": 500}


def test_the_database_keeps_a_credit_with_its_kind(program, purse):
    for terms in ({"kind": "credit"}, {"kind": "product", "credit_wallet": purse, "credit": 5}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_reward(program, "x", **terms)
    assert not Reward.objects.exists()


def test_the_desk_asks_for_the_credit_of_its_kind_only(program, purse):
    reward = make_reward(program, kind="product")
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address)
    assert "This kind of reward needs it" in client.post(address, values | {"kind": "credit"}).content.decode()
    wrong = client.post(address, values | {"credit_wallet": purse.pk, "credit": "5"})
    assert "Only other kinds of rewards have this" in wrong.content.decode()
    assert (
        client.post(address, values | {"kind": "credit", "credit_wallet": purse.pk, "credit": "5"}).status_code == 302
    )
    reward.refresh_from_db()
    assert (reward.kind, reward.credit) == ("credit", 5)


def test_a_sample_is_a_voucher_that_staff_are_told_what_to_do_with(program, ani):
    give_points(ani, 100)
    made = redeem(ani, make_reward(program, kind="sample"))
    told = Shop(program).get(f"/vouchers/{made.voucher.code}").json()
    assert told["instructions"].startswith("Hand the sample over")
