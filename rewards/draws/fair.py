"""Chance that everybody can check: a secret seed is fixed and its digest shown before anybody enters, the seed itself after (DOMAIN 7.5).

Nothing here knows a database, a clock or a random source but `new_seed`. All texts are hashed as UTF-8; digests are written as
hexadecimal digits in lower case, and a seed is 64 of them, used as text. docs/draws.md tells the same in words for outsiders.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a draw: its public number, and who holds it under a name that tells nobody who that is."""

    number: int
    holder: str


def new_seed() -> str:
    """A seed nobody can guess: 256 random bits."""
    return secrets.token_hex(32)


def digest_of(seed: str) -> str:
    """What is shown of a seed before it is shown: SHA-256."""
    return hashlib.sha256(seed.encode()).hexdigest()


def keyed(seed: str, text: str) -> str:
    """HMAC-SHA256 of a text, keyed with the seed."""
    return hmac.new(seed.encode(), text.encode(), hashlib.sha256).hexdigest()


def drawn(seed: str, number: int, one_in: int) -> bool:
    """Whether a number wins at one in so many: the keyed digest of its decimal digits, as a large number, divides by `one_in`."""
    return int(keyed(seed, str(number)), 16) % one_in == 0


def weighted(seed: str, number: int, weights: Sequence[int]) -> int:
    """Which of several lots a number draws, the first is 0: the keyed digest as a large number, its remainder by the sum of the
    weights, and the lot in whose stretch of the weights laid end to end that remainder lies.

    Raises ValueError where no weight is positive.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and one must be positive")
    rest = int(keyed(seed, str(number)), 16) % total
    for index, weight in enumerate(weights):
        if rest < weight:
            return index
        rest -= weight
    raise AssertionError("the remainder is below the sum of the weights")


def is_turn(seed: str, number: int, one_in: int) -> bool:
    """Whether a number is the one that wins among its `one_in` numbers in a row: 1 to `one_in` are the first block, and so on.

    Which place of a block wins follows from the seed, so that nobody can tell it from the numbers before.
    """
    block, place = divmod(number - 1, one_in)
    return int(keyed(seed, f"block {block + 1}"), 16) % one_in == place


def lot(seed: str, number: int, weights: Sequence[int], *, one_in: int = 1, is_counted: bool = False) -> int | None:
    """Which lot of a pool a number draws (`weighted`), the first is 0; None for none of them.

    By counting, one of every `one_in` numbers in a row draws one (`is_turn`). By chance, blanks weigh `one_in - 1` times as much as all lots together, and
    lie after them: so one in so many wins, however many lots are out (out: a weight of 0).
    """
    if is_counted and not is_turn(seed, number, one_in):
        return None
    blanks = 0 if is_counted else (one_in - 1) * sum(weights)
    found = weighted(seed, number, [*weights, blanks])
    return found if found < len(weights) else None


def list_digest(entries: Iterable[Entry]) -> str:
    """SHA-256 of the list of entries: a line `number holder` for each, in order of numbers, each line ended by a line feed."""
    lines = "".join(f"{one.number} {one.holder}\n" for one in sorted(entries, key=lambda one: one.number))
    return hashlib.sha256(lines.encode()).hexdigest()


def in_order(seed: str, entries: Iterable[Entry]) -> list[Entry]:
    """The entries in the order they are drawn: by HMAC-SHA256 of `list-digest number`, keyed with the seed, smallest first.

    The digest of the whole list is part of it, so who wins follows from the seed and from every entry together.
    """
    known = list(entries)
    told = list_digest(known)
    return sorted(known, key=lambda one: keyed(seed, f"{told} {one.number}"))


def winners(seed: str, entries: Iterable[Entry], places: int, *, passed: Sequence[int] = ()) -> list[int]:
    """The entry numbers that win the places, the first place first; fewer where there are not enough holders.

    Entries are drawn in order (`in_order`). A holder wins once: further entries of a holder who was drawn are skipped. `passed`
    are entry numbers that lost their place afterwards, in the order that happened: the place of each goes to the next entry in
    order, and its holder is drawn no more; all other places stay. A place without a successor becomes 0. Raises ValueError for a
    number that has no place.
    """
    waiting = iter(in_order(seed, entries))
    met: set[str] = set()

    def following() -> int:
        for one in waiting:
            if one.holder not in met:
                met.add(one.holder)
                return one.number
        return 0

    standing = [number for _ in range(places) if (number := following())]
    for number in passed:
        standing[standing.index(number)] = following()
    return standing
