"""Figures for finance: the monthly roll-forward, ageing, what expires when, liability and breakage (DOMAIN 13).

The roll-forward goes by when an entry was *recorded*, in the program clock, so that a month that is over never changes.
Each kind of entry has one column:

    opening
    + issued      what members earned (accruals)
    + reinstated  what came back: redemptions undone (reversals) and expired points given again (reinstatements)
    - burned      what members spent (redemptions)
    - expired     what ran out (expiries)
    - reversed    what was taken back of what had been earned (claw-backs)
    ± adjusted    corrections by hand, transfers, extensions and write-offs
    = closing     what is left on the lots, less what members owe
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, Sum

from loyalty.common.clock import add_months, day_start
from loyalty.ledger.models import Entry, PeriodClose, Wallet

COLUMN_OF = {
    Entry.Kind.ACCRUAL: "issued",
    Entry.Kind.REVERSAL: "reinstated",
    Entry.Kind.REINSTATEMENT: "reinstated",
    Entry.Kind.REDEMPTION: "burned",
    Entry.Kind.EXPIRY: "expired",
    Entry.Kind.CLAW_BACK: "reversed",
    Entry.Kind.ADJUSTMENT: "adjusted",
    Entry.Kind.TRANSFER: "adjusted",
    Entry.Kind.EXTENSION: "adjusted",
    Entry.Kind.WRITE_OFF: "adjusted",
}
TAKEN = ("burned", "expired", "reversed")


@dataclass(frozen=True, slots=True)
class RollForward:
    """One month of a wallet, in its smallest unit. `burned`, `expired` and `reversed` are what was taken, positive."""

    month: date
    opening: int
    issued: int
    reinstated: int
    burned: int
    expired: int
    reversed: int
    adjusted: int

    @property
    def closing(self) -> int:
        """What the columns add up to."""
        given = self.opening + self.issued + self.reinstated + self.adjusted
        return given - self.burned - self.expired - self.reversed

    def as_json(self) -> dict[str, Any]:
        """The month with its closing figure, as plain values."""
        return asdict(self) | {"month": f"{self.month:%Y-%m}", "closing": self.closing}


def month_bounds(month: date, zone: str) -> tuple[datetime, datetime]:
    """A month's first instant and the first instant after it, in the program clock."""
    first = month.replace(day=1)
    return day_start(first, zone), day_start(add_months(first, 1), zone)


def roll_forward(wallet: Wallet, month: date) -> RollForward:
    """The month's roll-forward, from the ledger. Costs what was recorded since the last close before it."""
    since, until = month_bounds(month, wallet.program.time_zone)
    moved = dict.fromkeys(dict.fromkeys(COLUMN_OF.values()), 0)
    recorded = Entry.objects.filter(account__wallet=wallet).order_by()
    rows = recorded.filter(recorded_at__gte=since, recorded_at__lt=until)
    for kind, points in rows.values_list("kind").annotate(points=Sum("amount")):
        column = COLUMN_OF[Entry.Kind(kind)]
        moved[column] += -points if column in TAKEN else points
    return RollForward(month=month.replace(day=1), opening=_opening(wallet, since), **moved)


def _opening(wallet: Wallet, since: datetime) -> int:
    """What all entries recorded before an instant add up to, from the last closed month before it on."""
    zone = wallet.program.time_zone
    before = Q(recorded_at__lt=since)
    closing = 0
    for close in PeriodClose.objects.filter(wallet=wallet).order_by("-month"):
        end = day_start(add_months(close.month, 1), zone)
        if end <= since:
            before &= Q(recorded_at__gte=end)
            closing = close.figures["closing"]
            break
    total = Entry.objects.filter(before, account__wallet=wallet).aggregate(points=Sum("amount"))["points"]
    return closing + (total or 0)
