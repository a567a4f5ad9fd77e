"""Tiers that come onto the ladder and leave it: through the preview of an edit, exactly as shown (DOMAIN 8.4)."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import rules
from campaigns.models import Rule
from campaigns.tests.games import card, start
from campaigns.tests.shop import buy, open_shop
from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting
from loyalty.tests.desk import staff_client
from members import tiers
from members.models import Tier, TierPolicy, TierStay
from members.segments.models import Segment
from members.testing import OPENING, make_program
from members.tests.changes import NOW, hired
from members.tests.test_tier_edits import edit, tier_of
from members.tiers import granting, rungs
from members.tiers.editing import terms_of
from rewards.models import Reward, RewardPrice

DAY = timedelta(days=1)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


@pytest.fixture
def rina():
    return hired("Rina")


def ruby(shop, threshold=700):
    return rungs.add(Tier(program=shop, slug="ruby", name="Ruby", threshold=threshold))


def without(shop, rina, slug, *, at=NOW, at_once=False):
    terms = terms_of(shop)
    del terms["tiers"][slug], terms["prices"][slug]
    parameters = {"terms": terms, "moves_down_at_once": at_once}
    return drafting.draft(shop, "tiers", parameters=parameters, reason="Fewer tiers", at=at, actor=rina)


def ladder_of(shop):
    rows = Tier.objects.filter(program=shop).order_by("rank").values_list("slug", "rank", "is_on_ladder")
    return [(slug, rank, on) for slug, rank, on in rows]


def test_a_new_tier_lifts_nobody_before_an_edit_brings_it_in_as_previewed_and_its_undo_takes_it_out(shop, rina, ani, budi, siti):  # fmt: skip
    for member, amount in ((ani, "800"), (siti, "1000")):
        buy(member, amount, OPENING + DAY)
    ruby(shop)
    assert ladder_of(shop) == [("bronze", 0, True), ("ruby", 1, False), ("silver", 2, True), ("gold", 3, True)]
    buy(budi, "700", OPENING + 2 * DAY)
    with pytest.raises(granting.TierNotGiven, match="not on the ladder"):
        granting.give(ani, shop.tiers.get(slug="ruby"), until=NOW + DAY, reason="x", reference="x", at=NOW, actor=rina)
    assert [tier_of(one) for one in (ani, budi, siti)] == ["bronze", "bronze", "silver"]
    change = edit(shop, by=rina, prices={"ruby": [None, 365]}, ruby=700)
    said = str(change.summary)
    assert "New on the ladder: Ruby." in said and "Ruby: 0 members now, 2 then." in said
    deciding.submit(change, at=NOW, actor=rina)
    assert [tier_of(one) for one in (ani, budi, siti)] == ["ruby", "ruby", "silver"]
    buy(budi, "50", OPENING + 3 * DAY, recorded_at=NOW + DAY)  # late, from before there was a ruby
    assert tiers.tier_at(budi, NOW - DAY).slug == "bronze"
    assert TierStay.objects.get(member=budi, until=None).since == NOW
    change.refresh_from_db()
    deciding.submit(drafting.draft_undo(change, reason="A mistake", at=NOW + DAY, actor=rina), at=NOW + DAY, actor=rina)
    assert [tier_of(one) for one in (ani, budi, siti)] == ["bronze", "bronze", "silver"]
    assert not shop.tiers.get(slug="ruby").is_on_ladder


def test_who_is_in_a_tier_that_leaves_goes_to_the_one_below_or_to_one_that_is_reached(shop, rina, ani, budi):
    buy(ani, "1500", OPENING + DAY)
    buy(budi, "5000", OPENING + DAY)
    change = without(shop, rina, "silver")
    assert "Silver leaves the ladder." in str(change.summary) and "Silver: 1 member now, 0 then." in str(change.summary)
    deciding.submit(change, at=NOW, actor=rina)
    assert [tier_of(one) for one in (ani, budi)] == ["bronze", "gold"]
    buy(ani, "200", NOW + DAY)
    buy(
        ani, "100", OPENING + 2 * DAY, recorded_at=NOW + 2 * DAY
    )  # what is told late is judged by the ladder of its day
    assert [tiers.tier_at(ani, at).slug for at in (OPENING + 2 * DAY, NOW, NOW + DAY)] == ["silver", "bronze", "bronze"]
    assert tiers.standing(ani, at=NOW + 2 * DAY).next_tier.slug == "gold"
    change.refresh_from_db()
    back = drafting.draft_undo(change, reason="A mistake", at=NOW + 3 * DAY, actor=rina)
    deciding.submit(back, at=NOW + 3 * DAY, actor=rina)
    assert [tier_of(one) for one in (ani, budi)] == ["silver", "gold"]


def test_a_tier_that_was_given_until_later_does_not_leave(shop, rina, ani):
    silver = shop.tiers.get(slug="silver")
    granting.give(ani, silver, until=NOW + DAY, reason="Apology", reference="a", at=NOW, actor=rina)
    with pytest.raises(rungs.TierHeldByHand, match="1 member to whom Silver was given or sold holds it"):
        without(shop, rina, "silver")
    assert tier_of(ani) == "silver"
    later = without(shop, rina, "silver", at=NOW + DAY)
    deciding.submit(later, at=NOW + DAY, actor=rina)
    assert tier_of(ani) == "bronze"


def test_a_new_tier_has_a_place_of_its_own(shop):
    before = ladder_of(shop)
    for told in (
        {"slug": "gold", "threshold": 7},
        {"slug": "ruby", "threshold": 1000},
        {"slug": "ruby", "threshold": 0},
    ):
        with pytest.raises(Refusal):
            rungs.add(Tier(program=shop, name="Ruby", **told))
    assert ladder_of(shop) == before


def test_the_desk_adds_a_tier_beside_the_ladder_and_leads_to_the_preview(shop, ani):
    desk = staff_client(roles.ADMINISTRATOR)
    told = {"program": shop.pk, "slug": "ruby", "name": "Ruby", "threshold": "1000", "lasts_days": "365", "early_access_days": "0"}  # fmt: skip
    page = desk.post(reverse("admin:members_tier_add"), told)
    assert "Another tier has this threshold" in page.content.decode()
    assert desk.post(reverse("admin:members_tier_add"), told | {"threshold": "700"}).status_code == 302
    made = Tier.objects.get(slug="ruby")
    assert (made.is_on_ladder, made.rank) == (False, 1)
    page = desk.get(reverse("admin:members_tier_change", args=[made.pk])).content.decode()
    assert f"?program={shop.pk}&amp;on_ruby=on" in page
    silver = shop.tiers.get(slug="silver")
    assert desk.post(reverse("admin:members_tier_delete", args=[silver.pk]), {"post": "yes"}).status_code == 403
    assert desk.post(reverse("admin:members_tier_delete", args=[made.pk]), {"post": "yes"}).status_code == 302
    assert [slug for slug, _rank, _on in ladder_of(shop)] == ["bronze", "silver", "gold"]
    TierPolicy.objects.filter(program=shop).delete()
    policy = {"program": shop.pk, "metric": "spend", "window": "rolling", "months": "12", "review": "never", "review_months": "12", "review_month": "1", "review_day": "1", "down": "one", "grace_days": "0", "warn_days": "30"}  # fmt: skip
    page = desk.post(reverse("admin:members_tierpolicy_add"), policy).content.decode()
    assert "Members could move by it." in page and not TierPolicy.objects.filter(program=shop).exists()


def test_a_link_names_the_program_whose_tiers_are_edited(shop, ani):
    other = make_program("teh")
    Tier.objects.filter(program=other, slug="gold").update(name="Zamrud")
    desk = staff_client(roles.ADMINISTRATOR)
    page = reverse("admin:jobs_change_new", args=["tiers"])
    assert "Zamrud" not in desk.get(page).content.decode()
    assert "Zamrud" in desk.get(f"{page}?program={other.pk}").content.decode()


def test_the_preview_lists_what_still_names_a_tier_that_leaves(shop, rina, ani):
    silver, gold = (shop.tiers.get(slug=slug) for slug in ("silver", "gold"))
    told = {"program": shop, "created_at": NOW, "created_by": "test"}
    inside = {"all": [{"about": "tier", "is": ["silver", "gold"]}]}
    Segment.objects.create(slug="upper", name="Upper", definition=inside, **told)
    Segment.objects.create(slug="old", name="Old", definition=inside, archived_at=NOW, **told)
    Segment.objects.create(slug="golden", name="Golden", definition={"all": [{"about": "tier", "is": ["gold"]}]}, **told)  # fmt: skip
    wallet = shop.wallets.get(is_main=True)
    mug = {"program": shop, "wallet": wallet, "cost": 100}
    Reward.objects.create(slug="mug", name="Mug", minimum_tier=silver, **mug)
    Reward.objects.create(slug="cup", name="Cup", minimum_tier=silver, is_active=False, **mug)
    priced = Reward.objects.create(slug="bag", name="Bag", **mug)
    for cost, tier in ((90, silver), (80, gold)):
        RewardPrice.objects.create(reward=priced, tier=tier, cost=cost)
    rule = Rule.objects.create(program=shop, slug="double", name="Double")
    double = {"award": {"kind": "multiplier", "factor": "2", "by_tier": {"silver": "3"}}}
    rules.publish(rule, double, since=NOW, at=NOW, actor="test")
    dropped = Rule.objects.create(program=shop, slug="dropped", name="Dropped")
    only = {"award": {"kind": "multiplier", "factor": "2"}, "conditions": {"tiers": ["silver"]}}
    rules.publish(dropped, only, since=NOW, at=NOW, actor="test")
    rules.publish(dropped, {"award": only["award"]}, since=NOW + DAY, at=NOW, actor="test")
    start(shop, "stamps", card("3", conditions={"activity": "purchase", "tiers": ["silver"]}), at=NOW)
    start(shop, "others", card("3", conditions={"activity": "purchase", "tiers": ["gold"]}), at=NOW)
    said = without(shop, rina, "silver").summary["warnings"]
    assert "Still named by Segment: Upper; Reward: Mug; Reward: Bag; Rule: Double; Challenge: Stamps. Nobody reaches Silver any more: change these, too." in said  # fmt: skip
