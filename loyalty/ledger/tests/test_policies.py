"""When points end: every kind of policy, clamped, rounded, in clocks that skip midnight, by rule and by season."""

from datetime import UTC, date, datetime, timedelta

import pytest

from loyalty.common.clock import day_start
from loyalty.ledger import checking, policies, seasons, triggers
from loyalty.ledger.forms import ExpiryPolicyForm
from loyalty.ledger.models import ExpiryPolicy, Lot, Season
from loyalty.ledger.policies import Terms, last_day
from loyalty.ledger.seasons import Period
from loyalty.ledger.showing import example_in_words
from members.enrolment import main_account
from members.testing import OPENING, give_points


def policy(kind, count=0, **more):
    return ExpiryPolicy(id=1, kind=kind, count=count, **more)


@pytest.mark.parametrize(
    ("made", "first", "last"),
    [
        (policy("days", 90), date(2026, 11, 23), date(2027, 2, 21)),
        (policy("months", 1), date(2026, 1, 31), date(2026, 2, 28)),
        (policy("months", 1), date(2028, 1, 31), date(2028, 2, 29)),
        (policy("months", 13), date(2026, 12, 31), date(2028, 1, 31)),
        (policy("years", 1), date(2028, 2, 29), date(2029, 2, 28)),
        (policy("years", 4), date(2028, 2, 29), date(2032, 2, 29)),
        (policy("months", 12, round_to="month"), date(2026, 1, 15), date(2027, 1, 31)),
        (policy("months", 1, round_to="quarter"), date(2026, 1, 31), date(2026, 3, 31)),
        (policy("months", 2, round_to="quarter"), date(2026, 1, 31), date(2026, 3, 31)),
        (policy("days", 1, round_to="year"), date(2026, 12, 31), date(2027, 12, 31)),
        (policy("years", 2, round_to="year"), date(2026, 6, 1), date(2028, 12, 31)),
        (policy("date", last_day=date(2027, 3, 31)), date(2026, 6, 1), date(2027, 3, 31)),
        (policy("date", last_day=date(2027, 3, 31)), date(2027, 3, 31), date(2027, 3, 31)),
        (policy("date", last_day=date(2027, 3, 31)), date(2027, 4, 1), date(2028, 3, 31)),
        (policy("dates", days="03-31,09-30"), date(2026, 4, 1), date(2026, 9, 30)),
        (policy("dates", days="03-31,09-30"), date(2026, 9, 30), date(2026, 9, 30)),
        (policy("dates", days="03-31,09-30"), date(2026, 10, 1), date(2027, 3, 31)),
        (policy("dates", days="09-30,03-31", at_least=30), date(2026, 9, 1), date(2027, 3, 31)),
        (policy("dates", days="09-30,03-31", at_least=29), date(2026, 9, 1), date(2026, 9, 30)),
        (policy("dates", days="02-29"), date(2027, 1, 1), date(2027, 2, 28)),
        (policy("dates", days="02-29"), date(2028, 1, 1), date(2028, 2, 29)),
        (policy("idle_months", 6), date(2026, 8, 31), date(2027, 2, 28)),
        (policy("idle_months", 6, round_to="month"), date(2026, 8, 3), date(2027, 2, 28)),
        (policy("idle_days", 30), date(2028, 2, 28), date(2028, 3, 29)),
        (policy("never"), date(2026, 1, 1), None),
    ],
)
def test_the_last_day(made, first, last):
    assert last_day(made, first) == last


RAMADANS = [
    Period(1, "1448 H", date(2027, 2, 8), date(2027, 3, 8)),
    Period(2, "1449 H", date(2028, 1, 28), date(2028, 2, 25)),
]


@pytest.mark.parametrize(
    ("first", "at_least", "last"),
    [
        (date(2026, 11, 23), 0, date(2027, 3, 8)),
        (date(2027, 3, 8), 0, date(2027, 3, 8)),
        (date(2027, 3, 9), 0, date(2028, 2, 25)),
        (date(2027, 2, 20), 30, date(2028, 2, 25)),
        (date(2028, 2, 26), 0, None),
    ],
)
def test_points_of_a_season_last_through_its_end(first, at_least, last):
    assert last_day(policy("season", at_least=at_least), first, RAMADANS) == last


