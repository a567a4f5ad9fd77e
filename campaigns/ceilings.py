"""The limits of the main wallet on what a member may earn per period, as the arithmetic asks for them (DOMAIN 3.3).

They hold over all rules together, for purchases and events alike, by the moment something happened. What an activity took of them is kept
like what it took of a rule's caps, so that refunds give it back and late activities count in their turn. Prizes, corrections and points
passed on are no earnings by rules and take nothing.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from campaigns.terms import NOTHING, WALLET, Known, Limit
from loyalty.ledger.limiting import PERIODS


class Ceilings:
    """Every version of a wallet's limits, asked for any instant. Without any it is false."""

    def __init__(self, stored: Sequence[dict[str, Any]] = (), decimals: int = 0) -> None:
        """`stored` is as `loyalty.ledger.limiting` keeps it, in order of time."""
        self.stored, self.scale = list(stored), 10**decimals
        self.begins = [datetime.fromisoformat(version["since"]) for version in self.stored]

    def __bool__(self) -> bool:
        return bool(self.stored)

    def at(self, instant: datetime) -> list[tuple[str, Fraction]]:
        """The limits that hold at an instant, as (period, most points)."""
        number = bisect_right(self.begins, instant) if self.begins else 0
        if not number:
            return []
        version = self.stored[number - 1]
        return [(period, Fraction(version[period], self.scale)) for period in PERIODS if version.get(period)]

    def hold_between(self, since: datetime, until: datetime) -> bool:
        """Whether some limit holds at some moment from `since` to `until`."""
        return bool(self.at(since)) or any(since < begin <= until and self.at(begin) for begin in self.begins)

    def left(self, instant: datetime, used: Callable[[str], Fraction]) -> tuple[Limit, ...]:
        """What is left at an instant; `used` tells what the member had in the period of that moment."""
        return tuple(
            Limit(f"{WALLET.slug}_{period}", most, max(NOTHING, most - used(period)))
            for period, most in self.at(instant)
        )

    def kept(self, instant: datetime, earned: int) -> Known:
        """What is known for the goods that were kept of a purchase: they earn no more than the whole did."""
        if not self.at(instant):
            return Known()
        most = Fraction(earned, self.scale)
        return Known(wallet=(Limit(WALLET.slug, most, most),))


NO_CEILINGS = Ceilings()
