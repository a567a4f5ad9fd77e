"""How fast the pure arithmetic rates baskets: plain rules, and rules that ask for everything.

    python bench/rating.py [--baskets 69000]

No database and no clock: the same baskets under one base rule, then with a campaign by tier, then with ten campaigns that ask about
lines, weekdays, hours, birthdays, counted purchases, caps and budgets.
"""

import argparse
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from campaigns.earning import Basket, Goods, Known, ProgramTerms, RuleTerms, Shopper, rate
from campaigns.terms import Limit

NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
TERMS = ProgramTerms("USD", zone="Asia/Jakarta")
BASE = RuleTerms("base", 1, "rate", points=Fraction(10), qualifying=True)
SEASON = RuleTerms("season", 1, "multiplier", factor=Fraction(2), by_tier={"gold": Fraction(3)}, campaign="season")
CONDITIONS = [
    (("weekdays", (5, 6)),), (("hours", (("11:00", "13:00"),)),), (("birthday", "week"),), (("every_nth", 5),),
    (("first_in", "month"),), (("frequency", (3, 30)),), (("new_within_days", 30),), (("stores", ("kota",)),),
    (("yearly", (((12, 10), (12, 12)),)),), (("quantity", Decimal(2)),),
]  # fmt: skip
RICH = [
    RuleTerms(
        f"c{number}", 1, "multiplier", factor=Fraction(2), campaign=f"c{number}", conditions=conditions,
        categories=frozenset({"jazz"}), on="lines", caps=(("month", Fraction(500)),), has_budget=True,
    )
    for number, conditions in enumerate(CONDITIONS)
]  # fmt: skip
KNOWN = Known(
    shopper=Shopper(NOON - timedelta(days=400), date(1990, 3, 4), "id"),
    earlier=[NOON - timedelta(days=days) for days in range(40, 0, -9)],
    used={(terms.slug, "month"): Fraction(490) for terms in RICH},
    budgets={terms.campaign: Limit("budget", Fraction(9000), Fraction(5000)) for terms in RICH},
)


def measure(name: str, count: int, rules: list[RuleTerms], known: Known) -> None:
    """Rate so many different baskets and say how many a second."""
    goods = [Goods("a", "jazz", Decimal(2)), Goods("b", "rock")]
    baskets = [
        Basket([Decimal(number % 9000).scaleb(-2), Decimal("7.50")], "web", goods=goods, store="kota")
        for number in range(count)
    ]
    began = time.perf_counter()
    for basket in baskets:
        rate(basket, "gold", rules, NOON, TERMS, known)
    took = time.perf_counter() - began
    print(f"{name:32} {count:8,} baskets {took:7.2f} s {count / took:10,.0f} a second")


def main() -> None:
    """Measure the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baskets", type=int, default=69_000)
    count = parser.parse_args().baskets
    measure("one base rule", count, [BASE], Known())
    measure("and a campaign by tier", count, [BASE, SEASON], Known())
    measure("and ten campaigns that ask", count, [BASE, SEASON, *RICH], KNOWN)


if __name__ == "__main__":
    main()
