"""How many points a bill takes, as arithmetic (DOMAIN 7.4): value, minimum, step, maximum and share of the bill.

It knows no database and no clock. Points are in the wallet's smallest unit, money has two decimals. What points are worth
is rounded down to the cent once, here.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

CENT = Decimal("0.01")
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Payable:
    """Terms as the arithmetic reads them; `value` is the money that one smallest unit pays."""

    value: Decimal
    minimum: int
    step: int
    maximum: int | None
    share: Decimal

    @property
    def least(self) -> int:
        """The smallest number of points that pays: a whole number of steps, worth a cent at least."""
        for_a_cent = int((CENT / self.value).to_integral_value(ROUND_CEILING))
        return -(-max(self.minimum, for_a_cent) // self.step) * self.step

    def worth(self, points: int) -> Decimal:
        """What points pay, in money, rounded down."""
        return (points * self.value).quantize(CENT, ROUND_FLOOR)

    def payable(self, basket: Decimal) -> Decimal:
        """How much of a bill points may pay, rounded down."""
        return (basket * self.share / HUNDRED).quantize(CENT, ROUND_FLOOR)

    def most(self, basket: Decimal, available: int) -> int:
        """The largest number of points that pays a bill; 0 when not even the least does."""
        by_share = int((self.payable(basket) / self.value).to_integral_value(ROUND_FLOOR))
        most = min(available, by_share, by_share if self.maximum is None else self.maximum)
        most = most // self.step * self.step
        return most if most >= self.least else 0

    def smallest_basket(self) -> Decimal:
        """The smallest bill that the least points may pay."""
        paid = (self.least * self.value).quantize(CENT, ROUND_CEILING)
        return (paid * HUNDRED / self.share).quantize(CENT, ROUND_CEILING)
