"""Many tills at once: every entry of an instant win has a number of its own, and exactly every nth wins."""

import pytest

from campaigns.models import Challenge, ChallengeEntry, ChallengeProgress, Prize
from campaigns.tests.games import card, start
from campaigns.tests.shop import buy, open_shop
from loyalty.tests.racing import on_postgresql, race
from members.testing import OPENING, make_member, make_program, points_of
from rewards.models import Redemption
from rewards.testing import make_reward

pytestmark = on_postgresql


@pytest.fixture
def shop(db):
    return open_shop(make_program())


def test_of_twelve_entries_at_once_exactly_every_third_wins(shop):
    start(shop, "wheel", card("3"), kind="instant")
    people = [make_member(shop, f"M{number}") for number in range(12)]
    done, refused = race(*[lambda member=member: buy(member, "10", OPENING) for member in people])
    assert (len(done), refused) == (12, [])
    numbers = list(ChallengeEntry.objects.order_by("number").values_list("number", "is_win"))
    assert numbers == [(number, number % 3 == 0) for number in range(1, 13)]
    assert Challenge.objects.get().entries == 12
    assert sum(points_of(member, at=OPENING) for member in people) == 12 * 10 + 4 * 50


def test_two_tills_that_fill_one_card_at_once_give_one_prize(shop):
    start(shop, "stamps", card("2", repeats=False))
    ani = make_member(shop, "Ani")
    race(*[lambda number=number: buy(ani, "10", OPENING, receipt=f"R{number}") for number in range(6)])
    assert Prize.objects.count() == 1
    assert (int(ChallengeProgress.objects.get().total), points_of(ani, at=OPENING)) == (6, 110)


def test_the_last_voucher_is_won_once_and_the_others_are_owed(shop):
    make_reward(shop, stock=1)
    start(shop, "wheel", card("1", prize={"reward": "latte"}), kind="instant")
    start(shop, "stamps", card("1", prize={"reward": "latte"}))
    people = [make_member(shop, f"M{number}") for number in range(5)]
    race(*[lambda member=member: buy(member, "10", OPENING) for member in people])
    assert Redemption.objects.count() == 1
    assert Prize.objects.filter(owed="out_of_stock").count() == 9
