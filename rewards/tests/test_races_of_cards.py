"""What is paid with a gift card while a month is being signed is counted in it or refused (DOMAIN 13.2)."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from loyalty.ledger import closing
from loyalty.tests.installation import until
from loyalty.tests.racing import meanwhile, on_postgresql, somebody_waits
from members.testing import OPENING, give_points
from rewards import cards, redemption, vouchers
from rewards.testing import make_reward

pytestmark = on_postgresql
FEBRUARY_BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)
LAST_INSTANT = FEBRUARY_BEGINS - timedelta(microseconds=1)


def test_what_is_paid_while_a_month_is_being_signed_is_counted_or_refused(program, ani):
    """The till read its clock before the month ended, and comes to write while the month is being signed."""
    reward = make_reward(program, "card", cost=10, kind="gift_card", face_value=Decimal(50_000), voucher_days=90)
    give_points(ani, 10)
    card = redemption.redeem(ani, reward, at=OPENING, reference="card", source="t", actor="t").voucher
    words = {"till": "1", "receipt": "A", "actor": "t", "amount": Decimal(10_000)}
    with contextlib.ExitStack() as stack, transaction.atomic():
        closing.let_nobody_post()
        till = stack.enter_context(meanwhile(lambda: vouchers.use(card, at=LAST_INSTANT, **words)))
        until(somebody_waits, every=0.01)
        close = closing.close_month(program.wallets.get(), date(2026, 1, 1), at=FEBRUARY_BEGINS, actor="t")
    assert [type(one) for one in till] == [closing.MonthClosed]
    assert close.besides == {"gift_cards": "50000.00"}
    assert cards.left_on_cards(program, LAST_INSTANT) == 50_000
