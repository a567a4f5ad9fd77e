"""Rewards that are kept for a segment: its members see and get them, others do not."""

from datetime import timedelta

import pytest

from members.segments import membership, saving
from members.segments.testing import all_of, make_segment
from members.segments.uses import uses_of
from members.testing import OPENING, give_points, points_of
from rewards import catalogue, redemption
from rewards.eligibility import NotForMember
from rewards.models import Redemption
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOON = OPENING + timedelta(days=3)


@pytest.fixture
def gift(program, ani, budi):
    """A reward for who reads English, which is ani."""
    for member in (ani, budi):
        give_points(member, 100)
    reward = make_reward(program, cost=10)
    reward.segment = make_segment(program, "english", all_of({"about": "language", "is": ["en"]}), at=NOON)
    reward.save()
    return reward


def test_only_members_of_the_segment_see_it(gift, ani, budi):
    assert [offer.can_redeem for offer in catalogue.offers(ani, at=NOON)] == [True]
    assert catalogue.offers(budi, at=NOON) == []
    assert isinstance(catalogue.offer(budi, gift, at=NOON).refusal, NotForMember)


def test_only_members_of_the_segment_get_it(gift, ani, budi):
    redemption.redeem(ani, gift, at=NOON, reference="a", source="test", actor="test")
    with pytest.raises(NotForMember):
        redemption.redeem(budi, gift, at=NOON, reference="b", source="test", actor="test")
    assert Redemption.objects.count() == 1
    assert (points_of(ani, at=NOON), points_of(budi, at=NOON)) == (90, 100)


def test_it_goes_by_the_membership_of_the_moment(gift, ani):
    ani.language = "id"
    ani.save()
    membership.refresh(gift.segment, at=NOON + timedelta(days=1))
    with pytest.raises(NotForMember):
        redemption.redeem(ani, gift, at=NOON + timedelta(days=1), reference="a", source="test", actor="test")
    assert points_of(ani, at=NOON + timedelta(days=1)) == 100


def test_the_catalogue_asks_once_for_all_rewards_and_not_at_all_without_such(
    program, gift, ani, django_assert_num_queries
):
    with django_assert_num_queries(5):
        catalogue.offers(ani, at=NOON)
    for _number in range(4):
        other = make_reward(program, cost=10, slug=f"gift-{_number}")
        other.segment = gift.segment
        other.save()
    with django_assert_num_queries(5):
        assert len(catalogue.offers(ani, at=NOON)) == 5
    type(gift).objects.update(segment=None)
    with django_assert_num_queries(4):
        catalogue.offers(ani, at=NOON)


def test_a_segment_that_a_price_is_made_for_stays(program, gift):
    cheap = make_segment(program, "cheap", all_of({"about": "language", "is": ["id"]}), at=NOON)
    gift.prices.create(cost=5, segment=cheap)
    gift.prices.create(cost=4, segment=cheap)
    assert [(use.title, use.counts) for use in uses_of(cheap)] == [(f"Reward: {gift}", True)]
    with pytest.raises(saving.SegmentInUse):
        saving.archive(cheap, at=NOON, actor="test")


def test_a_segment_that_a_reward_is_kept_for_stays(gift):
    assert [(use.title.startswith("Reward: "), use.counts) for use in uses_of(gift.segment)] == [(True, True)]
    for deed in (saving.archive, saving.delete):
        with pytest.raises(saving.SegmentInUse):
            deed(gift.segment, at=NOON, actor="test")
    gift.segment.refresh_from_db()
    assert gift.segment.archived_at is None
