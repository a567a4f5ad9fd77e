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

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Case, F, IntegerField, Q, Sum, Value, When

from loyalty.common.clock import add_months, day_start, last_valid_day, local_day
from loyalty.ledger.models import Allocation, Entry, Lot, PeriodClose, Wallet

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
AGES = (3, 6, 12, 24)
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


def worth(wallet: Wallet, points: int) -> Decimal:
    """Points in money at the wallet's value per point, to the hundredth."""
    return (points * wallet.money_per_unit).scaleb(-wallet.decimals).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of what is outstanding: the days `[since, until)` of granting, or of running out (None: no bound)."""

    since: date | None
    until: date | None
    points: int
    money: Decimal


def ageing(wallet: Wallet, *, at: datetime) -> list[Slice]:
    """What was outstanding at an instant by the day it was granted: the last 3, 6, 12, 24 months, and older.

    Each slice holds what was granted from its day `since` (None: from the beginning) until before `until`.
    """
    zone = wallet.program.time_zone
    today = local_day(at, zone)
    steps = [add_months(today, -months) for months in AGES]
    edges = [day_start(day, zone) for day in steps]

    def age(path: str) -> Case:
        whens = [When(**{f"{path}granted_at__gte": edge}, then=Value(index)) for index, edge in enumerate(edges)]
        return Case(*whens, default=Value(len(edges)), output_field=IntegerField())

    points = _outstanding_by(wallet, at, age)
    bounds = list(zip([*steps, None], [None, *steps], strict=True))
    return [
        Slice(since, until, points.get(index, 0), worth(wallet, points.get(index, 0)))
        for index, (since, until) in enumerate(bounds)
    ]


def by_expiry_month(wallet: Wallet, *, at: datetime) -> list[Slice]:
    """What was outstanding at an instant by the month of its last valid day; points that never expire come last."""
    zone = wallet.program.time_zone
    months: dict[date | None, int] = {}
    for expires_at, points in _outstanding_by(wallet, at, lambda path: F(f"{path}expires_at")).items():
        month = last_valid_day(expires_at, zone).replace(day=1) if expires_at else None
        months[month] = months.get(month, 0) + points
    known = sorted(month for month, points in months.items() if month and points)
    slices = [Slice(m, add_months(m, 1), months[m], worth(wallet, months[m])) for m in known]
    forever = months.get(None, 0)
    return [*slices, Slice(None, None, forever, worth(wallet, forever))] if forever else slices


def outstanding_at(wallet: Wallet, *, at: datetime) -> int:
    """What members could still spend at an instant or later, as the books stood then."""
    return sum(_outstanding_by(wallet, at, lambda path: F(f"{path}account__wallet_id")).values())


def _outstanding_by(wallet: Wallet, at: datetime, key: Callable[[str], Any]) -> dict[Any, int]:
    """What is left on lots that had not run out at an instant, by a key over the lot (given the path to it).

    Present lots, less what was recorded since: for a past instant the cost is what has happened since then. Lots count
    by their present end.
    """
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    lots = Lot.objects.filter(alive, account__wallet=wallet, entry__recorded_at__lte=at, remaining__gt=0).order_by()
    found = dict(lots.annotate(key=key("")).values_list("key").annotate(points=Sum("remaining")))
    still = Q(lot__expires_at__isnull=True) | Q(lot__expires_at__gt=at)
    since = Allocation.objects.filter(
        still, entry__account__wallet=wallet, entry__recorded_at__gt=at, lot__entry__recorded_at__lte=at
    ).order_by()
    given, all_moved = Sum("amount", filter=Q(entry__amount__gt=0), default=0), Sum("amount")
    moves = since.annotate(key=key("lot__")).values_list("key").annotate(given=given, all_moved=all_moved)
    for name, points_given, points_moved in moves:
        found[name] = found.get(name, 0) + points_moved - 2 * points_given
    return found
