"""What a figure is: its title, its written definition, its unit, and the one function that computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext_lazy as _

from campaigns.figures.periods import Period
from loyalty.ledger.models import Program, Wallet

COUNT, POINTS, MONEY, SHARE, TIMES, SCORE, TEXT, DAY = "count", "points", "money", "share", "times", "score", "text", "day"  # fmt: skip
MEMBERS, BUYING, IN_POINTS, REWARDS, CAMPAIGNS = "members", "buying", "points", "rewards", "campaigns"
GROUPS = {
    MEMBERS: _("Members"),
    BUYING: _("Purchases"),
    IN_POINTS: _("Points"),
    REWARDS: _("Rewards and opinion"),
    CAMPAIGNS: _("Campaigns"),
}
A_MOMENT = timedelta(microseconds=1)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Reading:
    """What figures are asked for: a program, one of its wallets, a period, and the present instant."""

    program: Program
    wallet: Wallet
    period: Period
    at: datetime
    known: dict[Callable[..., Any], Any] = field(default_factory=dict, compare=False)

    @property
    def end(self) -> datetime:
        """The first instant that is not looked at: the end of the period, or just after now."""
        return min(self.period.until, self.at + A_MOMENT)

    @property
    def instant(self) -> datetime:
        """The last instant that is looked at: figures of a stock are those of this instant."""
        return self.end - A_MOMENT

    def of(self, period: Period) -> "Reading":
        """The same for another period."""
        return Reading(self.program, self.wallet, period, self.at)

    def once(self, count: Callable[["Reading"], Found]) -> Found:
        """What several figures rest on, counted once for all of them."""
        if count not in self.known:
            self.known[count] = count(self)
        found: Found = self.known[count]
        return found


@dataclass(frozen=True)
class Estimate:
    """A figure with the interval at 95 % around it, where one is known."""

    value: Decimal
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True)
class Column:
    """A column of a figure that is a table."""

    name: str
    title: Any
    unit: str


@dataclass(frozen=True)
class Figure:
    """What a figure is called, exactly what it counts, and how.

    A number has a `unit`; a table has `columns` and its function returns rows by column name. `shown_in` names the
    table that pictures a number which is not told month by month; `is_now`: it is always that of now. `together`
    counts beforehand for many periods at once what the function rests on.
    """

    name: str
    title: Any
    definition: Any
    group: str
    function: Callable[[Reading], Any]
    unit: str = ""
    columns: Sequence[Column] = ()
    shown_in: str = ""
    is_now: bool = False
    together: Callable[[Sequence[Reading]], None] | None = None


FIGURES: dict[str, Figure] = {}


def figure(
    title: Any,
    definition: Any,
    *,
    group: str,
    unit: str = "",
    columns: Sequence[Column] = (),
    shown_in: str = "",
    is_now: bool = False,
    together: Callable[[Sequence[Reading]], None] | None = None,
) -> Callable[[Callable[[Reading], Found]], Callable[[Reading], Found]]:
    """Register a function as the one place where this figure is computed."""

    def register(function: Callable[[Reading], Found]) -> Callable[[Reading], Found]:
        name = function.__name__
        FIGURES[name] = Figure(
            name, title, definition, group, function, unit, tuple(columns), shown_in, is_now, together
        )
        return function

    return register


def place(path: str, edges: Sequence[datetime]) -> Case:
    """SQL: in which stretch an instant lies that is not before the first edge; the same on both engines."""
    steps = [When(**{f"{path}__gte": edge}, then=Value(number)) for number, edge in enumerate(edges)]
    return Case(*reversed(steps), default=Value(0), output_field=IntegerField())
