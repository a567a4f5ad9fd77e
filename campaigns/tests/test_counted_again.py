"""What comes late counts in its turn: counted purchases, caps and budgets end as if all had come in order (DOMAIN 2.5, 3.4, 6.3).

Counts and caps are each member's own, and any order of arrival ends in the same state. A budget is shared: what others were given
stands, and it is never overspent; a member's own purchases share what they had and what is left in the order they happened.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from campaigns.models import RuleUse
from campaigns.return_words import words_of
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop
from campaigns.tests.test_any_order import END, FIRST, facts_of, histories, seen, tell
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Entry
from loyalty.tests import lock_order
from members.models import Purchase
from members.testing import make_member, make_program, points_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NOW + 20 * DAY
GIFT = {"award": {"kind": "fixed", "points": "100"}}
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}}
COUNTED = {
    "third": GIFT | {"conditions": {"every_nth": 3}},
    "monthly": {"award": {"kind": "fixed", "points": "30"}, "conditions": {"first_in": "month"}},
    "second": {"award": {"kind": "fixed", "points": "70"}, "conditions": {"nth": 2}},
    "often": DOUBLE | {"conditions": {"frequency": {"count": 2, "days": 30}}, "caps": {"month": "150"}},
    "capped": {"award": {"kind": "multiplier", "factor": "1.5"}, "caps": {"year": "400", "purchase": "120"}},
    "all-or-none": {"award": {"kind": "fixed", "points": "45"}, "caps": {"month": "60", "refuse": True}},
    "tiers": {"award": {"kind": "multiplier", "by_tier": {"silver": "1.5", "gold": "3"}, "qualifying": True}},
}


@pytest.fixture
def shop(program):
    return open_shop(program)


def campaign_of(program, definition, slug="season", **more):
    campaign = add_campaign(program, slug, FIRST - 30 * DAY, END + 30 * DAY, **more)
    add_rule(program, slug, definition, campaign=campaign)
    return campaign


def earned(member):
    return list(Purchase.objects.filter(member=member).order_by("occurred_at").values_list("points", flat=True))


def spent(campaign):
    campaign.refresh_from_db()
    return campaign.spent_points


def used(member):
    """What each activity takes of each rule, net of what came back."""
    uses = RuleUse.objects.filter(member=member).select_related("rule")
    cut = len(str(member.pk))
    found = Counter()
    for use in uses:
        found[use.rule.slug, use.reference.rsplit(":", 1)[1][cut:]] = use.points - use.points_back
    return {key: points for key, points in found.items() if points}


@pytest.mark.usefixtures("proven_books")
def test_a_purchase_told_late_makes_the_third_the_fourth(shop, ani):
    add_rule(shop, "third", COUNTED["third"])
    for days in (1, 2, 3, 4):
        buy(ani, "10", NOW + days * DAY)
    assert earned(ani) == [10, 10, 110, 10]
    buy(ani, "10", NOW, recorded_at=NOW + 9 * DAY)
    assert earned(ani) == [10, 10, 110, 10, 10]
    assert points_of(ani, at=LATER) == 150


@pytest.mark.usefixtures("proven_books")
def test_a_cap_of_the_month_is_taken_in_the_order_things_happened(shop, ani):
    add_rule(shop, "double", DOUBLE | {"caps": {"month": "25"}})
    buy(ani, "20", NOW + DAY)
    buy(ani, "20", NOW + 2 * DAY)
    assert earned(ani) == [40, 25]
    buy(ani, "15", NOW, recorded_at=NOW + 9 * DAY)
    assert earned(ani) == [30, 30, 20]
    assert list(RuleUse.objects.order_by("occurred_at").values_list("points", flat=True)) == [15, 10, 0]
    assert points_of(ani, at=LATER) == 80


@pytest.mark.usefixtures("proven_books")
def test_goods_that_came_back_late_leave_room_under_the_cap_for_what_was_bought_after(shop, ani):
    add_rule(shop, "double", DOUBLE | {"caps": {"month": "25"}})
    first = buy(ani, "20", NOW).purchase
    buy(ani, "20", NOW + 2 * DAY)
    assert earned(ani) == [40, 25]
    give_back(first, NOW + DAY, "20", recorded_at=NOW + 9 * DAY)
    assert earned(ani) == [40, 40]
    assert points_of(ani, at=LATER) == 40


@pytest.mark.usefixtures("proven_books")
def test_a_gift_lost_to_a_late_purchase_is_explained_where_it_is_taken_back(shop, ani):
    add_rule(shop, "first", {"award": {"kind": "fixed", "points": "30"}, "conditions": {"first_in": "month"}})
    buy(ani, "10", NOW + DAY)
    buy(ani, "10", NOW, recorded_at=NOW + 9 * DAY)
    assert earned(ani) == [40, 10]
    taken = Entry.objects.get(account__member_account__member=ani, kind=Entry.Kind.CLAW_BACK)
    assert taken.amount == -30
    assert taken.explanation["settled_again"]["award"]["points"] == 10
    assert words_of(taken.explanation) == (
        f"Something that came before purchase {ani.pk}-20260307050000-10 was reported late. With it the purchase earns 10 points instead of 40."
    )


@pytest.mark.usefixtures("proven_books")
def test_of_a_shared_budget_others_keep_what_they_were_given(shop, ani, budi):
    campaign = campaign_of(shop, GIFT, budget_points=150)
    buy(ani, "10", NOW + DAY)
    buy(budi, "10", NOW + 2 * DAY)
    assert (earned(ani), earned(budi)) == ([110], [60])
    buy(ani, "10", NOW, recorded_at=NOW + 9 * DAY)
    assert (earned(ani), earned(budi)) == ([110, 10], [60])
    assert spent(campaign) == 150


@pytest.mark.usefixtures("proven_books")
def test_what_comes_back_late_is_free_for_the_members_own_later_purchases_and_then_for_all(shop, ani, budi):
    campaign = campaign_of(shop, GIFT, budget_points=150)
    first = buy(ani, "10", NOW).purchase
    buy(ani, "10", NOW + 2 * DAY)
    assert earned(ani) == [110, 60]
    give_back(first, NOW + DAY, "10", recorded_at=NOW + 9 * DAY)
    assert earned(ani) == [110, 110]
    assert spent(campaign) == 100
    assert buy(budi, "10", NOW + 10 * DAY).points == 60
    assert spent(campaign) == 150


QUICK = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
THOROUGH = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def check(history, chosen) -> None:
    """Tell a history in order to one member and shuffled to another, under rules that count, and compare."""
    sold, returned, chance, window, strategy, *_review = history
    with transaction.atomic():
        program = open_shop(make_program("hitung", expiry="never"))
        for slug in sorted(chosen):
            add_rule(program, slug, COUNTED[slug])
        own = [campaign_of(program, GIFT, slug, budget_points=250) for slug in ("one", "two")]
        for campaign, member_only in zip(own, ("en", "id"), strict=True):
            rule = campaign.rules.get()
            version = rule.versions.get()
            version.definition = version.definition | {"conditions": {"languages": [member_only]}}
            version.save()
        program.returns = strategy
        program.save()
        program.tier_policy.window = window
        program.tier_policy.save()
        ani, budi = (make_member(program, name, at=FIRST - DAY) for name in ("Ani", "Budi"))
        for member, language in ((ani, "en"), (budi, "id")):
            member.language = language
            member.save()
        facts = facts_of(sold, returned)
        for fact in facts:
            tell(program, ani, fact)
        shuffled = list(facts)
        chance.shuffle(shuffled)
        for fact in shuffled:
            tell(program, budi, fact)
        assert seen(budi) == seen(ani)
        assert Counter(dict(named(used(budi)))) == Counter(dict(named(used(ani))))
        assert spent(own[0]) == spent(own[1])
        assert list(verify(program)) == []
        transaction.set_rollback(True)
    lock_order.broken()  # two members told one after the other in one transaction: only here, and rolled back


def named(uses):
    """The uses, with the two budgets under one name."""
    return [
        (("budget" if slug in ("one", "two") else slug, receipt), points) for (slug, receipt), points in uses.items()
    ]


some_rules = some.sets(some.sampled_from(sorted(COUNTED)), min_size=1, max_size=4)


@QUICK
@given(histories, some_rules)
def test_counted_purchases_and_caps_end_the_same_in_any_order_of_arrival(history, chosen):
    check(history, chosen)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@THOROUGH
@given(histories, some_rules)
def test_counted_purchases_and_caps_end_the_same_in_any_order_of_arrival_many_times(history, chosen):
    check(history, chosen)
