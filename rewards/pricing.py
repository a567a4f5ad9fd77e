"""What a reward costs one member now: the lowest of its own price and of the prices that hold for them and today.

A price may be kept for a tier and those above, for a segment, for a time, or for a season that comes every year. Points
are compared first, then the money that is paid besides at the till.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from loyalty.common.clock import local_day
from members.models import Member
from rewards.models import Reward, RewardPrice, in_season


@dataclass(frozen=True, slots=True)
class Price:
    """Points of the reward's wallet, and money to pay besides. `regular` is what others pay in points."""

    cost: int
    money: Decimal
    regular: int

    @property
    def is_reduced(self) -> bool:
        """Whether the member pays fewer points than others."""
        return self.cost < self.regular


def price_of(
    reward: Reward, prices: Iterable[RewardPrice], member: Member, *, at: datetime, segments: Collection[int]
) -> Price:
    """The price for a member at an instant. `prices` are the reward's others, with their tiers."""
    day = day_of_year(at, member.program.time_zone)
    held = [(one.cost, one.money) for one in prices if _holds(one, member, at, day, segments)]
    cost, money = min([(reward.cost, reward.money), *held])
    return Price(cost, money, reward.cost)


def day_of_year(at: datetime, zone: str) -> str:
    """The day of an instant in the program clock, as seasons are written: `MM-DD`."""
    return f"{local_day(at, zone):%m-%d}"


def _holds(price: RewardPrice, member: Member, at: datetime, day: str, segments: Collection[int]) -> bool:
    """Whether a price is for this member and for now."""
    return (
        (price.tier is None or member.tier.rank >= price.tier.rank)
        and (price.segment_id is None or price.segment_id in segments)
        and (price.since is None or at >= price.since)
        and (price.until is None or at < price.until)
        and in_season(day, price.season_from, price.season_until)
    )
