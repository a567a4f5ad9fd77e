"""Edits of thresholds and policy: previewed with who moves, and applied exactly so or not at all."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import tier_worth
from campaigns.models import Rule
from campaigns.tests.shop import buy, give_back, open_shop
from loyalty.jobs.changes import deciding, drafting
from members import tiers
from members.models import TierPolicyVersion, TierStay
from members.testing import OPENING
from members.tests.changes import NOW, hired, limited
from members.tiers.editing import terms_of
from members.tiers.editing_form import TiersForm

NEXT = NOW + timedelta(days=1)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


def edit(shop, *, by, at=NOW, at_once=False, factors=(), gifts=(), prices=(), **thresholds):
    terms = terms_of(shop)
    terms["prices"] |= dict(prices)
    for name, told in (("factor", factors), ("gift", gifts)):
        for slug, value in dict(told).items():
            terms["benefits"][slug][name] = value
    for slug, least in thresholds.items():
        terms["tiers"][slug] = [f"{least}.00", None]
    parameters = {"terms": terms, "moves_down_at_once": at_once}
    return drafting.draft(shop, "tiers", parameters=parameters, reason="New year", at=at, actor=by)


def tier_of(member):
    member.refresh_from_db()
    return member.tier.slug


def test_a_lower_threshold_lifts_exactly_those_who_were_previewed(shop, ani, budi):
    buy(ani, "600", OPENING + timedelta(days=1))
    drafted = edit(shop, by=hired("Rina"), silver=500)
    lines = [(line.key, line.facts.get("after")) for line in drafted.lines.order_by("number")]
    assert lines == [("policy", None), (str(ani.pk), "silver")]
    assert "1 member goes up, 0 go down." in str(drafted.summary)
    assert tier_of(ani) == "bronze"
    deciding.submit(drafted, at=NEXT, actor=drafted.asked_by)
    assert (tier_of(ani), tier_of(budi)) == ("silver", "bronze")
    assert [version.number for version in TierPolicyVersion.objects.filter(program=shop)] == [2, 1]
    assert tiers.tier_at(ani, NOW).slug == "bronze"


def test_a_higher_threshold_moves_nobody_down_before_the_review_unless_it_is_asked_for(shop, ani):
    buy(ani, "1000", OPENING + timedelta(days=1))
    rina = hired("Rina")
    deciding.submit(edit(shop, by=rina, silver=2000), at=NEXT, actor=rina)
    assert tier_of(ani) == "silver"
    drafted = edit(shop, by=rina, at=NEXT, at_once=True, silver=2500)
    deciding.submit(drafted, at=NEXT + timedelta(days=1), actor=rina)
    assert tier_of(ani) == "bronze"


def test_an_edit_whose_movers_changed_meanwhile_is_not_applied_at_all(shop, ani, budi):
    buy(ani, "600", OPENING + timedelta(days=1))
    limited(shop, bulk_members=0)
    rina, dewi = hired("Rina"), hired("Dewi")
    drafted = edit(shop, by=rina, silver=500)
    deciding.submit(drafted, at=NOW, actor=rina)
    buy(budi, "700", NOW + timedelta(hours=1))
    stays = TierStay.objects.count()
    deciding.approve(drafted, at=NEXT, actor=dewi)
    drafted.refresh_from_db()
    assert drafted.status == "stale"
    assert (tier_of(ani), tier_of(budi), TierStay.objects.count()) == ("bronze", "bronze", stays)
    assert shop.tiers.get(slug="silver").threshold == 1000


def test_a_purchase_that_comes_late_from_before_the_edit_counts_from_the_edit_on(shop, ani):
    rina = hired("Rina")
    deciding.submit(edit(shop, by=rina, silver=500), at=NEXT, actor=rina)
    buy(ani, "600", OPENING + timedelta(days=1), recorded_at=NEXT + timedelta(days=1))
    assert tier_of(ani) == "silver"
    assert TierStay.objects.get(member=ani, until=None).since == NEXT


def test_an_edit_that_changes_nothing_is_refused(shop):
    with pytest.raises(Exception, match="Nothing would change"):
        edit(shop, by=hired("Rina"))
    assert TierPolicyVersion.objects.count() == 0


def test_the_form_asks_for_rising_thresholds(shop):
    form = TiersForm(program=shop, at=NOW)
    told = {name: field.initial for name, field in form.fields.items() if field.initial is not None} | {"reason": "x"}
    assert TiersForm(told, program=shop, at=NOW).is_valid()
    wrong = TiersForm(told | {"from_gold": "900"}, program=shop, at=NOW)
    assert not wrong.is_valid() and "from_gold" in wrong.errors


def test_a_preview_of_another_multiplier_tells_points_money_and_liability(shop, ani, budi):
    buy(ani, "1200", OPENING + timedelta(days=1))
    buy(ani, "300", OPENING + timedelta(days=2))
    buy(budi, "900", OPENING + timedelta(days=1))
    rules_before = Rule.objects.count()
    drafted = edit(shop, by=hired("Rina"), factors={"silver": "1.5"})
    said = drafted.summary["warnings"]
    # 1,500 points of a silver member once more by half, at Rp 100 each; 2,400 points are outstanding.
    assert "Over the last 12 months members would have earned 750 points more, worth Rp75,000." in said
    assert "Liability now: Rp240,000. After such a year: Rp315,000." in said
    assert drafted.summary["worth"] == {"points": 750, "gifts": 0, "purchases": 2, "every": 1}
    assert Rule.objects.count() == rules_before


def test_the_worth_of_an_edit_is_that_of_its_moves_too_less_what_came_back(shop, ani, budi):
    rina = hired("Rina")
    deciding.submit(edit(shop, by=rina, factors={"silver": "2"}), at=NOW, actor=rina)
    bought = buy(ani, "600", NOW + timedelta(days=1)).purchase
    give_back(bought, NOW + timedelta(days=2), "100")
    buy(budi, "400", NOW + timedelta(days=1))
    drafted = edit(shop, by=rina, at=NOW + timedelta(days=3), silver=450)
    # Ani keeps 500 of 600 and moves to silver, where they earn twice.
    assert drafted.summary["worth"]["points"] == 500
    assert drafted.summary["worth"]["purchases"] == 1


def test_an_edited_multiplier_counts_from_the_edit_on_and_is_refunded_under_its_version(shop, ani):
    buy(ani, "1000", OPENING + timedelta(days=1))
    rina = hired("Rina")
    deciding.submit(edit(shop, by=rina, factors={"silver": "1.5"}), at=NEXT, actor=rina)
    assert buy(ani, "100", NEXT - timedelta(hours=1), recorded_at=NEXT + timedelta(hours=1)).purchase.points == 100
    bought = buy(ani, "100", NEXT + timedelta(days=1)).purchase
    assert (bought.points, bought.qualifying_points) == (150, 100)
    deciding.submit(edit(shop, by=rina, at=NEXT + timedelta(days=2), factors={"silver": "3"}), at=NEXT + timedelta(days=2), actor=rina)  # fmt: skip
    back = give_back(bought, NEXT + timedelta(days=3), "50")
    assert back.refund.points == 75
    assert [version.terms["benefits"]["silver"]["factor"] for version in shop.tier_policy_versions.order_by("number")] == ["1", "1.5", "3"]  # fmt: skip


def test_points_of_a_year_above_the_limit_wait_for_a_second_person(shop, ani):
    buy(ani, "1000", OPENING + timedelta(days=1))
    limited(shop, bulk_members=100, bulk_points=499)
    rina, dewi = hired("Rina"), hired("Dewi")
    drafted = edit(shop, by=rina, factors={"silver": "1.5"})
    deciding.submit(drafted, at=NOW, actor=rina)
    assert drafted.status == "waiting"
    assert not Rule.objects.filter(slug="tier-multiplier").exists()
    deciding.approve(drafted, at=NEXT, actor=dewi)
    assert buy(ani, "100", NEXT + timedelta(days=1)).purchase.points == 150


def test_an_edit_dies_when_another_one_came_between(shop, ani):
    buy(ani, "1000", OPENING + timedelta(days=1))
    rina = hired("Rina")
    first, second = (edit(shop, by=rina, factors={"silver": factor}) for factor in ("1.5", "2"))
    deciding.submit(first, at=NEXT, actor=rina)
    with pytest.raises(deciding.PreviewChanged):
        deciding.submit(second, at=NEXT, actor=rina)
    assert terms_of(shop)["benefits"]["silver"]["factor"] == "1.5"


def test_birthday_points_are_worth_what_a_year_of_birthdays_gives(shop, ani, budi):
    buy(ani, "1000", OPENING + timedelta(days=1))
    type(ani).objects.filter(pk__in=[ani.pk, budi.pk]).update(birthday="1990-05-06")
    drafted = edit(shop, by=hired("Rina"), gifts={"bronze": 20, "silver": 50})
    assert drafted.summary["worth"]["gifts"] == 70
    moving = edit(shop, by=hired("Dewi"), gifts={"bronze": 20, "silver": 50}, at_once=True, silver=1001, gold=5000)
    assert moving.summary["worth"]["gifts"] == 40


def test_many_purchases_are_estimated_from_a_part_of_the_members(shop, ani, budi, monkeypatch):
    for member in (ani, budi):
        buy(member, "1000", OPENING + timedelta(days=1))
    monkeypatch.setattr(tier_worth, "MOST", 1)
    drafted = edit(shop, by=hired("Rina"), factors={"silver": "1.5"})
    assert drafted.summary["worth"] == {"points": 1000, "gifts": 0, "purchases": 2, "every": 2}
    assert "Estimated from one member in 2." in drafted.summary["warnings"]


def test_the_worth_takes_as_many_queries_for_many_members_as_for_one(shop, ani, budi, django_assert_num_queries):
    buy(ani, "1000", OPENING + timedelta(days=1))
    moves, told = {}, terms_of(shop)["benefits"] | {"silver": {"factor": "2", "gift": 0}}
    with CaptureQueriesContext(connection) as one:
        tier_worth.worth_of(shop, moves, told, at=NOW)
    buy(budi, "1000", OPENING + timedelta(days=1))
    buy(budi, "30", OPENING + timedelta(days=2))
    with django_assert_num_queries(len(one)):
        tier_worth.worth_of(shop, moves, told, at=NOW)
