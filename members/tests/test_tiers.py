"""Tiers: windows, immediate upgrades, stays, and what a member still misses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.tests.shop import buy, open_shop
from members import tiers
from members.models import Tier, TierPolicy, TierStay
from members.retracing import Walk


def day(month, number, year=2026):
    return datetime(year, month, number, 5, tzinfo=UTC)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


def stays_of(member):
    rows = TierStay.objects.filter(member=member).order_by("since", "id")
    return [
        (stay.tier.slug, stay.since.date().isoformat(), stay.until and stay.until.date().isoformat()) for stay in rows
    ]


def test_a_purchase_that_reaches_the_threshold_lifts_the_member_at_once(shop, ani):
    buy(ani, "999", day(2, 1))
    ani.refresh_from_db()
    assert ani.tier.slug == "bronze"
    buy(ani, "1", day(2, 2))
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"
    assert stays_of(ani) == [("bronze", "2026-01-01", "2026-02-02"), ("silver", "2026-02-02", None)]


def test_one_purchase_may_lift_by_two_tiers(shop, ani):
    buy(ani, "6000", day(2, 1))
    assert stays_of(ani)[-1] == ("gold", "2026-02-01", None)


def test_the_tier_at_an_instant_is_read_from_the_stays(shop, ani):
    buy(ani, "1000", day(2, 1))
    buy(ani, "5000", day(3, 1))
    assert [tiers.tier_at(ani, at).slug for at in (day(1, 1, 2020), day(1, 31), day(2, 1), day(3, 1))] == [
        "bronze", "bronze", "silver", "gold",
    ]  # fmt: skip


def test_what_lies_before_the_window_no_longer_counts(shop, ani):
    buy(ani, "600", day(1, 2))
    buy(ani, "400", day(1, 2, 2027))
    ani.refresh_from_db()
    assert ani.tier.slug == "bronze"  # 2 January 2026 left the window as 2 January 2027 began


def test_the_calendar_year_starts_over_in_the_program_clock(shop, ani):
    policy = shop.tier_policy
    policy.window = "calendar"
    policy.save()
    buy(ani, "600", datetime(2026, 12, 31, 16, 59, tzinfo=UTC))  # 23:59 in Jakarta
    buy(ani, "400", datetime(2026, 12, 31, 17, 0, tzinfo=UTC))  # 00:00 of the new year
    ani.refresh_from_db()
    assert ani.tier.slug == "bronze"
    buy(ani, "600", datetime(2027, 12, 31, 16, 59, tzinfo=UTC))
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"


def test_a_lifetime_window_forgets_nothing(shop, ani):
    policy = shop.tier_policy
    policy.window = "lifetime"
    policy.save()
    buy(ani, "600", day(1, 2))
    buy(ani, "400", day(1, 2, 2030))
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"


def test_a_tier_may_be_measured_in_money(shop, ani):
    policy = shop.tier_policy
    policy.metric = "spend"
    policy.save()
    buy(ani, "999.99", day(1, 2))
    assert tiers.standing(ani, at=day(1, 3)).missing == Decimal("0.01")
    buy(ani, "0.01", day(1, 2))
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"


def test_a_late_purchase_moves_the_stays_as_if_it_had_come_in_order(shop, ani, budi):
    for member, order in ((ani, [(2, "600"), (3, "500"), (4, "100")]), (budi, [(3, "500"), (4, "100"), (2, "600")])):
        for month, amount in order:
            buy(member, amount, day(month, 1))
    assert stays_of(ani) == stays_of(budi) == [("bronze", "2026-01-01", "2026-03-01"), ("silver", "2026-03-01", None)]


def test_a_late_purchase_may_overtake_a_stay(shop, ani):
    buy(ani, "1000", day(3, 1))
    buy(ani, "1000", day(2, 1))
    assert tiers.tier_at(ani, day(2, 15)).slug == "silver"
    assert stays_of(ani) == [
        ("bronze", "2026-01-01", "2026-02-01"),
        ("silver", "2026-02-01", None),
        ("silver", "2026-03-01", "2026-03-01"),
    ]


def test_the_standing_tells_what_is_missing_and_by_when(shop, ani):
    buy(ani, "400", day(2, 10))
    standing = tiers.standing(ani, at=day(3, 1))
    assert (standing.tier.slug, standing.next_tier.slug) == ("bronze", "silver")
    assert (standing.measured, standing.missing) == (Decimal(400), Decimal(600))
    assert standing.counts_until == datetime(2027, 2, 9, 17, tzinfo=UTC)  # 10 February in Jakarta
    before, after = standing.counts_until - timedelta(microseconds=1), standing.counts_until
    assert [tiers.standing(ani, at=at).measured for at in (before, after)] == [Decimal(400), Decimal(0)]


def test_the_standing_of_the_highest_tier_has_nothing_next(shop, ani):
    buy(ani, "9000", day(2, 10))
    standing = tiers.standing(ani, at=day(3, 1))
    assert (standing.tier.slug, standing.next_tier, standing.missing) == ("gold", None, None)


def test_the_standing_takes_three_queries(shop, ani, django_assert_num_queries):
    buy(ani, "400", day(2, 10))
    with django_assert_num_queries(3):
        tiers.standing(ani, at=day(3, 1))


def test_tiers_of_many_members_take_two_queries(shop, ani, budi, siti, django_assert_num_queries):
    buy(budi, "1000", day(2, 1))
    with django_assert_num_queries(2):
        answers = tiers.tiers_at(shop, [(member.pk, day(2, 2)) for member in (ani, budi, siti)])
    assert [tier.slug for tier in answers.values()] == ["bronze", "silver", "bronze"]


def test_a_redemption_never_costs_a_tier(shop, ani):
    from loyalty.ledger import posting
    from members.enrolment import main_account

    buy(ani, "1000", day(2, 1))
    posting.redeem(main_account(ani).id, 1000, at=day(2, 2), reference="r1", source="test", actor="test")
    assert tiers.standing(ani, at=day(2, 3)).measured == Decimal(1000)


def steps_of(window):
    """A ladder with nothing from the database."""
    steps = [Tier(pk=rank, slug=slug, rank=rank, threshold=Decimal(from_)) for rank, (slug, from_) in enumerate(
        (("bronze", 0), ("silver", 100), ("gold", 300))
    )]  # fmt: skip
    policy = TierPolicy(window=window, review="yearly", down="full", grace_days=20)
    return tiers.Ladder(steps, policy, "Asia/Jakarta", 0)


def stays_in(trail):
    return [(stay.tier.slug, stay.since, stay.until) for stay in trail.stays if stay.since != stay.until]


@given(
    some.lists(some.tuples(some.integers(1, 900), some.integers(0, 150)), max_size=12).map(sorted),
    some.integers(0, 900),
    some.sampled_from(["rolling", "calendar", "entry", "lifetime"]),
)
def test_walking_on_from_any_instant_gives_the_stays_of_the_whole_walk(purchases, begin, window):
    steps, first, end = steps_of(window), day(1, 1, 2020), day(1, 1, 2024)
    trail = tiers.Trail(steps)
    trail.stays = [tiers.Stay(steps.tiers[0], first, None, "enrolment", stay_id=1)]
    rows = [TierStay(pk=1, tier_id=0, since=first, cause="enrolment")]
    for days, amount in purchases:
        trail.add(first + timedelta(days=days), amount, "purchase:test:1")
    trail.go_to(end)
    whole = stays_in(trail)
    rows = [
        TierStay(pk=number, tier_id=stay.tier.pk, since=stay.since, until=stay.until, cause=stay.cause)
        for number, stay in enumerate(trail.stays, start=1)
    ]
    walk = Walk([steps], rows, first + timedelta(days=begin))
    for days, amount in purchases:
        walk.buy(first + timedelta(days=days), amount, Decimal(0), "purchase:test:1")
    walk.finish(end)
    assert stays_in(walk) == whole
    assert all(before[2] == after[1] for before, after in pairwise(whole))
    assert whole[-1][2] is None
