"""Figures about points: issued, redeemed, run out and outstanding, and what they are worth."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.figures.catalogue import DAY, IN_POINTS, MONEY, POINTS, SHARE, Column, Estimate, Reading, figure, place
from campaigns.figures.people import TEN_THOUSANDTH, months_until
from loyalty.common.clock import day_start, local_day
from loyalty.ledger import finance, revenue
from loyalty.ledger import outstanding as outstanding_over
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.span import of_wallet

Kind = Entry.Kind
RUNNING_OUT_WITHIN = timedelta(days=30)
MONTHS = 12


def _of(asked: Reading, since: Any) -> Any:
    """Entries of the wallet that are true from an instant until the end. Nothing is recorded before it is true, which the index uses."""
    return Entry.objects.filter(
        of_wallet(asked.wallet, "account__"),
        recorded_at__gte=since,
        effective_at__gte=since,
        effective_at__lt=asked.end,
    ).order_by()


def _told(sums: dict[str, int]) -> dict[str, int]:
    return {
        "issued": sums.get(Kind.ACCRUAL, 0),
        "redeemed": -(sums.get(Kind.REDEMPTION, 0) + sums.get(Kind.REVERSAL, 0)),
        "expired": -sums.get(Kind.EXPIRY, 0),
    }


def moved(asked: Reading) -> dict[str, int]:
    """Issued, redeemed (less what came back) and expired points of the period, all as positive numbers: one query."""
    return _told(dict(_of(asked, asked.period.since).values_list("kind").annotate(points=Sum("amount"))))


def moved_together(readings: Sequence[Reading]) -> None:
    """The same for many periods at once, kept for each of them: one query for all."""
    earliest = min(one.period.since for one in readings)
    latest = max(readings, key=lambda one: one.end)
    sums = {
        f"of_{n}": Sum("amount", filter=Q(effective_at__gte=one.period.since, effective_at__lt=one.end), default=0)
        for n, one in enumerate(readings)
    }
    rows = list(_of(latest, earliest).values("kind").annotate(**sums))
    for n, one in enumerate(readings):
        one.known[moved] = _told({row["kind"]: row[f"of_{n}"] for row in rows})


@figure(
    _("Points issued"),
    _("Points earned in the period, before anything was taken back."),
    group=IN_POINTS,
    unit=POINTS,
    together=moved_together,
)
def points_issued(asked: Reading) -> int:
    """The sum of the accruals that are true in the period."""
    return asked.once(moved)["issued"]


@figure(
    _("Points redeemed"),
    _("Points spent on rewards in the period, less those given back by cancelling."),
    group=IN_POINTS,
    unit=POINTS,
    together=moved_together,
)
def points_redeemed(asked: Reading) -> int:
    """Redemptions less reversals that are true in the period."""
    return asked.once(moved)["redeemed"]


@figure(
    _("Points expired"),
    _("Points that ran out unused in the period."),
    group=IN_POINTS,
    unit=POINTS,
    together=moved_together,
)
def points_expired(asked: Reading) -> int:
    """The sum of the expiries that are true in the period."""
    return asked.once(moved)["expired"]


@figure(
    _("Redemption rate"),
    _("Points redeemed in the period divided by points issued in it."),
    group=IN_POINTS,
    unit=SHARE,
    together=moved_together,
)
def redemption_rate(asked: Reading) -> Decimal | None:
    """A share between 0 and 1 (above when more was spent than earned); None when nothing was issued."""
    found = asked.once(moved)
    return (Decimal(found["redeemed"]) / found["issued"]).quantize(TEN_THOUSANDTH) if found["issued"] else None


def outstanding(asked: Reading) -> int:
    """What could be spent at the last instant of the period or later, as the books stood then: two queries."""
    return outstanding_over.over(asked.wallet, [asked.instant])[0]


def outstanding_together(readings: Sequence[Reading]) -> None:
    """The same for many periods at once, kept for each of them: two queries for all."""
    found = outstanding_over.over(readings[0].wallet, [one.instant for one in readings])
    for one, points in zip(readings, found, strict=True):
        one.known[outstanding] = points


@figure(
    _("Outstanding points"),
    _(
        "Points members could still spend at the end of the period, then or later: open, held and pending ones that had not expired."
    ),
    group=IN_POINTS,
    unit=POINTS,
    together=outstanding_together,
)
def outstanding_points(asked: Reading) -> int:
    """What was left on the lots of the wallet that were not past their end."""
    return asked.once(outstanding)


@figure(
    _("Running out"),
    _("Outstanding points that end in the 30 days from now unless they are spent."),
    group=IN_POINTS,
    unit=POINTS,
    shown_in="outstanding_by_end",
    is_now=True,
)
def running_out(asked: Reading) -> int:
    """What is left on lots whose end lies in the 30 days after now."""
    ending = Lot.objects.filter(
        account__wallet=asked.wallet, remaining__gt=0, expires_at__gt=asked.at,
        expires_at__lte=asked.at + RUNNING_OUT_WITHIN,
    )  # fmt: skip
    return ending.aggregate(points=Sum("remaining", default=0))["points"]


@figure(
    _("Outstanding by the month it ends in"),
    _(
        "Outstanding points at the end of the period by the month of their last valid day; those that never run out come last."
    ),
    group=IN_POINTS,
    columns=[
        Column("month", _("Month"), DAY),
        Column("points", _("Points"), POINTS),
        Column("money", _("Money"), MONEY),
    ],
)
def outstanding_by_end(asked: Reading) -> list[dict[str, Any]]:
    """One row per month in which points end; the month of those that never do is None."""
    ends = finance.by_expiry_month(asked.wallet, at=asked.instant)
    return [{"month": one.since, "points": one.points, "money": one.money} for one in ends]


@figure(
    _("Liability"),
    _("Outstanding points times the money value of one point: what they would cost if all were spent."),
    group=IN_POINTS,
    unit=MONEY,
    together=outstanding_together,
)
def liability(asked: Reading) -> Decimal:
    """The money value of what was outstanding at the end of the period, at the present value of a point."""
    return finance.worth(asked.wallet, asked.once(outstanding))


def breakage(asked: Reading) -> revenue.Breakage:
    """What became of the points of each month of granting, as far as is known now."""
    return revenue.breakage(asked.wallet, at=asked.at)


@figure(
    _("Breakage rate"),
    _(
        "The share of points that run out unused, as the last 12 months of granting tell of which none can be spent any more; with its 95 % interval."
    ),
    group=IN_POINTS,
    unit=SHARE,
    shown_in="breakage_by_month",
    is_now=True,
)
def breakage_rate(asked: Reading) -> Estimate | None:
    """The estimate that finance uses; None as long as no month of granting is over."""
    found = asked.once(breakage)
    return None if found.share is None else Estimate(found.share, found.low, found.high)


@figure(
    _("Breakage by month"),
    _("Points granted in each of the last 24 months, what of them ran out unused, and what is still open."),
    group=IN_POINTS,
    columns=[
        Column("month", _("Granted in"), DAY),
        Column("granted", _("Granted"), POINTS),
        Column("unused", _("Unused"), POINTS),
        Column("open", _("Still open"), POINTS),
        Column("breakage", _("Breakage"), SHARE),
    ],
    is_now=True,
)
def breakage_by_month(asked: Reading) -> list[dict[str, Any]]:
    """One row per month of granting, oldest first; its breakage once nothing of it is open."""
    return [
        {"month": one.month, "granted": one.granted, "unused": one.unused, "open": one.open, "breakage": one.breakage}
        for one in asked.once(breakage).cohorts[-24:]
    ]


@figure(
    _("Points by month"),
    _("Points issued, redeemed and expired in each of the 12 months up to the end of the period."),
    group=IN_POINTS,
    columns=[
        Column("month", _("Month"), DAY),
        Column("issued", _("Issued"), POINTS),
        Column("redeemed", _("Redeemed"), POINTS),
        Column("expired", _("Expired"), POINTS),
    ],
)
def points_by_month(asked: Reading) -> list[dict[str, Any]]:
    """One row per month of the program clock, oldest first, months without movement too."""
    zone = asked.program.time_zone
    firsts = months_until(local_day(asked.instant, zone), MONTHS)
    edges = [day_start(first, zone) for first in firsts]
    rows = _of(asked, edges[0]).annotate(month=place("effective_at", edges)).values_list("month", "kind")
    sums: dict[int, dict[str, int]] = {}
    for month, kind, points in rows.annotate(points=Sum("amount")):
        sums.setdefault(month, {})[kind] = points
    return [{"month": first, **_told(sums.get(number, {}))} for number, first in enumerate(firsts)]
