"""Reviews of tiers: when, by what measure, how far down, with grace, and what the members are told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns.tests.shop import buy, open_shop
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from members import tiers
from members.models import Tier, TierPolicy, TierStay
from members.testing import give_points
from members.tiers import granting
from members.tiers.reviewing import review_tiers

NEVER, ONE, FULL = "none", "one", "full"


def day(month, number, year=2026):
    return datetime(year, month, number, 5, tzinfo=UTC)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


def policy(program, **terms):
    TierPolicy.objects.filter(program=program).update(**terms)


def stays_of(member):
    rows = TierStay.objects.filter(member=member).order_by("since", "id")
    return [(stay.tier.slug, stay.since.date().isoformat()) for stay in rows if stay.until != stay.since]


def tier_of(member, at):
    review_tiers(member.program, at=at)
    member.refresh_from_db()
    return member.tier.slug


# metric, window, review, down: bought 6000 (gold) on 1 March 2026 and 1200 on 1 March 2027; the tier in June 2027.
TABLE = [
    ("points", "rolling", {"review": "never"}, ONE, "gold"),
    ("points", "rolling", {"review": "yearly"}, NEVER, "gold"),
    ("points", "rolling", {"review": "yearly"}, ONE, "gold"),  # reviewed on 1 January, with the 6000 of March before
    ("points", "rolling", {"review": "months"}, ONE, "silver"),  # reviewed on 1 March 2027, before the 1200
    ("points", "rolling", {"review": "months"}, FULL, "silver"),  # all of 6000 has left: bronze, then 1200 lifts again
    ("points", "calendar", {"review": "yearly", "review_month": 4}, ONE, "silver"),
    ("points", "calendar", {"review": "yearly", "review_month": 4}, FULL, "silver"),
    ("points", "calendar", {"review": "yearly"}, FULL, "gold"),  # the year that ends counts
    ("spend", "rolling", {"review": "months"}, ONE, "silver"),
    ("spend", "calendar", {"review": "yearly"}, FULL, "gold"),
    ("points", "entry", {"review": "yearly"}, ONE, "silver"),  # nothing since it began
    ("points", "entry", {"review": "yearly"}, FULL, "silver"),
    ("points", "lifetime", {"review": "yearly"}, FULL, "gold"),
]


@pytest.mark.parametrize(("metric", "window", "review", "down", "expected"), TABLE)
def test_a_review_lowers_by_the_window_the_metric_and_the_rule(shop, ani, metric, window, review, down, expected):
    policy(shop, metric=metric, window=window, down=down, **review)
    buy(ani, "6000", day(3, 1))
    buy(ani, "1200", day(3, 1, 2027))
    assert tier_of(ani, day(6, 1, 2027)) == expected
    assert tiers.standing(ani, at=day(6, 1, 2027)).tier.slug == expected


def test_visits_count_each_purchase_and_one_that_came_back_wholly_is_none(shop, ani):
    policy(shop, metric="visits")
    Tier.objects.filter(program=shop, slug="silver").update(threshold=2)
    buy(ani, "1", day(2, 1))
    assert tiers.standing(ani, at=day(2, 2)).measured == 1
    buy(ani, "900", day(2, 3))
    assert tier_of(ani, day(2, 4)) == "silver"


def test_credits_of_a_separate_wallet_may_be_what_counts(shop, ani):
    policy(shop, metric="wallet", wallet=shop.wallets.get(is_main=True))
    give_points(ani, 1000, at=day(2, 1))
    assert tier_of(ani, day(2, 2)) == "silver"
    assert stays_of(ani)[-1] == ("silver", "2026-02-01")
    assert tiers.standing(ani, at=day(2, 2)).measured == 1000


def test_a_lower_threshold_may_keep_a_tier(shop, ani):
    policy(shop, review="yearly", window="calendar")
    Tier.objects.filter(program=shop, slug="gold").update(keep_threshold=3000)
    buy(ani, "5000", day(2, 1))
    buy(ani, "3000", day(2, 1, 2027))
    assert tier_of(ani, day(2, 1, 2028)) == "gold"
    assert tier_of(ani, day(2, 1, 2029)) == "silver"


def test_days_of_grace_let_the_missing_part_come_late(shop, ani, budi):
    policy(shop, review="months", review_months=12, grace_days=30)
    for member in (ani, budi):
        buy(member, "1000", day(2, 1))
    buy(ani, "1000", day(2, 20, 2027))
    assert [tier_of(member, day(3, 1, 2027)) for member in (ani, budi)] == ["silver", "silver"]
    assert [tier_of(member, day(3, 10, 2027)) for member in (ani, budi)] == ["silver", "bronze"]
    assert stays_of(budi)[-1] == ("bronze", "2027-03-02")  # 3 March in Jakarta


def test_a_soft_landing_takes_one_tier_first_and_the_rest_at_the_next_review(shop, ani):
    policy(shop, review="yearly", window="calendar", down="full", soft_landing=True)
    buy(ani, "5000", day(2, 1))
    assert [tier_of(ani, day(2, 1, year)) for year in (2027, 2028, 2029)] == ["gold", "silver", "bronze"]


def test_reviews_that_were_missed_are_caught_up_oldest_first_and_a_repeat_does_nothing(shop, ani):
    policy(shop, review="yearly", window="calendar")
    buy(ani, "5000", day(2, 1))
    assert tier_of(ani, day(2, 1, 2030)) == "bronze"
    assert stays_of(ani)[1:] == [("gold", "2026-02-01"), ("silver", "2027-12-31"), ("bronze", "2028-12-31")]
    rows = TierStay.objects.count()
    assert review_tiers(shop, at=day(2, 2, 2030)).done == 0
    assert TierStay.objects.count() == rows


def test_a_purchase_meets_the_tier_that_its_review_left_whether_or_not_the_job_has_run(shop, ani):
    policy(shop, review="yearly", window="calendar")
    buy(ani, "1000", day(2, 1))
    recorded = buy(ani, "10", day(3, 1, 2028))
    assert recorded.purchase.tier.slug == "bronze"
    assert stays_of(ani)[-1] == ("bronze", "2027-12-31")


def test_a_purchase_that_comes_after_its_review_undoes_the_fall(shop, ani):
    policy(shop, review="yearly", window="calendar")
    buy(ani, "1000", day(2, 1))
    assert tier_of(ani, day(2, 1, 2028)) == "bronze"
    buy(ani, "1000", day(12, 1, 2027))
    assert tier_of(ani, day(2, 2, 2028)) == "silver"
    assert stays_of(ani) == [("bronze", "2026-01-01"), ("silver", "2026-02-01")]


def test_a_dry_run_counts_and_writes_nothing(shop, ani):
    policy(shop, review="yearly", window="calendar")
    buy(ani, "1000", day(2, 1))
    before = list(TierStay.objects.values())
    assert review_tiers(shop, at=day(2, 1, 2028), dry_run=True).found == 1
    assert list(TierStay.objects.values()) == before


@pytest.mark.parametrize("count", [1, 3])
def test_reviews_take_the_same_statements_for_any_number(shop, ani, budi, siti, count, django_assert_max_num_queries):
    policy(shop, review="yearly", window="calendar")
    for member in (ani, budi, siti)[:count]:
        buy(member, "1000", day(2, 1))
    review_tiers(shop, at=day(2, 2))
    with django_assert_max_num_queries(34):
        assert review_tiers(shop, at=day(2, 1, 2028)).done == count


def test_members_are_told_what_they_reached_what_is_at_risk_and_what_they_lost(shop, ani):
    policy(shop, review="yearly", window="calendar")
    buy(ani, "1000", day(2, 1))
    for at in (day(2, 2), day(1, 2, 2027)):
        review_tiers(shop, at=at)
    buy(ani, "400", day(2, 1, 2027))
    for at in (day(12, 10, 2027), day(12, 11, 2027), day(1, 2, 2028), day(1, 3, 2028)):
        review_tiers(shop, at=at)
    letters = list(Message.objects.filter(recipient=ani.number).order_by("id"))
    assert [letter.kind for letter in letters] == ["tier_up", "tier_kept", "tier_at_risk", "tier_down"]
    risk = next(letter for letter in letters if letter.kind == "tier_at_risk")
    assert (risk.context["missing"], risk.context["until"]) == ("600 points", "2027-12-31")
    subjects = [render(letter)[0] for letter in letters]
    assert subjects == ["Welcome to Silver", "You keep Silver", "600 points to keep Silver", "Your tier is Bronze now"]


def test_a_tier_given_by_hand_lasts_until_its_own_end_and_falls_to_what_was_reached(shop, ani):
    policy(shop, review="yearly", window="calendar")
    buy(ani, "1000", day(2, 1))
    gold = shop.tiers.get(slug="gold")
    terms = {"until": day(6, 1, 2027), "reason": "Apology", "reference": "g1", "at": day(3, 1), "actor": "staff:7"}
    made = granting.give(ani, gold, **terms)
    assert granting.give(ani, gold, **terms) == made
    assert tiers.standing(ani, at=day(3, 2)).held_until == day(6, 1, 2027)
    assert tier_of(ani, day(2, 1, 2027)) == "gold"
    assert tier_of(ani, day(6, 2, 2027)) == "silver"
    assert stays_of(ani)[1:] == [("silver", "2026-02-01"), ("gold", "2026-03-01"), ("silver", "2027-06-01")]


def test_a_given_tier_that_was_earned_meanwhile_stays(shop, ani):
    policy(shop, review="yearly", window="calendar")
    granting.give(
        ani,
        shop.tiers.get(slug="silver"),
        until=day(6, 1),
        reason="Match",
        reference="m",
        at=day(2, 1),
        actor="a",
        kind="matched",
    )
    buy(ani, "1000", day(3, 1))
    assert tier_of(ani, day(7, 1)) == "silver"
    assert tier_of(ani, day(7, 1, 2028)) == "bronze"


def test_a_given_tier_can_be_withdrawn(shop, ani):
    made = granting.give(
        ani, shop.tiers.get(slug="gold"), until=day(6, 1), reason="x", reference="m", at=day(2, 1), actor="a"
    )
    granting.withdraw(made, at=day(3, 1), actor="staff:1")
    granting.withdraw(made, at=day(4, 1), actor="staff:1")
    ani.refresh_from_db()
    assert ani.tier.slug == "bronze"
    assert tiers.tier_at(ani, day(2, 15)).slug == "gold"
    made.refresh_from_db()
    assert (made.until, made.withdrawn_by) == (day(3, 1), "staff:1")


@pytest.mark.parametrize(
    ("tier", "until", "reason"), [("bronze", day(6, 1), "x"), ("gold", day(1, 5), "x"), ("gold", day(6, 1), " ")]
)
def test_a_tier_below_or_without_end_or_reason_is_not_given(shop, ani, tier, until, reason):
    with pytest.raises(granting.TierNotGiven):
        granting.give(
            ani, shop.tiers.get(slug=tier), until=until, reason=reason, reference="r", at=day(2, 1), actor="a"
        )
    assert TierStay.objects.filter(member=ani).count() == 1
    assert ani.tier_grants.count() == 0


def test_a_late_purchase_leaves_a_tier_given_by_hand(shop, ani):
    granting.give(ani, shop.tiers.get(slug="gold"), until=day(6, 1), reason="x", reference="m", at=day(3, 1), actor="a")
    buy(ani, "1000", day(2, 1))
    assert tier_of(ani, day(4, 1)) == "gold"
    assert tier_of(ani, day(6, 2)) == "silver"


def test_the_standing_tells_what_is_missing_to_keep_and_by_when_and_the_tier_at_the_present_pace(shop, ani):
    policy(shop, review="yearly", window="calendar", grace_days=10)
    buy(ani, "1000", day(2, 1))
    buy(ani, "90", day(10, 1, 2027))
    stands = tiers.standing(ani, at=day(10, 2, 2027))
    assert (stands.keep, stands.keep_missing, stands.is_at_risk) == (Decimal(1000), Decimal(910), True)
    assert stands.review_at == datetime(2027, 12, 31, 17, tzinfo=UTC)
    assert stands.decided_at == stands.review_at + timedelta(days=10)
    assert stands.projected.slug == "bronze"  # a point a day, and 91 days left
    buy(ani, "800", day(10, 3, 2027))
    assert tiers.standing(ani, at=day(10, 4, 2027)).projected.slug == "silver"
