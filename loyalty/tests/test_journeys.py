"""The two journeys of docs/architecture.md, told once from end to end through the verbs that doors call."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns import reminders
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from loyalty.ledger import expiry
from loyalty.ledger.models import Entry, Lot
from loyalty.mail.models import Message
from members import tiers
from members.enrolment import main_account
from members.testing import points_of
from rewards import redemption, vouchers
from rewards.models import Redemption, Reward

pytestmark = pytest.mark.usefixtures("proven_books")

MARCH = datetime(2026, 3, 2, 5, tzinfo=UTC)  # noon in Jakarta


@pytest.fixture
def shop(program):
    """One point per rupiah thousand, doubled for everybody and tripled for gold in Ramadan."""
    open_shop(program, {"award": {"kind": "rate", "points": "1", "per": "1000"}})
    ramadan = add_campaign(
        program, "ramadan", datetime(2026, 2, 17, 17, tzinfo=UTC), datetime(2026, 3, 19, 17, tzinfo=UTC)
    )
    add_rule(
        program,
        "ramadan-double",
        {"award": {"kind": "multiplier", "factor": "2", "by_tier": {"gold": "3"}}},
        campaign=ramadan,
    )
    return program


@pytest.fixture
def coffee(program):
    """A free coffee for 500 points, ten of them, one a member."""
    return Reward.objects.create(
        program=program,
        wallet=program.wallets.get(),
        slug="coffee",
        name="Free coffee",
        summary="Any coffee of the house",
        kind=Reward.Kind.PRODUCT,
        cost=500,
        stock=10,
        limit_per_member=1,
    )


def test_from_a_purchase_to_its_expiry(shop, ani):
    first = buy(ani, "900000.00", MARCH)
    assert (first.points, first.purchase.tier.slug) == (1800, "bronze")
    # The campaign's extra points are spent, not counted: 900 + 200 reach silver (1,000) at once.
    second = buy(ani, "200000.00", MARCH + timedelta(hours=1))
    assert second.points == 400
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"
    stands = tiers.standing(ani, at=MARCH + timedelta(days=1))
    assert stands.next_tier.slug == "gold"
    assert stands.missing == Decimal(5000) - stands.measured

    # Noon of 2 March 2026 in Jakarta: valid through 2 March 2027.
    gone = datetime(2027, 3, 2, 17, tzinfo=UTC)
    assert set(Lot.objects.values_list("expires_at", flat=True)) == {gone}
    reminders.remind_expiring(shop, at=gone - timedelta(days=14))
    reminders.remind_expiring(shop, at=gone - timedelta(days=13))
    letter = Message.objects.get(kind="expiring")
    assert letter.recipient == ani.number

    assert points_of(ani, at=gone - timedelta(seconds=1)) == 2200
    assert points_of(ani, at=gone) == 0
    assert expiry.run_sweep(shop, at=gone).report["points"] == 2200
    assert main_account(ani).available == 0
    # Spending and expiring never cost a tier.
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"


def test_from_a_redemption_to_its_cancellation(shop, coffee, budi):
    buy(budi, "300000.00", MARCH)
    at = MARCH + timedelta(days=1)
    taken = redemption.redeem(budi, coffee, at=at, reference="web-1", source="portal", actor=f"member:{budi.number}")
    assert redemption.redeem(budi, coffee, at=at, reference="web-1", source="portal", actor="x") == taken
    assert points_of(budi, at=at) == 100
    coffee.refresh_from_db()
    assert coffee.left == 9
    assert Message.objects.get(kind="redeemed").context["code"] == taken.voucher.shown_code

    voucher = vouchers.find(shop, taken.voucher.shown_code.lower())
    later = at + timedelta(hours=2)
    redemption.cancel(taken, at=later, actor=f"member:{budi.number}", by_member=True)
    with pytest.raises(vouchers.VoucherCancelled):
        vouchers.use(vouchers.find(shop, voucher.code), at=later, till="till-1", receipt="R1", actor="api:1")
    assert points_of(budi, at=later) == 600
    coffee.refresh_from_db()
    assert coffee.left == 10

    # The limit of one a member is free again, and a used voucher stays used.
    again = redemption.redeem(budi, coffee, at=later, reference="web-2", source="portal", actor=f"member:{budi.number}")
    vouchers.use(again.voucher, at=later, till="till-1", receipt="R2", actor="api:1")
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(again, at=later, actor="staff:1", by_member=False)
    assert list(Redemption.objects.order_by("id").values_list("status", flat=True)) == ["cancelled", "used"]
    kinds = list(Entry.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["accrual", "redemption", "reversal", "redemption"]
