"""What goods that came back take with them: one arithmetic for the books, the preview and every replay (DOMAIN 6.1, 6.3).

What all refunds so far take back is what the kept goods would not have earned, the same part of all, or everything, as the program
says; never less than after the refund before. So any split of refunds ends as one refund of their sum.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from campaigns.recounting import StillGiven, points_by_rule
from campaigns.terms import Award
from loyalty.ledger.models import Program
from members.models import Purchase, PurchaseLine, Refund
from members.returns import happened_at, kept_lines, kept_parts

# What the kept lines and their earning parts would have earned under the versions that counted.
Rated = Callable[[Sequence[PurchaseLine], Sequence[Decimal]], Award]
Figures = tuple[int, int, Decimal]


class Back(NamedTuple):
    """What one refund takes back, more than those before it; what the kept goods earn; and what the rules still give."""

    refund: Refund
    when: datetime
    points: int
    qualifying: int
    spend: Decimal
    kept: Award | None
    still: StillGiven


def take_back(
    program: Program,
    bought: Purchase,
    lines: Sequence[PurchaseLine],
    refunds: Sequence[Refund],
    *,
    points: int,
    qualifying: int,
    rated: Rated,
) -> Iterator[Back]:
    """Each refund of a purchase that earned so many points, in the order given."""
    taken: Figures = (0, 0, Decimal(0))
    came_back = Decimal(0)
    for count, refund in enumerate(refunds, start=1):
        came_back += refund.amount
        whole = (points, qualifying, bought.qualifying_spend)
        now, kept = _taken(program, bought, lines, refunds[:count], came_back, whole, rated)
        now = (max(now[0], taken[0]), max(now[1], taken[1]), max(now[2], taken[2]))
        more = (now[0] - taken[0], now[1] - taken[1], now[2] - taken[2])
        yield Back(refund, happened_at(refund, bought), *more, kept, _still(program, bought, came_back, kept))
        taken = now


def _taken(
    program: Program,
    bought: Purchase,
    lines: Sequence[PurchaseLine],
    refunds: Sequence[Refund],
    came_back: Decimal,
    whole: Figures,
    rated: Rated,
) -> tuple[Figures, Award | None]:
    """Points, qualifying points and spend that these refunds take back together, and what the kept goods earn."""
    if came_back >= bought.total or program.returns == Program.Returns.ALL:
        return whole, None
    parts = kept_parts(bought, lines, refunds)
    spend = whole[2] - sum(parts, Decimal(0))
    if program.returns == Program.Returns.SHARE:
        points, qualifying = (int(one * came_back // bought.total) for one in whole[:2])
        return (points, qualifying, spend), None
    kept = rated(kept_lines(lines, refunds), parts)
    return (max(0, whole[0] - kept.points), max(0, whole[1] - kept.qualifying), spend), kept


def _still(program: Program, bought: Purchase, came_back: Decimal, kept: Award | None) -> StillGiven:
    """What the rules still give after a refund: by rule, or the same part of all."""
    if program.returns == Program.Returns.SHARE and came_back < bought.total:
        return Fraction(bought.total - came_back) / Fraction(bought.total)
    return points_by_rule(kept) if kept else {}
