"""Figures that were kept with signed months are those that a whole reading gives, and cost only what came since."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import (
    checking,
    clawback,
    closing,
    cohorts,
    corrections,
    expiry,
    finance,
    posting,
    revenue,
    triggers,
)
from loyalty.ledger.models import Entry, Lot, PeriodClose, Program, Wallet
from loyalty.ledger.seals import seal_of
from members.enrolment import main_account
from members.testing import OPENING, give_points

JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (1, 2, 3, 4))
BEGINS = {
    2: datetime(2026, 1, 31, 17, tzinfo=UTC),
    3: datetime(2026, 2, 28, 17, tzinfo=UTC),
    4: datetime(2026, 3, 31, 17, tzinfo=UTC),
}
BY = {"source": "test", "actor": "test"}


@pytest.fixture
def wallet(program):
    return Wallet.objects.select_related("program").get(program=program)


@pytest.fixture
def lived(program, wallet, ani, budi, proven_books):
    """January to March with every kind of movement over lots of earlier months."""
    account = main_account(ani).id
    first = give_points(ani, 1000, at=OPENING, expires_at=BEGINS[3])
    give_points(budi, 300, at=OPENING, expires_at=OPENING + timedelta(days=10))
    undone = posting.redeem(account, 400, at=OPENING + timedelta(days=1), reference="undone", **BY)
    expiry.run_sweep(program, at=OPENING + timedelta(days=11))
    give_points(ani, 500, at=BEGINS[2], reference="february")
    posting.reverse(undone, at=BEGINS[2] + timedelta(days=1), reference="back", **BY)
    clawback.claw_back(first, 120, at=BEGINS[2] + timedelta(days=2), reference="refund", **BY)
    corrections.adjust(account, -7, at=BEGINS[2] + timedelta(days=3), reference="a", actor="staff:1", reason="typo")
    corrections.reinstate(
        Entry.objects.get(kind="expiry"), at=BEGINS[3] + timedelta(days=1), until=OPENING + timedelta(days=400),
        reference="sorry", actor="staff:1", reason="our outage",
    )  # fmt: skip
    posting.redeem(account, 450, at=BEGINS[3] + timedelta(days=2), reference="spent", **BY)
    expiry.run_sweep(program, at=BEGINS[3] + timedelta(days=3))
    give_points(budi, 20, at=BEGINS[3] + timedelta(days=4), reference="march")
    return wallet


def close(wallet, month):
    return closing.close_month(wallet, month, at=BEGINS[4], actor="staff:1")


@pytest.mark.parametrize("signed", [[], [JANUARY], [JANUARY, FEBRUARY], [JANUARY, FEBRUARY, MARCH]])
def test_whatever_is_kept_the_figures_are_those_of_a_whole_reading(lived, signed):
    whole = {month: +figures for month, figures in cohorts.on_lots(lived).items()}
    assert whole == cohorts.moved(lived, since=None, until=None)
    assert whole[JANUARY] == Counter(granted=1300, taken=127, expired=1173, redeemed=400, reversed=400, reinstated=300)
    for month in signed:
        close(lived, month)
    assert {month: +figures for month, figures in cohorts.until(lived, None).items()} == whole
    told = revenue.breakage(lived, at=BEGINS[4])
    assert [(c.month, c.granted, c.kept, c.unused, c.open, c.redeemed) for c in told.cohorts] == [
        (JANUARY, 1300, 1173, 873, 300, 0), (FEBRUARY, 500, 500, 0, 50, 450), (MARCH, 20, 20, 0, 20, 0),
    ]  # fmt: skip


def test_figures_after_a_signed_month_read_only_what_was_recorded_since(lived):
    for month in (JANUARY, FEBRUARY):
        close(lived, month)
    for figure in (lambda: finance.roll_forward(lived, APRIL), lambda: cohorts.until(lived, None)):
        with CaptureQueriesContext(connection) as asked:
            figure()
        read = [q["sql"] for q in asked if "ledger_entry" in q["sql"]]
        assert read
        assert all("recorded_at" in sql and ">=" in sql for sql in read)


def test_another_wallet_counts_for_itself(lived, program):
    one = finance.valued(lived, at=BEGINS[4]).as_json(), cohorts.until(lived, None)
    other = Wallet.objects.create(
        program=Program.objects.get(pk=program.pk), slug="cash", unit="c", units="c", is_main=False
    )
    (account,) = posting.open_accounts(other, 1, at=OPENING)
    line = posting.Accrual(account, 77, OPENING, "c", "test", "test", expires_at=None)
    posting.accrue_many([line], recorded_at=OPENING)
    assert (finance.valued(lived, at=BEGINS[4]).as_json(), cohorts.until(lived, None)) == one
    assert finance.valued(other, at=BEGINS[4]).points == finance.roll_forward(other, JANUARY).closing == 77
    assert cohorts.until(other, None)[JANUARY]["granted"] == 77


def test_what_is_outstanding_is_the_same_by_age_by_end_and_lot_by_lot(lived):
    for days in (5, 20, 40, 70, 90):
        told = finance.valued(lived, at=OPENING + timedelta(days=days))
        assert sum(part.points for part in told.ages) == sum(part.points for part in told.ends) == told.points
    left = sum(Lot.objects.filter(expires_at__gt=BEGINS[4]).values_list("remaining", flat=True))
    assert finance.valued(lived, at=BEGINS[4]).points == left == 370


def test_kept_figures_that_somebody_forged_with_a_fitting_seal_are_found(lived, program):
    forged = close(lived, JANUARY)
    assert list(checking.verify(program)) == []
    forged.cohorts["2026-01"]["expired"] -= 100
    forged.seal = seal_of(forged, "")
    with triggers.lifted():
        PeriodClose.objects.filter(pk=forged.pk).update(cohorts=forged.cohorts, seal=forged.seal)
    (found,) = checking.verify(program)
    assert (found.law, "what became of earlier points" in found.found) == ("closed month", True)
    with triggers.lifted():
        PeriodClose.objects.all().delete()
