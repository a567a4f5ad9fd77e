"""The arithmetic of chance, by hand-made examples and by counting."""

import hashlib
import hmac
from collections import Counter

import pytest

from rewards.draws.fair import Entry, digest_of, drawn, in_order, list_digest, new_seed, weighted, winners

SEED = "5e" * 32
CROWD = [Entry(number, f"h{number}") for number in range(1, 101)]


def by_hand(entries):
    """The order, written a second time in the plainest way."""
    lines = "".join(f"{one.number} {one.holder}\n" for one in entries)
    told = hashlib.sha256(lines.encode()).hexdigest()
    ranks = {
        hmac.new(SEED.encode(), f"{told} {one.number}".encode(), hashlib.sha256).hexdigest(): one.number
        for one in entries
    }
    return [ranks[key] for key in sorted(ranks)]


def test_a_seed_is_new_each_time_and_its_digest_is_sha_256():
    assert len(new_seed()) == 64
    assert new_seed() != new_seed()
    assert digest_of("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def test_the_order_is_the_one_computed_by_hand_and_does_not_depend_on_how_the_list_comes():
    assert [one.number for one in in_order(SEED, CROWD)] == by_hand(CROWD)
    assert winners(SEED, reversed(CROWD), 5) == by_hand(CROWD)[:5]
    assert list_digest(CROWD) == list_digest(reversed(CROWD))


def test_one_entry_more_or_another_seed_draws_anew():
    first = winners(SEED, CROWD, 10)
    assert winners(SEED, [*CROWD, Entry(101, "late")], 10) != first
    assert winners("00" * 32, CROWD, 10) != first


def test_a_holder_wins_once_however_many_entries():
    entries = [Entry(number, f"h{number % 3}") for number in range(1, 61)]
    holders = {one.number: one.holder for one in entries}
    won = winners(SEED, entries, 10)
    assert len(won) == 3 == len({holders[number] for number in won})


def test_a_place_that_is_passed_on_goes_to_the_next_and_the_others_stay():
    order = by_hand(CROWD)
    assert winners(SEED, CROWD, 3, passed=[order[1]]) == [order[0], order[3], order[2]]
    assert winners(SEED, CROWD, 3, passed=[order[1], order[3]]) == [order[0], order[4], order[2]]


def test_a_place_nobody_is_left_for_stays_empty():
    pair = CROWD[:2]
    order = [one.number for one in in_order(SEED, pair)]
    assert winners(SEED, pair, 5) == order
    assert winners(SEED, pair, 2, passed=[order[0]]) == [0, order[1]]
    assert winners(SEED, [], 2) == []


def test_who_has_no_place_cannot_lose_it():
    with pytest.raises(ValueError, match="not in list"):
        winners(SEED, CROWD, 1, passed=[by_hand(CROWD)[5]])


def test_one_in_ten_wins_about_one_in_ten_times():
    won = sum(drawn(SEED, number, 10) for number in range(10_000))
    assert 900 < won < 1100
    assert all(drawn(SEED, number, 1) for number in range(10))


def test_weights_are_met():
    met = Counter(weighted(SEED, number, [1, 0, 3]) for number in range(10_000))
    assert met[1] == 0
    assert 2300 < met[0] < 2700
    assert [weighted(SEED, number, [0, 1]) for number in range(5)] == [1] * 5


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2]])
def test_weights_that_mean_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        weighted(SEED, 1, weights)
