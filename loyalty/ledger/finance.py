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

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Case, F, IntegerField, Q, Sum, Value, When

from loyalty.common.clock import add_months, day_start, last_valid_day, local_day
from loyalty.ledger.models import Allocation, Entry, Lot, PeriodClose, Wallet
from loyalty.ledger.span import of_wallet, recorded

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
Outstanding = Counter[tuple[int, datetime | None]]
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
    return rolled(wallet, month.replace(day=1), since, until)


def rolled(wallet: Wallet, named: date, since: datetime, until: datetime) -> RollForward:
    """What was recorded in `[since, until)`, under the name of its first day."""
    moved = dict.fromkeys(dict.fromkeys(COLUMN_OF.values()), 0)
    rows = Entry.objects.filter(of_wallet(wallet, "account__"), recorded("", since, until)).order_by()
    for kind, points in rows.values_list("kind").annotate(points=Sum("amount")):
        column = COLUMN_OF[Entry.Kind(kind)]
        moved[column] += -points if column in TAKEN else points
    return RollForward(month=named, opening=_opening(wallet, since), **moved)


def _opening(wallet: Wallet, since: datetime) -> int:
    """What all entries recorded before an instant add up to, from the last closed month before it on."""
    zone = wallet.program.time_zone
    signed = PeriodClose.objects.filter(wallet=wallet).order_by("-month")
    ends = ((close, day_start(add_months(close.month, 1), zone)) for close in signed)
    last, begin = next(((close, end) for close, end in ends if end <= since), (None, None))
    entries = Entry.objects.filter(of_wallet(wallet, "account__"), recorded("", begin, since))
    total = entries.aggregate(points=Sum("amount"))["points"]
    return (last.figures["closing"] if last else 0) + (total or 0)


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
    return valued(wallet, at=at).ages


def by_expiry_month(wallet: Wallet, *, at: datetime) -> list[Slice]:
    """What was outstanding at an instant by the month of its last valid day; points that never expire come last."""
    return valued(wallet, at=at).ends


@dataclass(frozen=True, slots=True)
class Valued:
    """What was outstanding at an instant and what it was worth: by age and by the month it ends in (`money` per point)."""

    per_unit: Decimal
    points: int
    money: Decimal
    ages: list[Slice]
    ends: list[Slice]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        parts = {name: [_slice_json(part) for part in getattr(self, name)] for name in ("ages", "ends")}
        return {"per_unit": f"{self.per_unit:f}", "points": self.points, "money": f"{self.money:f}", **parts}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Valued":
        """What `as_json` wrote."""
        ages, ends = ([_slice_from(part) for part in told[name]] for name in ("ages", "ends"))
        return cls(Decimal(told["per_unit"]), told["points"], Decimal(told["money"]), ages, ends)


def _slice_json(part: Slice) -> list[Any]:
    return [
        part.since and part.since.isoformat(),
        part.until and part.until.isoformat(),
        part.points,
        f"{part.money:f}",
    ]


def _slice_from(told: list[Any]) -> Slice:
    since, until = (date.fromisoformat(day) if day else None for day in told[:2])
    return Slice(since, until, told[2], Decimal(told[3]))


def valued(wallet: Wallet, *, at: datetime) -> Valued:
    """What was outstanding at an instant, valued at the wallet's present worth of a point: all slices from one reading."""
    found = _outstanding(wallet, at)
    points = sum(found.values())
    return Valued(wallet.money_per_unit, points, worth(wallet, points), _ages(wallet, at, found), _ends(wallet, found))


def _ages(wallet: Wallet, at: datetime, found: Outstanding) -> list[Slice]:
    steps = _steps(wallet, at)
    sums: Counter[int] = Counter()
    for (index, _end), points in found.items():
        sums[index] += points
    bounds = zip([*steps, None], [None, *steps], strict=True)
    return [Slice(begin, end, sums[n], worth(wallet, sums[n])) for n, (begin, end) in enumerate(bounds)]


def _ends(wallet: Wallet, found: Outstanding) -> list[Slice]:
    months: Counter[date | None] = Counter()
    for (_index, expires_at), points in found.items():
        last = last_valid_day(expires_at, wallet.program.time_zone).replace(day=1) if expires_at else None
        months[last] += points
    forever = months.pop(None, 0)
    slices = [Slice(m, add_months(m, 1), months[m], worth(wallet, months[m])) for m in sorted(filter(None, +months))]
    return [*slices, Slice(None, None, forever, worth(wallet, forever))] if forever else slices


def _steps(wallet: Wallet, at: datetime) -> list[date]:
    """The days on which the ages begin, the youngest first."""
    today = local_day(at, wallet.program.time_zone)
    return [add_months(today, -months) for months in AGES]


def month_end(month: date, zone: str) -> datetime:
    """A month's last instant in the program clock: what ends at midnight is still there."""
    return month_bounds(month, zone)[1] - timedelta(microseconds=1)


def outstanding_at(wallet: Wallet, *, at: datetime) -> int:
    """What members could still spend at an instant or later, as the books stood then."""
    return sum(_outstanding(wallet, at).values())


def _outstanding(wallet: Wallet, at: datetime) -> Outstanding:
    """What is left on lots that had not run out at an instant, by age (its place in AGES) and end.

    Open lots as they are, less what was recorded since: for a past instant the cost is what has happened since then.
    Lots count by their present end. Three queries.
    """
    edges = [day_start(day, wallet.program.time_zone) for day in _steps(wallet, at)]

    def age_of(path: str) -> Case:
        whens = [When(**{f"{path}granted_at__gte": edge}, then=Value(index)) for index, edge in enumerate(edges)]
        return Case(*whens, default=Value(len(edges)), output_field=IntegerField())

    own, alive = of_wallet(wallet, "account__"), Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    opened = Lot.objects.filter(own, alive, remaining__gt=0).annotate(age=age_of(""), end=F("expires_at"))
    lots = opened.values_list("age", "end").order_by()
    found: Outstanding = Counter({(age, end): points for age, end, points in lots.annotate(points=Sum("remaining"))})
    for age, end, points in lots.filter(entry__recorded_at__gt=at).annotate(points=Sum("remaining")):
        found[age, end] -= points
    still = Q(lot__expires_at__isnull=True) | Q(lot__expires_at__gt=at)
    since = Allocation.objects.filter(
        still, of_wallet(wallet, "entry__account__"), entry__recorded_at__gt=at, lot__entry__recorded_at__lte=at
    ).order_by()
    given, all_moved = Sum("amount", filter=Q(entry__amount__gt=0), default=0), Sum("amount")
    moves = (
        since.annotate(age=age_of("lot__"), end=F("lot__expires_at"))
        .values_list("age", "end")
        .annotate(given=given, all_moved=all_moved)
    )
    for age, end, points_given, points_moved in moves:
        found[age, end] += points_moved - 2 * points_given
    return found
