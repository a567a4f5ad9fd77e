"""The undo of an edit of the tiers: everybody stands as without it, or it is refused in words (DOMAIN 8.4, 12.4)."""

from datetime import timedelta

import pytest

from campaigns.tests.shop import buy, open_shop
from loyalty.common.errors import Refusal
from loyalty.jobs.changes import deciding, drafting
from members.models import Tier, TierPolicy, TierPolicyVersion
from members.testing import OPENING
from members.tests.changes import NOW, hired
from members.tests.test_tier_edits import edit, tier_of
from members.tiers import granting
from members.tiers.editing import terms_of
from members.tiers.reviewing import review_tiers

DAY = timedelta(days=1)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


@pytest.fixture
def rina():
    return hired("Rina")


def edited(shop, rina, *, at=NOW, **terms):
    drafted = edit(shop, by=rina, at=at, **terms)
    return deciding.submit(drafted, at=at, actor=rina)


def undo(change, rina, *, at):
    change.refresh_from_db()
    return drafting.draft_undo(change, reason="A mistake", at=at, actor=rina)


def test_who_was_lifted_by_the_edit_goes_back_and_who_earned_it_since_stays(shop, rina, ani, budi, siti):
    before = terms_of(shop)
    for member, amount in ((ani, "600"), (budi, "600"), (siti, "1200")):
        buy(member, amount, OPENING + DAY)
    change = edited(shop, rina, silver=500)
    assert [tier_of(member) for member in (ani, budi, siti)] == ["silver", "silver", "silver"]
    buy(budi, "400", NOW + DAY)  # 1,000 by now: silver without the edit, too
    drafted = undo(change, rina, at=NOW + 2 * DAY)
    lines = [(line.key, line.facts.get("after")) for line in drafted.lines.order_by("number")]
    assert lines == [("policy", None), (str(ani.pk), "bronze")]
    said = str(drafted.summary)
    assert "0 members go up, 1 goes down." in said
    assert "1 purchase since the edit keeps what it earned." in said
    deciding.submit(drafted, at=NOW + 2 * DAY, actor=rina)
    assert [tier_of(member) for member in (ani, budi, siti)] == ["bronze", "silver", "silver"]
    assert terms_of(shop) == before
    change.refresh_from_db()
    assert change.status == "undone"
    versions = TierPolicyVersion.objects.filter(program=shop).order_by("number")
    assert [one.terms.get("undoes") for one in versions] == [None, None, 2]


def test_who_was_lowered_at_once_is_lifted_again_at_once(shop, rina, ani):
    buy(ani, "1000", OPENING + DAY)
    change = edited(shop, rina, silver=2000, at_once=True)
    assert tier_of(ani) == "bronze"
    drafted = undo(change, rina, at=NOW + DAY)
    deciding.submit(drafted, at=NOW + DAY, actor=rina)
    assert tier_of(ani) == "silver"


def test_a_tier_given_since_stays_until_its_own_end(shop, rina, ani):
    buy(ani, "600", OPENING + DAY)
    change = edited(shop, rina, silver=500)
    gold = Tier.objects.get(program=shop, slug="gold")
    ani.refresh_from_db()
    granting.give(ani, gold, until=NOW + 90 * DAY, reason="VIP", reference="g", at=NOW + DAY, actor="t")
    drafted = undo(change, rina, at=NOW + 2 * DAY)
    assert "1 tier given or bought since stays until its own end." in str(drafted.summary)
    deciding.submit(drafted, at=NOW + 2 * DAY, actor=rina)
    assert tier_of(ani) == "gold"


def test_what_is_told_late_ends_as_if_it_had_been_known(shop, rina, ani, budi):
    """A purchase from before the undo, told after it: both end alike."""
    buy(ani, "600", OPENING + DAY)
    buy(budi, "600", OPENING + DAY)
    change = edited(shop, rina, silver=500)
    buy(ani, "400", NOW + DAY)
    deciding.submit(undo(change, rina, at=NOW + 2 * DAY), at=NOW + 2 * DAY, actor=rina)
    buy(budi, "400", NOW + DAY, recorded_at=NOW + 3 * DAY)
    assert [tier_of(member) for member in (ani, budi)] == ["silver", "silver"]
    stays = [list(one.tier_stays.exclude(until=NOW).order_by("since").values_list("tier__slug", "since")) for one in (ani, budi)]  # fmt: skip
    lasting = [[stay for stay in own if stay[1] < NOW + 2 * DAY] for own in stays]
    assert lasting[0] == lasting[1]


def test_an_edit_that_was_edited_again_or_reviewed_under_cannot_be_undone(shop, rina, ani):
    buy(ani, "600", OPENING + DAY)
    change = edited(shop, rina, silver=500)
    later = edited(shop, rina, silver=550, at=NOW + DAY)
    with pytest.raises(Refusal, match="edited again since"):
        undo(change, rina, at=NOW + 2 * DAY)
    deciding.submit(undo(later, rina, at=NOW + 2 * DAY), at=NOW + 2 * DAY, actor=rina)
    deciding.submit(undo(change, rina, at=NOW + 3 * DAY), at=NOW + 3 * DAY, actor=rina)
    assert tier_of(ani) == "bronze"


def test_an_edit_to_terms_that_a_newer_edit_came_back_to_cannot_be_undone(shop, rina, ani):
    buy(ani, "600", OPENING + DAY)
    change = edited(shop, rina, silver=500)
    edited(shop, rina, silver=550, at=NOW + DAY)
    newest = edited(shop, rina, silver=500, at=NOW + 2 * DAY)
    with pytest.raises(Refusal, match="edited again since"):
        undo(change, rina, at=NOW + 3 * DAY)
    deciding.submit(undo(newest, rina, at=NOW + 3 * DAY), at=NOW + 3 * DAY, actor=rina)
    assert terms_of(shop)["tiers"]["silver"][0] == "550.00"


def test_a_review_whose_days_of_grace_the_edit_met_is_not_passed_over(shop, rina, ani):
    due = NOW - 5 * DAY
    told = {"review": "yearly", "review_month": due.month, "review_day": due.day, "grace_days": 30}
    TierPolicy.objects.filter(program=shop).update(**told)
    buy(ani, "1000", OPENING + DAY)
    change = edited(shop, rina, silver=2000)
    with pytest.raises(Refusal, match="1 member would have been reviewed under the former tiers since"):
        undo(change, rina, at=NOW + DAY)


def test_a_review_decided_since_is_a_fact_that_no_undo_passes_over(shop, rina, ani):
    TierPolicy.objects.filter(program=shop).update(review="yearly", window="calendar")
    buy(ani, "600", OPENING + DAY)
    change = edited(shop, rina, silver=500)
    after = OPENING.replace(year=2027) + 10 * DAY
    review_tiers(shop, at=after)
    before = (tier_of(ani), TierPolicyVersion.objects.count())
    with pytest.raises(Refusal, match="1 member was reviewed under the edited tiers since"):
        undo(change, rina, at=after)
    assert (tier_of(ani), TierPolicyVersion.objects.count()) == before


def test_an_undo_dies_when_somebody_more_moves(shop, rina, ani, budi):
    buy(ani, "600", OPENING + DAY)
    change = edited(shop, rina, silver=500)
    drafted = undo(change, rina, at=NOW + DAY)
    buy(budi, "500", NOW + DAY)
    with pytest.raises(deciding.PreviewChanged):
        deciding.submit(drafted, at=NOW + 2 * DAY, actor=rina)
    assert [tier_of(member) for member in (ani, budi)] == ["silver", "silver"]
