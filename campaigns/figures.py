"""The figures of a program. Each has one written definition, shown to people as its hint, and one function (DOMAIN 13.1).

All are computed from the books and the purchases in whole sets, a constant number of queries whatever the size. A
period is `[since, until)` in the program clock. Points are in the wallet's smallest unit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMonth, TruncWeek
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.ledger import statements
from loyalty.ledger.models import Entry, Lot, Program, Wallet
from members.models import Member, Purchase
from rewards.models import Redemption

Kind = Entry.Kind
ACTIVE_MONTHS = 12
RUNNING_OUT_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Period:
    """A stretch of time with exclusive end, and its name."""

    name: str
    title: Any
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Figure:
    """What a figure is called, and exactly what it counts."""

    title: Any
    definition: Any
    function: Callable[..., Any]


FIGURES: dict[str, Figure] = {}


def figure(title: Any, definition: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the one place where this figure is computed."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        FIGURES[function.__name__] = Figure(title, definition, function)
        return function

    return register


def periods(program: Program, *, at: datetime) -> dict[str, Period]:
    """The periods one can look at: this month, last month, the last 12 months, all in the program clock."""
    zone, today = program.time_zone, local_day(at, program.time_zone)
    month = today.replace(day=1)
    before = add_months(month, -1)
    tomorrow = day_start(today + timedelta(days=1), zone)
    found = [
        Period("month", _("This month"), day_start(month, zone), tomorrow),
        Period("last_month", _("Last month"), day_start(before, zone), day_start(month, zone)),
        Period("year", _("The last 12 months"), day_start(add_months(today, -12) + timedelta(days=1), zone), tomorrow),
    ]
    return {period.name: period for period in found}


@figure(_("Active members"), _("Members who bought or redeemed something in the last 12 months."))
def active_members(program: Program, *, at: datetime) -> int:
    """Distinct members with a purchase or a redemption that was not cancelled in the twelve months before `at`."""
    since = day_start(add_months(local_day(at, program.time_zone), -ACTIVE_MONTHS), program.time_zone)
    bought = Purchase.objects.filter(program=program, occurred_at__gte=since, occurred_at__lte=at)
    redeemed = Redemption.objects.filter(program=program, redeemed_at__gte=since, redeemed_at__lte=at).exclude(
        status=Redemption.Status.CANCELLED
    )
    return bought.order_by().values("member").union(redeemed.order_by().values("member")).count()


@figure(_("Members"), _("Everybody enrolled whose membership is not closed."))
def members(program: Program, *, at: datetime) -> int:
    """Active memberships at `at`."""
    return Member.objects.filter(program=program, status=Member.Status.ACTIVE, enrolled_at__lte=at).count()


@figure(_("Enrolments"), _("Members enrolled in the period."))
def enrolments(program: Program, *, period: Period) -> int:
    """Members whose enrolment lies in the period, closed ones too."""
    return Member.objects.filter(program=program, enrolled_at__gte=period.since, enrolled_at__lt=period.until).count()


def _moved(wallet: Wallet, period: Period) -> Any:
    """Entries of a wallet that were true in the period. Nothing is recorded before it is true, which the index uses."""
    return Entry.objects.filter(
        account__wallet=wallet,
        recorded_at__gte=period.since,
        effective_at__gte=period.since,
        effective_at__lt=period.until,
    ).order_by()


def points_moved(wallet: Wallet, *, period: Period) -> dict[str, int]:
    """Issued, redeemed (less what came back) and expired points of a period, all as positive numbers."""
    sums = dict(_moved(wallet, period).values_list("kind").annotate(points=Sum("amount")))
    return {
        "issued": sums.get(Kind.ACCRUAL, 0),
        "redeemed": -(sums.get(Kind.REDEMPTION, 0) + sums.get(Kind.REVERSAL, 0)),
        "expired": -sums.get(Kind.EXPIRY, 0),
    }


@figure(_("Points issued"), _("Points earned in the period, before anything was taken back."))
def points_issued(wallet: Wallet, *, period: Period) -> int:
    """The sum of the accruals that are true in the period."""
    return points_moved(wallet, period=period)["issued"]


@figure(_("Points redeemed"), _("Points spent on rewards in the period, less those given back by cancelling."))
def points_redeemed(wallet: Wallet, *, period: Period) -> int:
    """Redemptions less reversals that are true in the period."""
    return points_moved(wallet, period=period)["redeemed"]


@figure(_("Points expired"), _("Points that ran out unused in the period."))
def points_expired(wallet: Wallet, *, period: Period) -> int:
    """The sum of the expiries that are true in the period."""
    return points_moved(wallet, period=period)["expired"]


@figure(
    _("Outstanding points"),
    _("Points members could still spend, now or later: open, held and pending ones that have not expired."),
)
def outstanding_points(wallet: Wallet, *, at: datetime) -> int:
    """What is left on the lots of the wallet that are not past their end."""
    return statements.outstanding(wallet, at=at)


@figure(_("Running out"), _("Outstanding points that end in the next 30 days unless they are spent."))
def running_out(wallet: Wallet, *, at: datetime) -> int:
    """What is left on lots whose end lies in the 30 days after `at`."""
    ending = Lot.objects.filter(
        account__wallet=wallet, remaining__gt=0, expires_at__gt=at, expires_at__lte=at + RUNNING_OUT_WITHIN
    )
    return ending.aggregate(points=Sum("remaining"))["points"] or 0


def liability_of(wallet: Wallet, points: int) -> Decimal:
    """The money value of points, in the program's currency."""
    return (points * wallet.money_per_unit).scaleb(-wallet.decimals).quantize(Decimal("0.01"))


