"""Months that finance signed off: in order, once, and closed to whatever comes late."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import closing, finance, posting
from loyalty.ledger.clawback import claw_back
from loyalty.ledger.models import Entry, PeriodClose, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points

pytestmark = pytest.mark.usefixtures("proven_books")
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
# The month ends at midnight in Jakarta, seven hours before UTC.
FEBRUARY_BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)
MARCH_BEGINS = datetime(2026, 2, 28, 17, tzinfo=UTC)


@pytest.fixture
def wallet(program):
    return Wallet.objects.select_related("program").get(program=program)


def close(wallet, month, at=MARCH_BEGINS):
    return closing.close_month(wallet, month, at=at, actor="staff:1")


def test_a_month_is_closed_once_it_is_over_in_the_program_clock(wallet, ani):
    give_points(ani, 10)
    with pytest.raises(closing.MonthNotOver, match="2026-01 is not over yet: it can be closed from 2026-02-01"):
        close(wallet, JANUARY, at=FEBRUARY_BEGINS - timedelta(microseconds=1))
    assert not PeriodClose.objects.exists()
    closed = close(wallet, date(2026, 1, 20), at=FEBRUARY_BEGINS)
    assert (closed.month, closed.closed_by) == (JANUARY, "staff:1")
    assert closed.figures == finance.roll_forward(wallet, JANUARY).as_json()
    assert (closed.figures["month"], closed.figures["closing"]) == ("2026-01", 10)


def test_months_are_closed_once_and_in_order(wallet):
    close(wallet, JANUARY)
    for month in (JANUARY, date(2025, 12, 1)):
        with pytest.raises(closing.MonthClosed, match="is closed already"):
            close(wallet, month)
    with pytest.raises(closing.MonthOutOfOrder, match="close 2026-02 first"):
        close(wallet, MARCH, at=MARCH_BEGINS + timedelta(days=31))
    close(wallet, FEBRUARY)
    assert PeriodClose.objects.count() == 2


def test_what_would_be_true_in_a_closed_month_is_true_from_the_first_open_instant(wallet, siti):
    late = {"recorded_at": MARCH_BEGINS + timedelta(days=3)}
    assert closing.open_since([wallet.id]) == {}
    close(wallet, JANUARY)
    assert closing.open_since([wallet.id, 0]) == {wallet.id: FEBRUARY_BEGINS}
    just_before = FEBRUARY_BEGINS - timedelta(microseconds=1)
    assert give_points(siti, 1, at=just_before, **late).effective_at == FEBRUARY_BEGINS
    assert give_points(siti, 1, at=FEBRUARY_BEGINS, **late).effective_at == FEBRUARY_BEGINS
    close(wallet, FEBRUARY, at=MARCH_BEGINS + timedelta(days=3, seconds=1))
    again = {"recorded_at": MARCH_BEGINS + timedelta(days=4)}
    assert give_points(siti, 1, at=OPENING, **again).effective_at == MARCH_BEGINS


def test_a_later_month_opens_with_what_the_closed_one_left(wallet, ani):
    give_points(ani, 10)
    give_points(ani, 5, at=FEBRUARY_BEGINS)
    close(wallet, JANUARY)
    february = finance.roll_forward(wallet, FEBRUARY)
    assert (february.opening, february.issued, february.closing) == (10, 5, 15)
    assert finance.roll_forward(wallet, date(2026, 6, 1)).opening == 15
    assert finance.roll_forward(wallet, JANUARY).as_json() == PeriodClose.objects.get().figures


def test_what_comes_late_for_a_closed_month_is_a_correction_in_the_open_one_and_lives_as_long_as_in_time(program, ani):
    wallet = program.wallets.get()
    march, april = datetime(2026, 2, 28, 17, tzinfo=UTC), datetime(2026, 3, 31, 17, tzinfo=UTC)
    closing.close_month(wallet, date(2026, 3, 1), at=april + timedelta(days=5), actor="staff:1")
    entry = give_points(ani, 10, at=march + timedelta(days=3), recorded_at=april + timedelta(days=6))
    assert entry.effective_at == april
    assert (entry.lot.available_at, entry.lot.expires_at) == (
        march + timedelta(days=3),
        datetime(2027, 3, 4, 17, tzinfo=UTC),
    )


JUST_BEFORE = FEBRUARY_BEGINS - timedelta(microseconds=1)
WRITES = {
    "a credit": lambda ani: give_points(ani, 5, at=JUST_BEFORE),
    "a credit with others": lambda ani: posting.accrue_many(
        [posting.Accrual(main_account(ani).id, 5, OPENING, "late", "test", "test")], recorded_at=JUST_BEFORE
    ),
    "a redemption": lambda ani: posting.redeem(
        main_account(ani).id, 5, at=JUST_BEFORE, reference="r", source="test", actor="test"
    ),
    "a claw-back": lambda ani: claw_back(
        main_account(ani).entries.first(), 5, at=JUST_BEFORE, reference="c", source="test", actor="test"
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_recorded_in_a_signed_month_whatever_clock_asks_for_it(wallet, ani, write):
    give_points(ani, 10)
    close(wallet, JANUARY)
    account = main_account(ani)
    with pytest.raises(closing.MonthClosed, match="signed off until 2026-01-31T17:00"):
        WRITES[write](ani)
    account.refresh_from_db()
    assert (account.available, account.last_number, Entry.objects.filter(account=account).count()) == (10, 1, 1)


def test_the_first_instant_of_an_open_month_records(wallet, ani):
    close(wallet, JANUARY)
    assert give_points(ani, 5, at=FEBRUARY_BEGINS).recorded_at == FEBRUARY_BEGINS


def test_a_signed_month_costs_a_posting_no_statement(wallet, ani):
    def asked(reference):
        with CaptureQueriesContext(connection) as captured:
            posting.redeem(main_account(ani).id, 1, at=MARCH_BEGINS, reference=reference, source="test", actor="test")
        return len(captured)

    give_points(ani, 10)
    before = asked("first")
    close(wallet, JANUARY)
    assert asked("second") == before
