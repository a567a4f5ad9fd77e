"""A purchase or a visit keeps points of every account of the member alive that end by inactivity."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import purchases
from loyalty.common.clock import last_valid_day
from loyalty.ledger import policies, posting
from loyalty.ledger.models import Activity, Lot, Wallet
from members.enrolment import main_account
from members.models import MemberAccount
from members.sales import Sale, SaleLine
from members.testing import OPENING

LATER = OPENING + timedelta(days=20)


@pytest.fixture
def cashback(program, ani):
    """An account of ani's whose points last 30 days after the last purchase or event; 1,000 in it."""
    wallet = Wallet.objects.create(program=program, slug="cashback", unit="rupiah", units="rupiah")
    policies.set_expiry(wallet, kind="idle_days", count=30, resets="purchase,event", at=OPENING, actor="test")
    (account_id,) = posting.open_accounts(wallet, 1, at=OPENING)
    MemberAccount.objects.create(member=ani, wallet=wallet, account_id=account_id)
    posting.accrue(account_id, 1000, at=OPENING, reference="gift", source="test", actor="test")
    return account_id


def ends(account_id):
    return str(last_valid_day(Lot.objects.get(account=account_id).expires_at, "Asia/Jakarta"))


def bought(program, member, *, at, known=None, receipt="R-1"):
    line = SaleLine(product="kopi", quantity=Decimal(1), amount=Decimal("25000"))
    sale = Sale(member_id=member.pk, source="till", receipt=receipt, occurred_at=at, lines=[line], currency="IDR", total=Decimal("25000"))  # fmt: skip
    return purchases.record(program, sale, at=known or at, actor="test")


def test_a_purchase_that_earns_nothing_keeps_them_alive(program, ani, cashback, proven_books):
    bought(program, ani, at=LATER)
    assert ends(cashback) == "2026-02-20"
    assert not Lot.objects.filter(account=main_account(ani)).exists()


def test_the_same_receipt_told_twice_is_one_activity(program, ani, cashback, proven_books):
    bought(program, ani, at=LATER)
    bought(program, ani, at=LATER)
    assert Activity.objects.count() == 1


def test_a_visit_counts_too(program, ani, cashback, proven_books):
    purchases.record_event(
        program, ani, kind="visit", source="app", key="v1", occurred_at=LATER, at=LATER, actor="test"
    )  # fmt: skip
    assert ends(cashback) == "2026-02-20"


def test_somebody_elses_purchase_does_not(program, ani, budi, cashback, proven_books):
    bought(program, budi, at=LATER)
    assert ends(cashback) == "2026-01-31"
