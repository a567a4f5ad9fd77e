"""Figures for finance: the roll-forward ties to the ledger to the point, and every figure has one definition."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from loyalty.common.bulk import is_postgresql
from loyalty.ledger import asof, clawback, corrections, expiry, finance, journal, outstanding, posting, revenue
from loyalty.ledger.models import Entry, PeriodClose, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
FEBRUARY_BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)
MARCH_BEGINS = datetime(2026, 2, 28, 17, tzinfo=UTC)
BY = {"source": "test", "actor": "test"}


@pytest.fixture
def wallet(program):
    return Wallet.objects.select_related("program").get(program=program)


@pytest.fixture
def busy_month(program, wallet, ani, budi, proven_books):
    """January: 1,000 earned by Ani, 300 by Budi; burned, undone, expired, reinstated, taken back, adjusted."""
    account = main_account(ani).id
    earned = give_points(ani, 1000, at=OPENING)
    give_points(budi, 300, at=OPENING, expires_at=OPENING + timedelta(days=10))
    posting.redeem(account, 400, at=OPENING + timedelta(days=1), reference="kept", **BY)
    undone = posting.redeem(account, 50, at=OPENING + timedelta(days=2), reference="undone", **BY)
    posting.reverse(undone, at=OPENING + timedelta(days=3), reference="back", **BY)
    expiry.run_sweep(program, at=OPENING + timedelta(days=11))
    corrections.reinstate(
        Entry.objects.get(kind="expiry"), at=OPENING + timedelta(days=12), until=OPENING + timedelta(days=400),
        reference="sorry", actor="staff:1", reason="our outage",
    )  # fmt: skip
    clawback.claw_back(earned, 120, at=OPENING + timedelta(days=13), reference="refund", **BY)
    corrections.adjust(account, 7, at=OPENING + timedelta(days=14), reference="a", actor="staff:1", reason="goodwill")
    corrections.adjust(account, -2, at=OPENING + timedelta(days=14), reference="b", actor="staff:1", reason="typo")
    return wallet


def test_every_kind_of_entry_has_one_column_of_the_roll_forward():
    assert set(finance.COLUMN_OF) == set(Entry.Kind)


def test_the_roll_forward_ties_to_the_ledger_to_the_point(busy_month):
    january = finance.roll_forward(busy_month, JANUARY)
    assert january.as_json() == {
        "month": date(2026, 1, 1).strftime("%Y-%m"), "opening": 0, "issued": 1300, "reinstated": 350, "burned": 450,
        "expired": 300, "reversed": 120, "adjusted": 5, "closing": 785,
    }  # fmt: skip
    assert january.closing == Entry.objects.aggregate(points=Sum("amount"))["points"]
    assert finance.roll_forward(busy_month, FEBRUARY).as_json() | {"month": ""} == {
        "month": "", "opening": 785, "issued": 0, "reinstated": 0, "burned": 0, "expired": 0, "reversed": 0,
        "adjusted": 0, "closing": 785,
    }  # fmt: skip


def test_the_closing_figure_is_what_all_accounts_held_less_what_they_owed(busy_month, ani, budi):
    positions = [asof.position(main_account(m).id, at=FEBRUARY_BEGINS, known_at=FEBRUARY_BEGINS) for m in (ani, budi)]
    balances = [position.balance for position in positions]
    assert finance.roll_forward(busy_month, JANUARY).closing == sum(b.available + b.pending - b.debt for b in balances)


def test_a_month_that_is_over_never_changes_and_late_news_counts_where_it_was_recorded(busy_month, ani):
    january = finance.roll_forward(busy_month, JANUARY)
    give_points(ani, 60, at=OPENING, recorded_at=FEBRUARY_BEGINS, reference="late")
    assert finance.roll_forward(busy_month, JANUARY) == january
    assert finance.roll_forward(busy_month, FEBRUARY).issued == 60


def test_the_months_are_those_of_the_program_clock(wallet, ani):
    give_points(ani, 1, at=FEBRUARY_BEGINS - timedelta(microseconds=1), reference="last")
    give_points(ani, 2, at=FEBRUARY_BEGINS, reference="first")
    assert [finance.roll_forward(wallet, month).issued for month in (JANUARY, FEBRUARY)] == [1, 2]


def test_outstanding_points_by_age_and_by_the_month_they_run_out_in(wallet, ani, budi):
    give_points(ani, 100, at=OPENING, expires_at=datetime(2026, 6, 30, 17, tzinfo=UTC), reference="june")
    give_points(ani, 40, at=OPENING, expires_at=None, reference="forever")
    give_points(
        budi, 10, at=OPENING + timedelta(days=120), expires_at=MARCH_BEGINS + timedelta(days=200), reference="new"
    )
    at = OPENING + timedelta(days=130)
    posting.redeem(main_account(ani).id, 30, at=at, reference="r", **BY)
    ages = finance.ageing(wallet, at=at)
    assert [(part.since, part.points) for part in ages] == [
        (date(2026, 2, 11), 10), (date(2025, 11, 11), 110), (date(2025, 5, 11), 0), (date(2024, 5, 11), 0), (None, 0),
    ]  # fmt: skip
    assert ages[1].money == Decimal("11000.00")
    ends = [(part.since, part.points) for part in finance.by_expiry_month(wallet, at=at)]
    assert ends == [(date(2026, 6, 1), 70), (date(2026, 9, 1), 10), (None, 40)]
    assert finance.outstanding_at(wallet, at=at) == 120
    assert finance.outstanding_at(wallet, at=datetime(2026, 6, 30, 17, tzinfo=UTC)) == 50


def test_many_instants_at_once_are_outstanding_as_each_alone(busy_month, ani, django_assert_max_num_queries):
    give_points(ani, 33, at=OPENING + timedelta(days=15), expires_at=OPENING + timedelta(days=18))
    instants = [OPENING + timedelta(days=d, hours=h) for d in (*range(21), 380, 401) for h in (0, 1)]
    with django_assert_max_num_queries(4):
        together = outstanding.over(busy_month, instants)
    assert together == [finance.outstanding_at(busy_month, at=at) for at in instants]
    assert len(set(together)) > 7


def test_what_was_outstanding_at_a_past_instant_leaves_out_what_came_later(wallet, ani):
    give_points(ani, 100, at=OPENING)
    entry = posting.redeem(main_account(ani).id, 30, at=OPENING + timedelta(days=5), reference="r", **BY)
    posting.reverse(entry, at=OPENING + timedelta(days=8), reference="u", **BY)
    give_points(ani, 1, at=OPENING + timedelta(days=9), reference="later")
    days = (0, 4, 5, 8, 9)
    assert [finance.outstanding_at(wallet, at=OPENING + timedelta(days=d)) for d in days] == [100, 100, 70, 100, 101]


def test_breakage_is_the_share_of_a_matured_cohort_that_ran_out(program, wallet, ani, budi, proven_books):
    ends = OPENING + timedelta(days=20)
    give_points(ani, 80, at=OPENING, expires_at=ends)
    give_points(budi, 20, at=OPENING, expires_at=ends)
    give_points(budi, 50, at=FEBRUARY_BEGINS, expires_at=MARCH_BEGINS, reference="feb")
    give_points(budi, 50, at=MARCH_BEGINS, reference="mar")
    posting.redeem(main_account(ani).id, 75, at=OPENING + timedelta(days=2), reference="r", **BY)
    expiry.run_sweep(program, at=ends)
    # February's points have run out on 1 March, though no sweep has recorded it.
    told = revenue.breakage(wallet, at=MARCH_BEGINS)
    assert [(c.month, c.granted, c.unused, c.open, c.breakage) for c in told.cohorts] == [
        (JANUARY, 100, 25, 0, Decimal("0.2500")),
        (FEBRUARY, 50, 50, 0, Decimal("1.0000")),
        (MARCH, 50, 0, 50, None),
    ]
    assert told.share == Decimal("0.5000")


def test_reinstated_points_and_points_taken_back_are_no_breakage(busy_month):
    told = revenue.breakage(busy_month, at=OPENING + timedelta(days=800))
    (cohort,) = told.cohorts
    assert (cohort.granted, cohort.kept) == (1307, 1307 - 120 - 2)
    # 400 were spent; what was reinstated and undone ran out in the end.
    assert cohort.unused == cohort.kept - 400
    assert revenue.breakage(busy_month, at=OPENING - timedelta(days=1)).share is None


def test_revenue_follows_the_worked_example_of_ifrs_15():
    allocated, whole = Decimal("9000"), {"smallest": Decimal("1")}
    first = revenue.revenue(allocated=allocated, redeemed=4500, expected=9700, recognised=Decimal(0), **whole)
    assert first == 4175
    raised = revenue.revenue(allocated=allocated, redeemed=8500, expected=9900, recognised=first, **whole)
    lowered = revenue.revenue(allocated=allocated, redeemed=8500, expected=9200, recognised=first, **whole)
    assert (raised, lowered) == (3552, 4140)


def test_revenue_never_exceeds_what_was_allocated_and_may_be_taken_back():
    kept = {"allocated": Decimal("90.00"), "recognised": Decimal("60.00")}
    assert revenue.revenue(redeemed=120, expected=100, **kept) == Decimal("30.00")
    assert revenue.revenue(redeemed=50, expected=100, **kept) == Decimal("-15.00")
    with pytest.raises(ValueError, match="expected"):
        revenue.revenue(redeemed=0, expected=0, **kept)


def written(**options):
    out = StringIO()
    call_command("journal", program="kopi", stdout=out, **options)
    return list(csv.DictReader(StringIO(out.getvalue())))


def test_the_journal_adds_up_to_the_roll_forward_column_by_column(busy_month):
    rows = written(month="2026-01")
    january = finance.roll_forward(busy_month, JANUARY).as_json()
    for column in set(finance.COLUMN_OF.values()):
        points = sum(int(row["points"]) for row in rows if row["column"] == column)
        assert abs(points) == january[column]
    assert sum(int(row["points"]) for row in rows) == january["closing"]
    assert rows[0]["money"] == "100000.00"
    assert written(month="2026-02") == []


def test_the_journal_cannot_run_formulas(wallet, ani):
    posting.accrue(main_account(ani).id, 5, at=OPENING, reference="=1+1", source="t", actor="t", reason="@cmd")
    (row,) = written(month="2026-01")
    assert (row["reference"], row["reason"], row["points"]) == ("'=1+1", "'@cmd", "5")


def test_the_journal_is_written_to_a_file_and_read_with_few_statements(
    wallet, ani, tmp_path, django_assert_max_num_queries
):
    for number in range(20):
        give_points(ani, 5, reference=f"r{number}")
    path = tmp_path / "journal.csv"
    # On PostgreSQL two more give its statements longer and take that back.
    with django_assert_max_num_queries(4 if is_postgresql() else 2):
        call_command("journal", program="kopi", month="2026-01", output=str(path), stderr=StringIO())
    assert len(path.read_text(encoding="utf-8").splitlines()) == 21


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"month": "2026-13"}, "is not a month"),
        ({"month": "2026-01", "wallet": "gems"}, "no such wallet"),
    ],
)
def test_the_journal_says_what_it_cannot_find(wallet, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        written(**options)


def test_the_command_closes_a_month_only_when_somebody_signs_it(wallet, ani):
    give_points(ani, 5)
    out = StringIO()
    call_command("close_month", program="kopi", month="2026-01", stdout=out)
    assert not PeriodClose.objects.exists()
    call_command("close_month", program="kopi", month="2026-01", by="staff:1", stdout=out)
    assert PeriodClose.objects.get().figures["issued"] == 5
    with pytest.raises(CommandError, match="closed already"):
        call_command("close_month", program="kopi", month="2026-01", by="staff:1", stdout=out)


def test_journal_rows_of_two_months_do_not_overlap(wallet, ani):
    give_points(ani, 5, at=FEBRUARY_BEGINS)
    assert [len(list(journal.rows(wallet, since=s, until=u))) for s, u in (
        finance.month_bounds(JANUARY, "Asia/Jakarta"), finance.month_bounds(FEBRUARY, "Asia/Jakarta"),
    )] == [0, 1]  # fmt: skip
