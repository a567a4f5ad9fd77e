"""Treated against control: the difference of two averages with Welch's interval (DOMAIN 10.4). Pure arithmetic.

Sums and squares are kept as whole hundredths, so that no size of a group costs precision; the exact formulas are in
docs/figures.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import sqrt
from statistics import NormalDist

LEAST_IN_A_GROUP = 10
CONFIDENCE = 0.95
CENT = Decimal("0.01")


@dataclass(slots=True)
class Group:
    """How many members, what they spent together, and the sum of the squares of it, both of hundredths."""

    members: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, amounts: Iterable[Decimal]) -> "Group":
        """The group of members that spent these amounts."""
        made = cls()
        for amount in amounts:
            made.members += 1
            made.spend(amount)
        return made

    def spend(self, amount: Decimal) -> None:
        """What one member spent in all; whoever spent nothing only counts as a member."""
        hundredths = int((amount * 100).to_integral_value(ROUND_HALF_UP))
        self.total += hundredths
        self.squares += hundredths * hundredths

    @property
    def average(self) -> float:
        """What a member spent on average."""
        return self.total / (100 * self.members)

    @property
    def variance(self) -> float:
        """The variance of a sample (n - 1)."""
        spread = self.squares * self.members - self.total * self.total
        return spread / (10_000 * self.members * (self.members - 1))


@dataclass(frozen=True, slots=True)
class Lift:
    """Average spend of the treated less that of the control group, with its interval at 95 %, and the sum over the treated."""

    treated: Group
    control: Group
    difference: Decimal
    low: Decimal
    high: Decimal
    revenue: Decimal
    revenue_low: Decimal
    revenue_high: Decimal

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def lift_of(treated: Group, control: Group) -> Lift | None:
    """The difference of two averages with Welch's interval; None where a group has fewer than ten members."""
    if min(treated.members, control.members) < LEAST_IN_A_GROUP:
        return None
    difference, margin = treated.average - control.average, welch_margin(treated, control)
    edges = [difference, difference - margin, difference + margin]
    return Lift(treated, control, *[_money(edge) for edge in edges], *[_money(e * treated.members) for e in edges])


def _money(amount: float) -> Decimal:
    return Decimal(amount).quantize(CENT, ROUND_HALF_UP)


def welch_margin(one: Group, other: Group) -> float:
    """Half the width of the interval: the t quantile of Welch's degrees of freedom times the standard error."""
    parts = [group.variance / group.members for group in (one, other)]
    if not sum(parts):
        return 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (group.members - 1) for part, group in zip(parts, (one, other), strict=True)
    )
    return t_quantile(1 - (1 - CONFIDENCE) / 2, freedom) * sqrt(sum(parts))


def t_quantile(share: float, freedom: float) -> float:
    """The quantile of Student's distribution by the Cornish-Fisher expansion: right to 0.0001 from nine degrees of freedom on."""
    z = NormalDist().inv_cdf(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))
