"""Revenue from points under IFRS 15, and the estimate of breakage that it rests on.

Part of a sale's price belongs to the points given with it. It becomes revenue as the points are redeemed, in
proportion to all that are *expected* to be redeemed; when that estimate changes, the whole past is caught up at once.

Breakage is estimated from matured cohorts. A cohort is what was granted in one month of the program clock; it is
matured when none of its points can be spent any more. Its breakage is the share that ran out unused of what was not
taken back:  (expired - reinstated + past its end) / (granted - clawed back - forfeited).  The estimate for points still
open is the mean of the last matured cohorts, weighted by points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Q, Sum
from django.db.models.functions import TruncMonth

from loyalty.ledger.models import Allocation, Entry, Lot, Wallet

COHORTS_COUNTED = 12
SHARE = Decimal("0.0001")


def revenue(
    *, allocated: Decimal, redeemed: int, expected: int, recognised: Decimal, smallest: Decimal = Decimal("0.01")
) -> Decimal:
    """The revenue to book now: allocated x redeemed so far / expected in all, less what was booked before.

    `redeemed` and `expected` are cumulative points. The cumulative revenue is rounded half up to the `smallest` amount
    and the difference of two rounded figures is booked, so that roundings never add up; negative when a raised estimate
    takes revenue back. More redeemed than expected is all of it.
    """
    if expected <= 0:
        raise ValueError("some points have to be expected to be redeemed")
    share = Decimal(min(redeemed, expected)) / Decimal(expected)
    return (allocated * share).quantize(smallest, rounding=ROUND_HALF_UP) - recognised


@dataclass(frozen=True, slots=True)
class Cohort:
    """What became of the points granted in one month. `kept` is granted less what was taken back or forfeited."""

    month: date
    granted: int
    kept: int
    unused: int
    open: int

    @property
    def is_matured(self) -> bool:
        """Whether none of its points can be spent any more."""
        return self.open == 0

    @property
    def breakage(self) -> Decimal | None:
        """The share of what was kept that ran out unused; None until it is matured."""
        return _share(self.unused, self.kept) if self.is_matured and self.kept else None


@dataclass(frozen=True, slots=True)
class Breakage:
    """The cohorts, oldest first, and the estimate taken from the last matured ones; None when there are none."""

    cohorts: list[Cohort]
    share: Decimal | None


def breakage(wallet: Wallet, *, at: datetime) -> Breakage:
    """Breakage by cohort at an instant, from the lots as they stand. Two queries."""
    past = Q(expires_at__isnull=False, expires_at__lte=at)
    rows = (
        Lot.objects.filter(account__wallet=wallet, granted_at__lte=at)
        .order_by()
        .annotate(month=TruncMonth("granted_at", tzinfo=ZoneInfo(wallet.program.time_zone)))
        .values("month")
        .annotate(
            all_granted=Sum("granted"),
            taken=Sum(F("clawed_back") + F("forfeited")),
            all_expired=Sum("expired"),
            ran_out=Sum("remaining", filter=past, default=0),
            still_open=Sum("remaining", filter=~past, default=0),
        )
    )
    back = _reinstated(wallet)
    cohorts = [_cohort(row, back) for row in rows.order_by("month")]
    matured = [cohort for cohort in cohorts if cohort.is_matured and cohort.kept][-COHORTS_COUNTED:]
    unused, kept = sum(c.unused for c in matured), sum(c.kept for c in matured)
    return Breakage(cohorts, _share(unused, kept) if kept else None)


def _cohort(row: Mapping[str, Any], back: dict[datetime, int]) -> Cohort:
    return Cohort(
        month=row["month"].date(),
        granted=row["all_granted"],
        kept=row["all_granted"] - row["taken"],
        unused=row["all_expired"] - back.get(row["month"], 0) + row["ran_out"],
        open=row["still_open"],
    )


def _reinstated(wallet: Wallet) -> dict[datetime, int]:
    """Expired points that were given back, by the month their lots were granted in."""
    given = Allocation.objects.filter(entry__kind=Entry.Kind.REINSTATEMENT, entry__account__wallet=wallet)
    month = TruncMonth("lot__granted_at", tzinfo=ZoneInfo(wallet.program.time_zone))
    return dict(given.order_by().annotate(month=month).values_list("month").annotate(points=Sum("amount")))


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(SHARE, rounding=ROUND_HALF_UP)
