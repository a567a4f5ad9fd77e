"""Each figure equals what one counts by hand, at exact edges of time, and costs the same at any size."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import dashboard, figures
from loyalty.ledger import expiry
from members.activity import Sale
from members.models import Purchase
from members.testing import give_points, make_member
from rewards import redemption
from rewards.models import Reward

# 10:00 on 15 March 2026 in Jakarta
NOW = datetime(2026, 3, 15, 3, tzinfo=UTC)
JAKARTA_MARCH = datetime(2026, 2, 28, 17, tzinfo=UTC)  # 00:00 on 1 March in Jakarta


@pytest.fixture
def wallet(program):
    """The main wallet of the cast: one point is worth 100 rupiah."""
    return program.wallets.get(is_main=True)


@pytest.fixture
def tote(program, wallet):
    """A reward for 30 points."""
    return Reward.objects.create(program=program, wallet=wallet, slug="tote", name="Tote", summary="A bag", cost=30)


def buy(member, receipt, *, at, total="50000"):
    """A purchase on record, without points."""
    return Purchase.objects.create(
        program=member.program, member=member, source="web", receipt=receipt, occurred_at=at, recorded_at=at, currency="IDR", total=Decimal(total), eligible=Decimal(total), tier=member.tier, digest="",
    )  # fmt: skip


def month(program):
    return figures.periods(program, at=NOW)["month"]


def test_every_figure_says_what_it_counts():
    for name, known in figures.FIGURES.items():
        assert known.function.__name__ == name
        assert len(str(known.definition)) > 20
        assert known.function.__doc__


def test_this_month_begins_at_midnight_in_the_program_clock(program):
    period = month(program)
    assert period.since == JAKARTA_MARCH
    assert period.until == datetime(2026, 3, 15, 17, tzinfo=UTC)


def test_points_issued_count_from_the_first_instant_of_the_month(program, wallet, ani):
    give_points(ani, 100, at=JAKARTA_MARCH)
    give_points(ani, 7, at=JAKARTA_MARCH - timedelta(microseconds=1))
    assert figures.points_issued(wallet, period=month(program)) == 100
    last = figures.periods(program, at=NOW)["last_month"]
    assert figures.points_issued(wallet, period=last) == 7


def test_points_redeemed_are_less_what_cancelling_gave_back(program, wallet, ani, tote):
    give_points(ani, 100, at=NOW - timedelta(days=3))
    redemption.redeem(ani, tote, at=NOW - timedelta(days=2), reference="a", source="test", actor="test")
    taken = redemption.redeem(ani, tote, at=NOW - timedelta(days=2), reference="b", source="test", actor="test")
    redemption.cancel(taken, at=NOW - timedelta(days=1), actor="test", by_member=True)
    assert figures.points_redeemed(wallet, period=month(program)) == 30
    assert figures.redemption_rate(wallet, at=NOW) == Decimal("0.3")


def test_points_expired_belong_to_the_month_they_ran_out_in(program, wallet, ani):
    give_points(ani, 40, at=NOW - timedelta(days=80), expires_at=datetime(2026, 2, 10, tzinfo=UTC))
    expiry.run_sweep(program, at=NOW)
    assert figures.points_expired(wallet, period=month(program)) == 0
    by_month = {row["month"]: row for row in figures.points_by_month(wallet, at=NOW)}
    assert by_month[date(2026, 2, 1)]["expired"] == 40
    assert len(by_month) == 12


def test_liability_is_outstanding_points_times_their_worth(wallet, ani, budi):
    give_points(ani, 100, at=NOW)
    give_points(budi, 50, at=NOW, expires_at=NOW + timedelta(days=1))
    assert figures.outstanding_points(wallet, at=NOW) == 150
    assert figures.liability(wallet, at=NOW) == Decimal("15000.00")
    assert figures.outstanding_points(wallet, at=NOW + timedelta(days=1)) == 100


def test_nothing_issued_has_no_redemption_rate(wallet):
    assert figures.redemption_rate(wallet, at=NOW) is None


def test_active_members_bought_or_redeemed_within_twelve_months(program, ani, budi, siti, tote):
    buy(ani, "1", at=NOW - timedelta(days=10))
    buy(ani, "2", at=NOW - timedelta(days=11))
    buy(siti, "3", at=NOW - timedelta(days=400))
    give_points(budi, 30, at=NOW - timedelta(days=2))
    redemption.redeem(budi, tote, at=NOW - timedelta(days=1), reference="r", source="test", actor="test")
    assert figures.active_members(program, at=NOW) == 2


def test_a_cancelled_redemption_makes_nobody_active(program, budi, tote):
    give_points(budi, 30, at=NOW - timedelta(days=2))
    taken = redemption.redeem(budi, tote, at=NOW - timedelta(days=1), reference="r", source="test", actor="test")
    redemption.cancel(taken, at=NOW - timedelta(hours=1), actor="test", by_member=True)
    assert figures.active_members(program, at=NOW) == 0


def test_sales_and_weeks_count_purchases_in_the_program_clock(program, ani):
    buy(ani, "1", at=NOW - timedelta(days=7), total="20000")
    buy(ani, "2", at=NOW, total="30000")
    assert figures.sales(program, period=month(program)) == {"count": 2, "total": Decimal(50000)}
    assert figures.average_purchase(program, period=month(program)) == Decimal("25000.00")
    weeks = figures.purchases_by_week(program, at=NOW)
    assert len(weeks) == 26
    assert weeks[-1] == {"week": date(2026, 3, 2), "count": 1, "total": Decimal(20000)}


def test_members_by_tier_come_from_the_lowest_up(program, ani, budi):
    assert [(row["tier"].slug, row["members"]) for row in figures.members_by_tier(program)] == [
        ("bronze", 2),
        ("silver", 0),
        ("gold", 0),
    ]


def test_members_enrolled_this_month_are_its_enrolments(program, ani):
    make_member(program, "Dewi", at=NOW)
    assert figures.enrolments(program, period=month(program)) == 1
    assert figures.members(program, at=NOW) == 2


def test_the_figures_cost_the_same_number_of_queries_at_any_size(program, wallet, ani):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as caught:
            dashboard.collect(program, wallet, month(program), NOW)
        return len(caught)

    give_points(ani, 10, at=NOW)
    small = count()
    for number in range(20):
        member = make_member(program, f"Member{number}")
        give_points(member, 10, at=NOW)
        buy(member, f"R{number}", at=NOW)
    assert count() == small
    assert small <= 12


def test_a_sale_that_a_till_reports_is_in_the_figures(program, ani):
    from campaigns import purchases

    purchases.record(
        program,
        Sale(source="web", receipt="R1", occurred_at=NOW, total=Decimal(10), currency="IDR", member_id=ani.pk),
        at=NOW,
        actor="test",
    )
    assert figures.sales(program, period=month(program))["total"] == Decimal(10)


def test_running_out_is_what_ends_within_thirty_days(program, wallet, ani):
    give_points(ani, 10, at=NOW - timedelta(days=9), expires_at=NOW)
    give_points(ani, 20, at=NOW - timedelta(days=9), expires_at=NOW + timedelta(seconds=1))
    give_points(ani, 40, at=NOW - timedelta(days=9), expires_at=NOW + timedelta(days=30))
    give_points(ani, 80, at=NOW - timedelta(days=9), expires_at=NOW + timedelta(days=30, seconds=1))
    assert figures.running_out(wallet, at=NOW) == 60
