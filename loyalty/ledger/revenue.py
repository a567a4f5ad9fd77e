"""Revenue from points under IFRS 15, and the estimate of breakage that it rests on.

Part of a sale's price belongs to the points given with it. It becomes revenue as the points are redeemed, in
proportion to all that are *expected* to be redeemed; when that estimate changes, the whole past is caught up at once.

Breakage is estimated from matured cohorts. A cohort is what was granted in one month of the program clock; it is
matured when none of its points can be spent any more. Its breakage is the share that ran out unused of what was not
taken back:  (expired - reinstated + past its end) / (granted - clawed back - forfeited).  The estimate for points still
open is the mean of the last matured cohorts, weighted by points.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from loyalty.common.clock import local_day
from loyalty.ledger import cohorts
from loyalty.ledger.models import Wallet

COHORTS_COUNTED = 12
SHARE = Decimal("0.0001")
# Student's t for a two-sided interval of 95%, by degrees of freedom (matured cohorts less one).
T_OF_95 = [
    Decimal(t) for t in ("12.71", "4.30", "3.18", "2.78", "2.57", "2.45", "2.36", "2.31", "2.26", "2.23", "2.20")
]


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
    """What became of the points granted in one month. `kept` is granted less what was taken back or forfeited.

    `redeemed` is without what came back from redemptions undone.
    """

    month: date
    granted: int
    kept: int
    unused: int
    open: int
    redeemed: int = 0

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
    """The cohorts, oldest first, and the estimate taken from the last matured ones; None when there are none.

    `low` and `high` bound the estimate with 95% confidence, from how much the cohorts differ; None with fewer than three.
    """

    cohorts: list[Cohort]
    share: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None


def breakage(wallet: Wallet, *, at: datetime) -> Breakage:
    """Breakage by cohort at an instant, from what was kept with the last signed month, what was recorded since, and open lots."""
    figures, left = cohorts.until(wallet, None), cohorts.left(wallet, at=at)
    this = local_day(at, wallet.program.time_zone)
    found = [_cohort(month, figures[month], *left.get(month, (0, 0))) for month in sorted(figures) if month <= this]
    return _estimated(found)


def _estimated(found: list[Cohort]) -> Breakage:
    """The estimate that some cohorts give."""
    matured = [cohort for cohort in found if cohort.is_matured and cohort.kept][-COHORTS_COUNTED:]
    unused, kept = sum(c.unused for c in matured), sum(c.kept for c in matured)
    if not kept:
        return Breakage(found, None)
    return Breakage(found, _share(unused, kept), *_interval(matured, Decimal(unused) / kept, kept))


def _interval(matured: list[Cohort], mean: Decimal, kept: int) -> tuple[Decimal, Decimal] | tuple[None, None]:
    """The bounds of the weighted mean of cohorts, between 0 and 1."""
    count = len(matured)
    if count < 3:
        return None, None
    spread = sum(((Decimal(c.unused) - mean * c.kept) ** 2 for c in matured), Decimal(0))
    error = (spread * count / (count - 1)).sqrt() / kept * T_OF_95[count - 2]
    low, high = max(Decimal(0), mean - error), min(Decimal(1), mean + error)
    return low.quantize(SHARE, rounding=ROUND_HALF_UP), high.quantize(SHARE, rounding=ROUND_HALF_UP)


def _cohort(month: date, figures: Counter[str], ran_out: int, still_open: int) -> Cohort:
    return Cohort(
        month=month,
        granted=figures["granted"],
        kept=figures["granted"] - figures["taken"],
        unused=figures["expired"] - figures["reinstated"] + ran_out,
        open=still_open,
        redeemed=figures["redeemed"] - figures["reversed"],
    )


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(SHARE, rounding=ROUND_HALF_UP)