@figure(
    _("Liability"), _("Outstanding points times the money value of one point: what they would cost if all were spent.")
)
def liability(wallet: Wallet, *, at: datetime) -> Decimal:
    """The money value of what is outstanding."""
    return liability_of(wallet, outstanding_points(wallet, at=at))


@figure(_("Redemption rate"), _("Points redeemed divided by points issued, both in the last 12 months."))
def redemption_rate(wallet: Wallet, *, at: datetime) -> Decimal | None:
    """A share between 0 and 1 (above when more was spent than earned); None when nothing was issued."""
    moved = points_moved(wallet, period=periods(wallet.program, at=at)["year"])
    return Decimal(moved["redeemed"]) / moved["issued"] if moved["issued"] else None


@figure(_("Sales to members"), _("What members paid in the period, after discounts."))
def sales(program: Program, *, period: Period) -> dict[str, Any]:
    """Number of purchases and their total in the program's currency."""
    bought = Purchase.objects.filter(program=program, occurred_at__gte=period.since, occurred_at__lt=period.until)
    found = bought.aggregate(count=Count("pk"), total=Sum("total"))
    return {"count": found["count"], "total": found["total"] or Decimal(0)}


@figure(_("Average purchase"), _("What members paid in the period divided by the number of their purchases."))
def average_purchase(program: Program, *, period: Period) -> Decimal | None:
    """Money per purchase, rounded half up to hundredths; None without a purchase."""
    return average(sales(program, period=period))


def average(sold: dict[str, Any]) -> Decimal | None:
    """The average of what `sales` found."""
    if not sold["count"]:
        return None
    return (sold["total"] / sold["count"]).quantize(Decimal("0.01"), ROUND_HALF_UP)


@figure(_("Members by tier"), _("Members whose membership is not closed, by the tier they are in now."))
def members_by_tier(program: Program) -> list[dict[str, Any]]:
    """Tiers from the lowest, each with its number of members."""
    active = Count("members", filter=Q(members__status=Member.Status.ACTIVE))
    return [{"tier": tier, "members": tier.found} for tier in program.tiers.order_by("rank").annotate(found=active)]


@figure(
    _("Points by month"), _("Points issued, redeemed and expired in each of the last 12 months of the program clock.")
)
def points_by_month(wallet: Wallet, *, at: datetime, months: int = 12) -> list[dict[str, Any]]:
    """One row per month, oldest first, months without movement too."""
    zone = wallet.program.time_zone
    this = local_day(at, zone).replace(day=1)
    firsts = [add_months(this, -back) for back in range(months - 1, -1, -1)]
    span = Period("", "", day_start(firsts[0], zone), day_start(add_months(this, 1), zone))
    month = TruncMonth("effective_at", tzinfo=ZoneInfo(zone))
    rows = _moved(wallet, span).annotate(month=month).values_list("month", "kind").annotate(points=Sum("amount"))
    sums: dict[tuple[date, str], int] = {(first.date(), kind): points for first, kind, points in rows}
    return [
        {
            "month": first,
            "issued": sums.get((first, Kind.ACCRUAL), 0),
            "redeemed": -(sums.get((first, Kind.REDEMPTION), 0) + sums.get((first, Kind.REVERSAL), 0)),
            "expired": -sums.get((first, Kind.EXPIRY), 0),
        }
        for first in firsts
    ]


@figure(
    _("Purchases by week"),
    _("Purchases of members in each of the last 26 full weeks, Monday to Sunday in the program clock."),
)
def purchases_by_week(program: Program, *, at: datetime, weeks: int = 26) -> list[dict[str, Any]]:
    """One row per week, oldest first, with the number of purchases and their total."""
    zone, today = program.time_zone, local_day(at, program.time_zone)
    monday = today - timedelta(days=today.weekday())
    mondays = [monday - timedelta(weeks=back) for back in range(weeks, 0, -1)]
    bought = Purchase.objects.filter(
        program=program, occurred_at__gte=day_start(mondays[0], zone), occurred_at__lt=day_start(monday, zone)
    )
    week = TruncWeek("occurred_at", tzinfo=ZoneInfo(zone))
    rows = bought.order_by().annotate(week=week).values_list("week").annotate(count=Count("pk"), total=Sum("total"))
    found = {first.date(): (count, total) for first, count, total in rows}
    return [{"week": m, "count": found.get(m, (0, 0))[0], "total": found.get(m, (0, Decimal(0)))[1]} for m in mondays]
