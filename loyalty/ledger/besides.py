"""What a program owes besides its points, told by the floors above: signed with each month, and shown beside it (DOMAIN 13.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.ledger.models import Program


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing that is owed in money: the short name it is signed by, its title and definition, and how much it was at an instant.

    The amount at an instant that was signed off never changes: whoever tells it refuses what would.
    """

    name: str
    title: Any
    definition: Any
    amount: Callable[[Program, datetime], Decimal]


told_by: list[Owed] = []


def figures(program: Program, *, at: datetime) -> dict[str, str]:
    """Everything owed besides points at an instant, by short name, as a month keeps it."""
    return {one.name: f"{one.amount(program, at):.2f}" for one in told_by}
