"""Rewards that are given as prizes: a voucher like any other, and no points move."""

import pytest

from members.testing import OPENING, give_points, points_of
from rewards import granting, redemption, vouchers
from rewards.eligibility import OutOfStock
from rewards.models import Redemption
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db


def test_a_given_reward_costs_nothing_and_its_voucher_is_used_at_the_till(program, ani, proven_books):
    give_points(ani, 40)
    latte = make_reward(program, stock=1, is_active=False)
    given = granting.grant(ani, latte, at=OPENING, reference="prize:1", actor="test")
    assert (given.cost, given.entry, given.status, points_of(ani, at=OPENING)) == (0, None, "issued", 40)
    assert granting.grant(ani, latte, at=OPENING, reference="prize:1", actor="test") == given
    latte.refresh_from_db()
    assert latte.taken == 1
    used = vouchers.use(given.voucher, at=OPENING, till="1", receipt="R1", actor="test")
    assert used.redemption.status == "used"


def test_what_is_not_there_cannot_be_given(program, ani):
    latte = make_reward(program, stock=0)
    with pytest.raises(OutOfStock):
        granting.grant(ani, latte, at=OPENING, reference="prize:1", actor="test")
    assert not Redemption.objects.exists()


def test_taking_a_given_reward_back_gives_no_points_and_frees_the_stock(program, ani, proven_books):
    latte = make_reward(program, stock=1)
    given = granting.grant(ani, latte, at=OPENING, reference="prize:1", actor="test")
    ended = redemption.cancel(given, at=OPENING, actor="test", by_member=False)
    latte.refresh_from_db()
    assert (ended.status, ended.reversal, latte.taken, points_of(ani, at=OPENING)) == ("cancelled", None, 0, 0)