@pytest.mark.parametrize(
    ("zone", "day", "first_instant"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), datetime(2018, 11, 4, 3, tzinfo=UTC)),
        ("Asia/Beirut", date(2026, 3, 29), datetime(2026, 3, 28, 22, tzinfo=UTC)),
        ("Africa/Cairo", date(2026, 4, 24), datetime(2026, 4, 23, 22, tzinfo=UTC)),
        ("Africa/Cairo", date(2026, 10, 30), datetime(2026, 10, 29, 22, tzinfo=UTC)),
        ("America/Havana", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Asia/Jakarta", date(2026, 11, 24), datetime(2026, 11, 23, 17, tzinfo=UTC)),
    ],
)
def test_points_end_with_the_first_instant_of_the_next_day_also_where_midnight_is_skipped(zone, day, first_instant):
    assert day_start(day, zone) == first_instant
    terms = Terms(policy("days", 3), zone, 0)
    noon = day_start(day - timedelta(days=4), zone) + timedelta(hours=12)
    assert terms.expires_at(noon) == first_instant


def test_a_rule_asks_for_a_named_policy_and_the_lot_says_which_version(program, ani, proven_books):
    wallet = program.wallets.get()
    first = policies.set_expiry(wallet, name="Harbolnas", kind="days", count=30, at=OPENING, actor="test")
    give_points(ani, 5, expiry_policy_id=first.id)
    second = policies.set_expiry(wallet, name="Harbolnas", kind="days", count=10, at=OPENING, actor="test")
    give_points(ani, 7, expiry_policy_id=second.id)
    give_points(ani, 9)
    lots = Lot.objects.order_by("id").select_related("expiry_policy")
    assert [(lot.granted, str(lot.expiry_policy), lot.expires_at.date()) for lot in lots] == [
        (5, "Kopi Nusantara: points: Harbolnas v2", date(2026, 1, 31)),
        (7, "Kopi Nusantara: points: Harbolnas v3", date(2026, 1, 11)),
        (9, "Kopi Nusantara: points v1", date(2027, 1, 1)),
    ]
    assert lots[0].entry.explanation == {"lot": {"policy": first.id}}


def test_a_new_version_counts_for_new_lots_only(program, ani, proven_books):
    give_points(ani, 5)
    policies.set_expiry(program.wallets.get(), kind="days", count=1, at=OPENING, actor="test")
    give_points(ani, 6)
    assert [lot.expires_at.date() for lot in Lot.objects.order_by("id")] == [date(2027, 1, 1), date(2026, 1, 2)]


@pytest.fixture
def seasonal(program, ani):
    seasons.load_known(program, at=OPENING, actor="test")
    ramadan = Season.objects.get(program=program, slug="ramadan")
    policies.set_expiry(program.wallets.get(), kind="season", season=ramadan, at_least=30, at=OPENING, actor="test")
    give_points(ani, 100)
    return ramadan


def test_a_corrected_season_moves_new_points_only(seasonal, ani, proven_books):
    seasons.set_period(seasonal, "1447 H", first_day=date(2026, 2, 19), last_day=date(2026, 3, 20), source="Isbat", at=OPENING, actor="staff:1")  # fmt: skip
    give_points(ani, 50)
    assert [lot.expires_at for lot in Lot.objects.order_by("id")] == [
        datetime(2026, 3, 19, 17, tzinfo=UTC),
        datetime(2026, 3, 20, 17, tzinfo=UTC),
    ]


def test_verification_names_lots_of_a_season_whose_days_were_edited(seasonal, ani):
    from django.db import connection

    assert list(checking.verify(account=main_account(ani).id)) == []
    with triggers.lifted(), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_seasonperiod SET last_day = '2026-03-25' WHERE label = '1447 H'")
    (found,) = checking.verify(account=main_account(ani).id)
    assert found.law == "lot dates" and "its season at" in found.found


def test_points_earned_after_the_last_known_season_do_not_end(seasonal, ani, proven_books):
    give_points(ani, 1, at=datetime(2036, 1, 1, tzinfo=UTC))
    assert Lot.objects.latest("id").expires_at is None


def test_the_form_says_that_a_date_which_is_over_counts_again_a_year_later(program):
    made = policy("date", wallet=program.wallets.get(), last_day=date(2025, 12, 31))
    told = "That day is over, so it counts again a year later: points earned today would last through 31 December 2026."
    assert example_in_words(made, at=OPENING) == told
    made.last_day = date(2026, 12, 31)
    assert example_in_words(made, at=OPENING) == "Points earned today would last through 31 December 2026."
    assert "the same day of the next year" in str(ExpiryPolicyForm().fields["last_day"].help_text)
