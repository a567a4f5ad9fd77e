"""The figures of a program. Each has one written definition, shown to people as its hint, and one function (DOMAIN 13.1).

All are computed from the books and the purchases in whole sets, a constant number of queries whatever the size. A period
is `[since, until)` in the program clock. Points are in the wallet's smallest unit.
"""

from campaigns.figures import buying, offers, people, points, redeeming
from campaigns.figures.catalogue import FIGURES, Estimate, Figure, Reading
from campaigns.figures.periods import Period, PeriodRefused, between, periods

__all__ = ["FIGURES", "Estimate", "Figure", "Period", "PeriodRefused", "Reading", "between", "periods"]
__all__ += ["buying", "offers", "people", "points", "redeeming"]
