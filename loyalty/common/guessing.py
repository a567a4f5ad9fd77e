"""Codes that do not exist, counted for whoever tries them, so that guessing takes for ever (DOMAIN 7.3)."""

from django.core.cache import cache

MOST_WRONG = 30
WITHIN_SECONDS = 600


def is_guessing(who: str) -> bool:
    """Whether somebody tried too many codes that do not exist."""
    return cache.get(_counter(who), 0) >= MOST_WRONG


def count(who: str) -> None:
    """Count a code that does not exist; the count starts over ten minutes after its last."""
    counter = _counter(who)
    if not cache.add(counter, 1, WITHIN_SECONDS):
        try:
            cache.incr(counter)
            cache.touch(counter, WITHIN_SECONDS)
        except ValueError:  # it ended between the two
            cache.add(counter, 1, WITHIN_SECONDS)


def _counter(who: str) -> str:
    return f"setia:wrong-codes:{who}"
