"""A program's ladder: its tiers, what counts towards them, and over which window (DOMAIN 8.1).

Amounts are whole numbers here: the wallet's smallest unit for points, hundredths of the currency for spend.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery

from loyalty.common.clock import add_months, day_start
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program, Wallet
from members.models import Tier, TierPolicy


class Ladder:
    """A program's tiers and what counts towards them, read once for a batch.

    Amounts are whole numbers: the wallet's smallest unit for points, hundredths of the currency for spend.
    """

    def __init__(self, tiers: Sequence[Tier], policy: TierPolicy, zone: str, decimals: int) -> None:
        """Tiers in the order of their rank."""
        self.tiers = list(tiers)
        self.by_id = {tier.pk: tier for tier in tiers}
        self.metric, self.window, self.months = policy.metric, policy.window, policy.months
        self.zone, self.decimals = zone, decimals
        self.scale = 10**decimals if policy.metric == TierPolicy.Metric.POINTS else 100
        self.column = "qualifying_points" if policy.metric == TierPolicy.Metric.POINTS else "qualifying_spend"
        self.thresholds = [-int(-tier.threshold * self.scale // 1) for tier in self.tiers]

    def reached(self, amount: int) -> Tier:
        """The highest tier whose threshold an amount reaches."""
        return self.tiers[max(bisect_right(self.thresholds, amount) - 1, 0)]

    def since(self, at: datetime) -> datetime | None:
        """The beginning of the window that ends at an instant; None when everything counts."""
        if self.window == TierPolicy.Window.LIFETIME:
            return None
        return window_start(at.astimezone(zone_of(self.zone)).date(), self.zone, self.window, self.months)

    def amount(self, points: int, spend: Decimal) -> int:
        """What a purchase adds to the measure."""
        return points if self.column == "qualifying_points" else int(spend * 100)

    def shown(self, amount: int) -> Decimal:
        """An amount as people read it: whole points or money."""
        return Decimal(amount) / self.scale

    def whole(self, stored: Decimal | int | None) -> int:
        """An amount as the database keeps it, as a whole number."""
        return int(stored or 0) if self.column == "qualifying_points" else int((stored or 0) * 100)


_steps = Prepared(
    lambda: (
        Tier.objects.filter(program=Given("program"))
        .select_related("program__tier_policy")
        .annotate(
            decimals=Subquery(Wallet.objects.filter(program=OuterRef("program"), is_main=True).values("decimals")[:1])
        )
        .order_by("rank")
    )
)


def ladder(program: Program) -> Ladder:
    """The program's ladder: one query."""
    tiers = _steps(program=program.pk)
    policy = getattr(tiers[0].program, "tier_policy", None) or TierPolicy(program=program)
    return Ladder(tiers, policy, program.time_zone, tiers[0].decimals or 0)


@lru_cache(maxsize=8192)
def window_start(day: date, zone: str, window: str, months: int) -> datetime:
    """The first instant that counts on a day: 1 January, or the day after the same day `months` ago."""
    if window == TierPolicy.Window.CALENDAR:
        return day_start(date(day.year, 1, 1), zone)
    return day_start(add_months(day, -months) + timedelta(days=1), zone).astimezone(UTC)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """A time zone, looked up once."""
    return ZoneInfo(name)
