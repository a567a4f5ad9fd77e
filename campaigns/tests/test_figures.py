"""Each figure equals what one counts by hand, at exact edges of time, and costs the same at any size."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import dashboard, purchases
from campaigns.figures import FIGURES, Estimate, Reading, between, page, periods, telling
from campaigns.figures.periods import PeriodRefused, month_of
from campaigns.tests.shop import add_campaign, add_rule, give_back, open_shop
from campaigns.tests.shop import buy as sell
from campaigns.ways import surveys
from campaigns.ways.models import Question, Survey
from loyalty.ledger import expiry
from members.activity import Sale
from members.models import Purchase
from members.testing import give_points, make_member
from rewards import redemption
from rewards.models import Reward

# 10:00 on 15 March 2026 in Jakarta
NOW = datetime(2026, 3, 15, 3, tzinfo=UTC)
JAKARTA_MARCH = datetime(2026, 2, 28, 17, tzinfo=UTC)  # 00:00 on 1 March in Jakarta
DAY = timedelta(days=1)


@pytest.fixture
def wallet(program):
    """The main wallet of the cast: one point is worth 100 rupiah."""
    return program.wallets.select_related("program").get(is_main=True)


@pytest.fixture
def tote(program, wallet):
    """A reward for 30 points."""
    return Reward.objects.create(program=program, wallet=wallet, slug="tote", name="Tote", summary="A bag", cost=30)


def buy(member, receipt, *, at, total="50000"):
    """A purchase on record, without points."""
    return Purchase.objects.create(
        program=member.program, member=member, source="web", receipt=receipt, occurred_at=at, recorded_at=at, currency="IDR", total=Decimal(total), eligible=Decimal(total), tier=member.tier, digest="",
    )  # fmt: skip


def redeem(member, reward, reference, at):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


def asked(program, period="month", at=NOW):
    """What is looked at: a named period, or one that was made."""
    chosen = periods(program, at=at)[period] if isinstance(period, str) else period
    return Reading(program, program.wallets.select_related("program").get(is_main=True), chosen, at)


def value(name, program, period="month", at=NOW):
    """One figure, asked afresh."""
    return FIGURES[name].function(asked(program, period, at))


def test_every_figure_says_what_it_counts():
    for name, known in FIGURES.items():
        assert known.function.__name__ == known.name == name
        assert len(str(known.definition)) > 20
        assert known.function.__doc__
        assert bool(known.unit) != bool(known.columns)
        assert not known.shown_in or FIGURES[known.shown_in].columns


def test_this_month_begins_at_midnight_in_the_program_clock_and_is_compared_with_as_many_days(program):
    period = periods(program, at=NOW)["month"]
    assert period.since == JAKARTA_MARCH
    assert period.until == datetime(2026, 3, 15, 17, tzinfo=UTC)
    assert (period.before.first, period.before.last) == (date(2026, 2, 1), date(2026, 2, 15))


@pytest.mark.parametrize(
    ("name", "first", "last", "before_first", "before_last"),
    [
        ("last_month", (2026, 2, 1), (2026, 2, 28), (2026, 1, 1), (2026, 1, 31)),
        ("quarter", (2025, 12, 16), (2026, 3, 15), (2025, 9, 16), (2025, 12, 15)),
        ("year", (2025, 3, 16), (2026, 3, 15), (2024, 3, 16), (2025, 3, 15)),
    ],
)
def test_each_period_has_the_one_before_it(program, name, first, last, before_first, before_last):
    period = periods(program, at=NOW)[name]
    assert (period.first, period.last) == (date(*first), date(*last))
    assert (period.before.first, period.before.last) == (date(*before_first), date(*before_last))


def test_days_of_ones_own_are_compared_with_as_many_days_before(program):
    period = between(program, date(2026, 3, 1), date(2026, 3, 10), at=NOW)
    assert (period.before.first, period.before.last) == (date(2026, 2, 19), date(2026, 2, 28))
    for first, last in (((2026, 3, 9), (2026, 3, 8)), ((2026, 3, 16), (2026, 3, 17)), ((2011, 1, 1), (2026, 3, 1))):
        with pytest.raises(PeriodRefused):
            between(program, date(*first), date(*last), at=NOW)


def test_the_last_day_of_a_long_month_is_compared_with_the_whole_month_before(program):
    period = periods(program, at=datetime(2026, 3, 31, 3, tzinfo=UTC))["month"]
    assert (period.before.first, period.before.last) == (date(2026, 2, 1), date(2026, 2, 28))


def test_points_issued_count_from_the_first_instant_of_the_month(program, ani):
    give_points(ani, 100, at=JAKARTA_MARCH)
    give_points(ani, 7, at=JAKARTA_MARCH - timedelta(microseconds=1))
    assert value("points_issued", program) == 100
    assert value("points_issued", program, "last_month") == 7


def test_points_redeemed_are_less_what_cancelling_gave_back(program, ani, tote):
    give_points(ani, 100, at=NOW - 3 * DAY)
    redeem(ani, tote, "a", NOW - 2 * DAY)
    taken = redeem(ani, tote, "b", NOW - 2 * DAY)
    redemption.cancel(taken, at=NOW - DAY, actor="test", by_member=True)
    assert value("points_redeemed", program) == 30
    assert value("redemption_rate", program) == Decimal("0.3000")


def test_points_expired_belong_to_the_month_they_ran_out_in(program, ani):
    give_points(ani, 40, at=NOW - 80 * DAY, expires_at=datetime(2026, 2, 10, tzinfo=UTC))
    expiry.run_sweep(program, at=NOW)
    assert value("points_expired", program) == 0
    assert value("points_expired", program, "last_month") == 40
    by_month = {row["month"]: row for row in value("points_by_month", program)}
    assert by_month[date(2026, 2, 1)]["expired"] == 40
    assert next(iter(by_month)) == date(2025, 4, 1)
    assert len(by_month) == 12


def test_liability_is_outstanding_points_times_their_worth(program, ani, budi):
    give_points(ani, 100, at=NOW)
    give_points(budi, 50, at=NOW, expires_at=NOW + DAY)
    assert value("outstanding_points", program) == 150
    assert value("liability", program) == Decimal("15000.00")
    assert value("outstanding_points", program, at=NOW + DAY) == 100


def test_outstanding_points_of_a_past_month_are_those_of_its_last_instant(program, ani, tote):
    give_points(ani, 100, at=JAKARTA_MARCH - DAY)
    redeem(ani, tote, "a", JAKARTA_MARCH)
    assert value("outstanding_points", program, "last_month") == 100
    assert value("outstanding_points", program) == 70
    told = telling.tell(asked(program, "month"), [FIGURES["outstanding_points"]])[0]
    assert (told.value, told.before) == (70, 0)  # the period before ends on 15 February


def test_outstanding_points_are_told_by_the_month_of_their_last_day(program, ani):
    give_points(ani, 5, at=NOW, expires_at=datetime(2026, 4, 30, 17, tzinfo=UTC))  # 00:00 on 1 May in Jakarta
    give_points(ani, 7, at=NOW, expires_at=datetime(2026, 5, 1, 17, tzinfo=UTC))
    rows = value("outstanding_by_end", program)
    assert rows == [
        {"month": date(2026, 4, 1), "points": 5, "money": Decimal("500.00")},
        {"month": date(2026, 5, 1), "points": 7, "money": Decimal("700.00")},
    ]


def test_running_out_is_what_ends_within_thirty_days(program, ani):
    give_points(ani, 10, at=NOW - 9 * DAY, expires_at=NOW)
    give_points(ani, 20, at=NOW - 9 * DAY, expires_at=NOW + timedelta(seconds=1))
    give_points(ani, 40, at=NOW - 9 * DAY, expires_at=NOW + 30 * DAY)
    give_points(ani, 80, at=NOW - 9 * DAY, expires_at=NOW + timedelta(days=30, seconds=1))
    assert value("running_out", program) == 60


def test_breakage_is_the_estimate_of_finance(program, ani, tote):
    assert value("breakage_rate", program) is None
    give_points(ani, 120, at=NOW - 80 * DAY, expires_at=NOW - 40 * DAY)
    redeem(ani, tote, "a", NOW - 70 * DAY)
    give_points(ani, 55, at=NOW)
    assert value("breakage_rate", program) == Estimate(Decimal("0.7500"))
    rows = value("breakage_by_month", program)
    assert [(r["month"], r["granted"], r["unused"], r["open"], r["breakage"]) for r in rows] == [
        (date(2025, 12, 1), 120, 90, 0, Decimal("0.7500")),
        (date(2026, 3, 1), 55, 0, 55, None),
    ]


def test_nothing_issued_has_no_redemption_rate(program):
    assert value("redemption_rate", program) is None


def test_active_members_bought_or_redeemed_within_twelve_months(program, ani, budi, siti, tote):
    buy(ani, "1", at=NOW - 10 * DAY)
    buy(ani, "2", at=NOW - 11 * DAY)
    buy(siti, "3", at=NOW - 370 * DAY)
    give_points(budi, 30, at=NOW - 2 * DAY)
    redeem(budi, tote, "r", NOW - DAY)
    assert value("active_members", program) == 2
    assert value("active_members", program, "last_month") == 1  # siti, in the year before March


def test_a_cancelled_redemption_makes_nobody_active(program, budi, tote):
    give_points(budi, 30, at=NOW - 2 * DAY)
    redemption.cancel(redeem(budi, tote, "r", NOW - DAY), at=NOW - timedelta(hours=1), actor="test", by_member=True)
    assert value("active_members", program) == 0


def test_sales_and_weeks_count_purchases_in_the_program_clock(program, ani):
    buy(ani, "1", at=NOW - 7 * DAY, total="20000")
    buy(ani, "2", at=NOW, total="30000")
    buy(ani, "3", at=NOW + timedelta(seconds=1))  # not yet
    assert (value("purchases", program), value("sales", program)) == (2, Decimal(50000))
    assert value("average_purchase", program) == Decimal("25000.00")
    weeks = value("purchases_by_week", program)
    assert len(weeks) == 26
    assert weeks[-1] == {"week": date(2026, 3, 2), "purchases": 1, "total": Decimal("20000.00")}


def test_frequency_and_repeat_rate_are_of_those_who_bought_in_the_period(program, ani, budi, siti):
    for number, (member, days) in enumerate([(ani, 1), (ani, 2), (ani, 3), (budi, 1), (siti, 40)]):
        buy(member, str(number), at=NOW - days * DAY)
    assert value("purchase_frequency", program) == Decimal("2.00")
    assert value("repeat_purchase_rate", program) == Decimal("0.5000")
    assert value("repeat_purchase_rate", program, "year") == Decimal("0.3333")
    nobody = between(program, date(2026, 1, 1), date(2026, 1, 9), at=NOW)
    for name in ("purchase_frequency", "repeat_purchase_rate", "average_purchase"):
        assert value(name, program, nobody) is None


def test_lifetime_value_is_what_was_kept_by_everybody_ever_enrolled(program, ani, budi, siti):
    open_shop(program)
    bought = sell(ani, "100", NOW - 20 * DAY)
    sell(budi, "51.50", NOW - 2 * DAY)
    give_back(bought.purchase, NOW - DAY, "40.25")
    assert value("lifetime_value", program) == Decimal("37.08")  # (151.50 - 40.25) / 3
    assert value("lifetime_value", program, "last_month") == Decimal("33.33")  # before the goods came back
    long_ago = between(program, date(2025, 1, 1), date(2025, 1, 9), at=NOW)
    assert value("lifetime_value", program, long_ago) is None


def test_members_by_tier_come_from_the_lowest_up(program, ani, budi):
    assert [(row["tier"].slug, row["members"]) for row in value("members_by_tier", program)] == [
        ("bronze", 2),
        ("silver", 0),
        ("gold", 0),
    ]


def test_members_enrolled_this_month_are_its_enrolments(program, ani):
    make_member(program, "Dewi", at=NOW)
    assert (value("enrolments", program), value("members", program)) == (1, 2)
    assert (value("enrolments", program, "last_month"), value("members", program, "last_month")) == (0, 1)


def test_retention_counts_each_member_once_a_month_from_joining_on(program):
    """Two joined in the last instants of January and in its middle, one in February; who bought when, by hand."""
    edge = datetime(2026, 1, 31, 17, tzinfo=UTC)  # 00:00 on 1 February in Jakarta
    one = make_member(program, "One", at=datetime(2026, 1, 10, tzinfo=UTC))
    two = make_member(program, "Two", at=edge - timedelta(microseconds=1))
    three = make_member(program, "Three", at=edge)
    for number, (member, at) in enumerate(
        [
            (one, datetime(2026, 1, 20, tzinfo=UTC)),
            (one, edge),
            (one, edge + DAY),
            (two, NOW - DAY),
            (one, NOW - DAY),
            (three, NOW - 20 * DAY),
        ]
    ):
        buy(member, str(number), at=at)
    january, february = value("retention", program)
    assert (january["month"], january["members"]) == (date(2026, 1, 1), 2)
    assert [january[f"after_{n}"] for n in range(4)] == [Decimal("0.5"), Decimal("0.5"), Decimal(1), None]
    assert (february["month"], february["members"]) == (date(2026, 2, 1), 1)
    assert [february[f"after_{n}"] for n in range(3)] == [Decimal(1), Decimal(0), None]


def test_retention_leaves_out_months_in_which_nobody_joined(program):
    for back in range(14):
        make_member(program, f"M{back}", at=NOW - timedelta(days=2 * 31 * back))
    rows = value("retention", program)
    assert len(rows) == 12
    assert rows[-1]["month"] == date(2026, 3, 1)


def test_rewards_come_by_how_often_they_were_wanted(program, wallet, ani, budi, tote):
    pin = Reward.objects.create(program=program, wallet=wallet, slug="pin", name="Pin", summary="A pin", cost=5)
    for member in (ani, budi):
        give_points(member, 100, at=NOW - 3 * DAY)
    redeem(ani, tote, "a", NOW - 2 * DAY)
    for number, member in enumerate((ani, budi, budi)):
        redeem(member, pin, f"p{number}", NOW - 2 * DAY)
    redemption.cancel(redeem(ani, tote, "b", NOW - 2 * DAY), at=NOW - DAY, actor="test", by_member=True)
    assert value("reward_popularity", program) == [
        {"reward": pin, "redemptions": 3, "points": 15, "share": Decimal("0.7500")},
        {"reward": tote, "redemptions": 1, "points": 30, "share": Decimal("0.2500")},
    ]


def test_campaigns_tell_cost_and_return_of_those_of_the_period(program):
    open_shop(program)
    measured = add_campaign(program, "double", NOW - 9 * DAY, NOW - 3 * DAY, control_percent=50, control_secret="lot")
    add_rule(program, "double", {"award": {"kind": "multiplier", "factor": "2"}}, campaign=measured)
    gone = add_campaign(program, "gone", NOW - 90 * DAY, NOW - 60 * DAY)
    add_rule(program, "gone", {"award": {"kind": "fixed", "points": "5"}}, campaign=gone)
    add_campaign(program, "ahead", NOW + DAY, NOW + 9 * DAY)
    people = [make_member(program, f"M{number}") for number in range(40)]
    for member in people:
        sell(member, "100", NOW - 5 * DAY)
    (row,) = value("campaigns", program)
    treated = row["members"]
    assert 10 <= treated <= 30
    assert (row["points"], row["cost"]) == (100 * treated, Decimal(100 * treated * 100))
    assert (row["lift"], row["lift_low"], row["lift_high"]) == (0, 0, 0)  # everybody spent the same
    assert row["roi"] == Decimal("-1.000")
    assert value("campaign_return", program) == Estimate(*[Decimal("-1.000")] * 3)
    assert value("campaign_cost", program) == row["cost"]
    early = between(program, date(2025, 12, 20), date(2026, 1, 10), at=NOW)
    (row,) = value("campaigns", program, early)
    assert (row["campaign"], row["points"], row["lift"], row["roi"]) == (gone, 0, None, None)
    assert value("campaign_return", program, early) is None


def test_the_return_of_several_campaigns_adds_up_with_the_squares_of_their_margins(program):
    open_shop(program)
    people = [make_member(program, f"M{number}") for number in range(60)]
    for slug, days in (("one", 9), ("two", 5)):
        made = add_campaign(
            program, slug, NOW - days * DAY, NOW - (days - 3) * DAY, control_percent=50, control_secret=slug
        )
        add_rule(program, slug, {"award": {"kind": "fixed", "points": "3"}}, campaign=made)
        for number, member in enumerate(people):
            sell(member, str(100 + 7 * (number % 13)), NOW - (days - 1) * DAY)
    rows = value("campaigns", program)
    lifts = [(row["lift"], (row["lift_high"] - row["lift_low"]) / 2, row["members"], row["cost"]) for row in rows]
    cost = sum(one[3] for one in lifts)
    brought = sum(row["incremental"] for row in rows)
    margin = sum((half * members) ** 2 for _lift, half, members, _cost in lifts) ** Decimal("0.5")
    told = value("campaign_return", program)
    assert told.value == ((brought - cost) / cost).quantize(Decimal("0.001"))
    assert abs(told.low - (brought - margin - cost) / cost) < Decimal("0.002")
    assert abs(told.high - (brought + margin - cost) / cost) < Decimal("0.002")
    assert told.low < told.value < told.high


def test_the_net_promoter_score_is_of_the_replies_of_the_period(program, ani, budi, siti):
    survey = Survey.objects.create(program=program, slug="s", name="S", since=NOW - 60 * DAY, until=NOW + DAY)
    Question.objects.create(survey=survey, position=1, kind=Question.Kind.NPS, text="Would you?", is_needed=True)
    for member, number, days in ((ani, 10, 1), (budi, 6, 2), (siti, 9, 40)):
        surveys.answer(survey, member, {1: number}, at=NOW - days * DAY, actor="test")
    found = value("net_promoter_score", program)
    assert (found.value, found.low, found.high) == (Decimal("0.0"), Decimal("-100.0"), Decimal("100.0"))
    assert value("net_promoter_score", program, "year").value == Decimal("33.3")
    assert value("net_promoter_score", program, between(program, date(2026, 1, 1), date(2026, 1, 9), at=NOW)) is None


def test_a_figure_moves_against_the_period_before(program, ani, budi):
    give_points(ani, 40, at=NOW - DAY)
    give_points(budi, 10, at=JAKARTA_MARCH - 20 * DAY)
    reading = asked(program)
    issued, rate = telling.tell(reading, [FIGURES["points_issued"], FIGURES["redemption_rate"]])
    assert (issued.value, issued.before, issued.change) == (40, 10, Decimal("3.000"))
    assert page.note(issued, reading) == "+300.0%, before: 10"
    assert (rate.value, rate.before, rate.change) == (Decimal(0), Decimal(0), Decimal(0))
    assert page.note(rate, reading) == "±0.0 percentage points, before: 0.0%"


def test_a_number_is_told_for_each_of_twelve_months_by_the_same_function(program, ani):
    give_points(ani, 40, at=JAKARTA_MARCH)
    give_points(ani, 7, at=JAKARTA_MARCH - timedelta(microseconds=1))
    reading = asked(program)
    for name in ("points_issued", "outstanding_points"):
        months = telling.by_month(FIGURES[name], reading)
        assert [first for first, _points in months][::11] == [date(2025, 4, 1), date(2026, 3, 1)]
        march = month_of(date(2026, 3, 1), program.time_zone)
        assert months[-1][1] == value(name, program, march)
    issued = dict(telling.by_month(FIGURES["points_issued"], reading))
    assert (issued[date(2026, 2, 1)], issued[date(2026, 3, 1)]) == (7, 40)


@pytest.mark.parametrize("period", ["month", "year"])
def test_the_figures_cost_the_same_number_of_queries_at_any_size(program, ani, tote, period):
    open_shop(program)

    def count():
        with CaptureQueriesContext(connection) as caught:
            reading = asked(program, period)
            telling.tell(reading, telling.numbers())
            for known in FIGURES.values():
                telling.rows(known, reading)
            dashboard.collect(reading)
        return len(caught)

    def campaign(slug):
        made = add_campaign(program, slug, NOW - 9 * DAY, NOW, control_percent=10)
        add_rule(program, slug, {"award": {"kind": "fixed", "points": "5"}}, campaign=made)

    campaign("first")
    sell(ani, "100", NOW - DAY)
    redeem(ani, tote, "first", NOW - timedelta(hours=9))
    small = count()
    campaign("second")
    for number in range(12):
        member = make_member(program, f"Member{number}", at=NOW - timedelta(days=31 * number))
        sell(member, "100", NOW - timedelta(hours=2))
        redeem(member, tote, f"r{number}", NOW - timedelta(hours=1))
    assert count() == small


def test_a_sale_that_a_till_reports_is_in_the_figures(program, ani):
    purchases.record(
        program,
        Sale(source="web", receipt="R1", occurred_at=NOW, total=Decimal(10), currency="IDR", member_id=ani.pk),
        at=NOW,
        actor="test",
    )
    assert value("sales", program) == Decimal(10)
