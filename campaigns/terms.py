"""The words of the arithmetic: what rules say, what a basket holds, what is known about the shopper, and what comes out.

Plain values only: no database, no clock. Amounts of money are decimals, points are exact fractions of whole points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

RATE, MULTIPLIER, FIXED, UNIT = "rate", "multiplier", "fixed", "unit"
PURCHASE = "purchase"
ALL, BEST, FIRST = "all", "best", "first"
BASKET, LINES = "basket", "lines"
PERIODS = ("day", "week", "month", "year", "lifetime")
ONE = Fraction(1)
NOTHING = Fraction(0)
USUAL_PRIORITY = 100
# A shop with many offers of goods is not told of all whose goods were not bought: the first of them, in the order of the rules.
MOST_MISSED = 3
# So many of the goods of a rule are named where none of them was in the basket.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What one version of a rule says. `since` and `until` bound the instants at which it counts (exclusive end).

    `points` is in whole points; `per` is an amount of money; `factor` is for every tier that `by_tier` does not name.
    An empty `tiers` or `channels` means any. `conditions` are further ones, (name, value), as `campaigns.conditions` judges
    them. A line matches by its product, category, brand, collection or supplier; `on` says whether the award is of the whole basket or of the matching
    lines. Lower `priority` comes first. `caps` are (period, most points): "purchase", or one of PERIODS per member.
    `expiry` names the expiry policy its points follow; empty for the wallet's own.
    """

    slug: str
    version: int
    kind: str
    points: Fraction = NOTHING
    per: Fraction = ONE
    factor: Fraction = ONE
    by_tier: dict[str, Fraction] = field(default_factory=dict)
    compounding: bool = False
    qualifying: bool = False
    activity: str = PURCHASE
    tiers: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    minimum: Decimal = Decimal(0)
    since: datetime | None = None
    until: datetime | None = None
    campaign: str = ""
    names: dict[str, str] = field(default_factory=dict)
    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()
    on: str = BASKET
    conditions: tuple[tuple[str, Any], ...] = ()
    caps: tuple[tuple[str, Fraction], ...] = ()
    refuses: bool = False
    priority: int = USUAL_PRIORITY
    group: str = ALL
    exclusive: bool = False
    not_with: frozenset[str] = frozenset()
    rule_id: int = 0
    campaign_id: int = 0
    has_budget: bool = False
    expiry: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether amount, tier and channel are all that decides about it."""
        return not (self.conditions or self.caps or self.has_budget or self.is_about_goods or self.kind == UNIT)

    @property
    def is_about_goods(self) -> bool:
        """Whether it names products, categories, brands, collections or suppliers."""
        return bool(self.products or self.categories or self.brands or self.collections or self.suppliers)

    @property
    def goods(self) -> list[str]:
        """All goods it names, in the order of the alphabet."""
        return sorted(self.products | self.categories | self.brands | self.collections | self.suppliers)


# What an activity takes of the limits of the wallet stands under these terms: they belong to no rule.
WALLET = RuleTerms(slug="wallet", version=0, kind=FIXED)


class Goods(NamedTuple):
    """What one line of a basket is."""

    product: str = ""
    category: str = ""
    quantity: Decimal = Decimal(1)
    brand: str = ""
    collection: str = ""
    supplier: str = ""


@dataclass(frozen=True, slots=True)
class Basket:
    """What earns in one activity: the eligible amount of each line (one line when the till sent none).

    An event that is no purchase has no lines and `activity` is its kind. `goods` says what each line is; `partner` is the
    source that reported it.
    """

    lines: Sequence[Decimal] = ()
    channel: str = ""
    activity: str = PURCHASE
    goods: Sequence[Goods] = ()
    store: str = ""
    partner: str = ""
    payment: str = ""


@dataclass(frozen=True, slots=True)
class Shopper:
    """What conditions may ask about a member."""

    enrolled_at: datetime | None = None
    birthday: date | None = None
    language: str = ""
    segments: frozenset[str] = frozenset()
    member_id: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """What is left under a cap: whose it is, how much it allows in all, how much of that is left (in points)."""

    by: str
    most: Fraction
    left: Fraction


@dataclass(frozen=True, slots=True)
class Known:
    """What is known from before: the shopper, when they bought earlier (sorted), and what is left of caps and budgets.

    `used` maps (rule, period) to the points its member had in the period of this moment; `budgets` maps a campaign to what is
    left of its budget; `wallet` are the limits of the wallet.
    """

    shopper: Shopper = Shopper()
    earlier: Sequence[datetime] = ()
    used: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    budgets: Mapping[str, Limit] = field(default_factory=dict)
    wallet: Sequence[Limit] = ()


@dataclass(frozen=True, slots=True)
class ProgramTerms:
    """The program's side of the arithmetic: how base rules combine, how the result is rounded and per what, money and clock."""

    currency: str
    base_rules: str = "best"
    rounding: str = "floor"
    decimals: int = 0
    zone: str = "UTC"
    rounded_per: str = "order"


class Step(NamedTuple):
    """One step of a computation: by which terms, the exact points it gives, how the explanation shows it, over which lines.

    `over` holds line numbers from 0; None means all lines. A step that `is_limited` has a cap, whether it bites or not.
    """

    terms: RuleTerms
    gives: Fraction
    shown: dict[str, Any]
    over: tuple[int, ...] | None = None
    is_limited: bool = False


class Taken(NamedTuple):
    """What an award took of the caps and the budget of one rule, or of the wallet's limits, in the wallet's smallest unit."""

    terms: RuleTerms
    points: int


@dataclass(frozen=True, slots=True)
class Award:
    """What an activity earned, in the wallet's smallest unit, with the part of each line and the explanation.

    `gave` are the exact points of each rule that counted, in whole points, before the one rounding; `counts` the qualifying
    points by the expiry policy they follow ("" for the wallet's own).
    """

    points: int
    qualifying: int
    shares: list[int]
    explanation: dict[str, Any]
    rule_version: str
    taken: tuple[Taken, ...] = ()
    gave: tuple[tuple[str, Fraction], ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
