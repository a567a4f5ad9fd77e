"""A month that was signed off keeps what was left on gift cards: nothing of cards is recorded in it any more (DOMAIN 13.2)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from loyalty.desk import roles
from loyalty.ledger import closing
from loyalty.ledger.checking import verify
from loyalty.ledger.models import PeriodClose, Wallet
from loyalty.tests.desk import staff_client
from members.testing import OPENING, give_points
from members.tests.portal import words
from rewards import cards, granting, lasting, redemption, vouchers
from rewards.models import Redemption, VoucherExtension, VoucherUse
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
JANUARY = date(2026, 1, 1)
# The month ends at midnight in Jakarta, seven hours before UTC.
FEBRUARY_BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)
LAST_INSTANT = FEBRUARY_BEGINS - timedelta(microseconds=1)
FIFTY, TEN = Decimal(50_000), Decimal(10_000)


@pytest.fixture
def reward(program):
    return make_reward(program, "card", cost=10, kind="gift_card", face_value=FIFTY, voucher_days=10)


@pytest.fixture
def card(reward, ani):
    """A card that ends within January, of which a part was paid."""
    give_points(ani, 100)
    made = redemption.redeem(ani, reward, at=OPENING, reference="card", source="t", actor="t").voucher
    return paid(made, at=OPENING + timedelta(days=1))


def paid(card, *, at, receipt="A"):
    return vouchers.use(card, at=at, till="1", receipt=receipt, actor="t", amount=TEN)


def sign(program, at=FEBRUARY_BEGINS):
    return closing.close_month(program.wallets.get(is_main=True), JANUARY, at=at, actor="staff:1")


def longer(card, until):
    lasting.move_ends({card.pk: (card.expires_at, until)}, reference="x", at=FEBRUARY_BEGINS, actor="t", reason="r")


def test_a_signed_month_keeps_what_was_left_on_cards_and_shows_it(program, reward, ani, card):
    longer(card, FEBRUARY_BEGINS + timedelta(days=20))
    granting.grant(ani, reward, at=LAST_INSTANT, reference="gift", actor="t")
    close = sign(program)
    assert close.besides == {"gift_cards": "50000.00"}
    card.refresh_from_db()
    paid(card, at=FEBRUARY_BEGINS, receipt="B")
    vouchers.release(card, at=FEBRUARY_BEGINS, till="1", receipt="B", actor="t")
    assert cards.left_on_cards(program, LAST_INSTANT) == FIFTY
    assert list(verify(program)) == []
    page = staff_client(roles.FINANCE).get(
        reverse("admin:ledger_finance"), {"month": "2026-01", "wallet": close.wallet_id}
    )
    assert "Rp50,000" in words(page)


@pytest.mark.parametrize("way", ["use", "release", "cancel", "redeem", "grant", "extend"])
def test_nothing_of_cards_is_recorded_in_a_signed_month(program, reward, ani, card, way):
    longer(card, FEBRUARY_BEGINS + timedelta(days=20))
    free = granting.grant(ani, reward, at=OPENING + timedelta(days=25), reference="gift", actor="t")
    card.refresh_from_db()
    sign(program)
    before = (cards.left_on_cards(program, LAST_INSTANT), VoucherUse.objects.count(), Redemption.objects.count(), VoucherExtension.objects.count())  # fmt: skip
    late = LAST_INSTANT
    ways = {
        "use": lambda: paid(card, at=late, receipt="B"),
        "release": lambda: vouchers.release(card, at=late, till="1", receipt="A", actor="t"),
        "cancel": lambda: redemption.cancel(free, at=late, actor="t", by_member=False),
        "redeem": lambda: redemption.redeem(ani, reward, at=late, reference="new", source="t", actor="t"),
        "grant": lambda: granting.grant(ani, reward, at=late, reference="new", actor="t"),
        "extend": lambda: lasting.move_ends(
            {card.pk: (card.expires_at, card.expires_at + timedelta(days=1))}, reference="y", at=late, actor="t", reason="r"
        ),
    }  # fmt: skip
    with pytest.raises(closing.MonthClosed, match="signed off until"):
        ways[way]()
    assert before == (cards.left_on_cards(program, LAST_INSTANT), VoucherUse.objects.count(), Redemption.objects.count(), VoucherExtension.objects.count())  # fmt: skip


def test_the_month_of_any_wallet_of_the_program_closes_its_cards(program, reward, ani, card):
    other = Wallet.objects.create(program=program, slug="cash", unit="coin", units="coins")
    closing.close_month(other, JANUARY, at=FEBRUARY_BEGINS, actor="staff:1")
    with pytest.raises(closing.MonthClosed):
        granting.grant(ani, reward, at=LAST_INSTANT, reference="new", actor="t")


def test_a_card_that_ended_in_a_signed_month_and_lasts_longer_is_owed_from_then_on(program, card):
    close = sign(program)
    assert close.besides == {"gift_cards": "0.00"}
    longer(card, FEBRUARY_BEGINS + timedelta(days=20))
    asked = (OPENING + timedelta(days=5), LAST_INSTANT, FEBRUARY_BEGINS, FEBRUARY_BEGINS + timedelta(days=20))
    assert [cards.left_on_cards(program, at) for at in asked] == [40_000, 0, 40_000, 0]
    assert list(verify(program)) == []


def test_money_of_a_card_altered_in_a_signed_month_is_named(program, card):
    longer(card, FEBRUARY_BEGINS + timedelta(days=20))
    VoucherExtension.objects.update(made_at=OPENING)
    sign(program)
    VoucherUse.objects.update(amount=Decimal(1))
    assert [str(one) for one in verify(program)] == [
        f"closed month: {PeriodClose.objects.get().wallet.slug} 2026-01: gift_cards 49999.00 of 40000.00"
    ]
    VoucherUse.objects.update(amount=TEN)


def test_other_vouchers_ask_nothing_of_the_books(program, ani, django_assert_num_queries):
    with django_assert_num_queries(0):
        cards.hold([], at=LAST_INSTANT)
