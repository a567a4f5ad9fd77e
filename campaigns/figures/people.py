"""Figures about members: how many there are, how many do something, and how many stay."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from campaigns.figures.catalogue import COUNT, DAY, MEMBERS, SHARE, TEXT, Column, Reading, figure, place
from loyalty.common.clock import add_months, day_start, local_day
from members.models import Member, Purchase
from rewards.models import Redemption

ACTIVE_MONTHS = 12
COHORTS = 12
COHORT_MONTHS = 36
TEN_THOUSANDTH = Decimal("0.0001")


@figure(
    _("Active members"),
    _("Members who bought or redeemed something in the 12 months before the end of the period."),
    group=MEMBERS,
    unit=COUNT,
)
def active_members(asked: Reading) -> int:
    """Distinct members with a purchase or a redemption that was not cancelled."""
    zone = asked.program.time_zone
    since = day_start(add_months(local_day(asked.end, zone), -ACTIVE_MONTHS), zone)
    bought = Purchase.objects.filter(program=asked.program, occurred_at__gte=since, occurred_at__lt=asked.end)
    redeemed = Redemption.objects.filter(
        program=asked.program, redeemed_at__gte=since, redeemed_at__lt=asked.end
    ).exclude(status=Redemption.Status.CANCELLED)
    return bought.order_by().values("member").union(redeemed.order_by().values("member")).count()


@figure(
    _("Members"),
    _("Everybody enrolled by the end of the period whose membership is not closed."),
    group=MEMBERS,
    unit=COUNT,
)
def members(asked: Reading) -> int:
    """Memberships that are active today."""
    return Member.objects.filter(program=asked.program, status=Member.Status.ACTIVE, enrolled_at__lt=asked.end).count()


def enrolled(asked: Reading) -> int:
    """Members whose enrolment lies in the period, closed ones too."""
    return _enrolled([asked])[0]


def enrolled_together(readings: Sequence[Reading]) -> None:
    """The same for many periods at once, kept for each of them: one query for all."""
    for one, found in zip(readings, _enrolled(readings), strict=True):
        one.known[enrolled] = found


def _enrolled(readings: Sequence[Reading]) -> list[int]:
    first, last = min(one.period.since for one in readings), max(one.end for one in readings)
    joined = Member.objects.filter(program=readings[0].program, enrolled_at__gte=first, enrolled_at__lt=last)
    counts = [Count("pk", filter=Q(enrolled_at__gte=one.period.since, enrolled_at__lt=one.end)) for one in readings]
    found = joined.order_by().aggregate(**{f"in_{n}": count for n, count in enumerate(counts)})
    return [found[f"in_{n}"] for n in range(len(readings))]


@figure(_("Enrolments"), _("Members enrolled in the period."), group=MEMBERS, unit=COUNT, together=enrolled_together)
def enrolments(asked: Reading) -> int:
    """Members whose enrolment lies in the period, closed ones too."""
    return asked.once(enrolled)


@figure(
    _("Members by tier"),
    _("Members whose membership is not closed, by the tier they are in now."),
    group=MEMBERS,
    columns=[Column("tier", _("Tier"), TEXT), Column("members", _("Members"), COUNT)],
    is_now=True,
)
def members_by_tier(asked: Reading) -> list[dict[str, Any]]:
    """Tiers from the lowest, each with its number of members."""
    active = Count("members", filter=Q(members__status=Member.Status.ACTIVE))
    tiers = asked.program.tiers.filter(is_on_ladder=True).order_by("rank").annotate(found=active)
    return [{"tier": tier, "members": tier.found} for tier in tiers]


AFTER = [
    Column(f"after_{n}", _("+%(months)s mo.") % {"months": n} if n else _("Same month"), SHARE) for n in range(COHORTS)
]


@figure(
    _("Retention"),
    _(
        "Members by the month they joined, the latest 12 of the 36 months up to the end of the period in which anybody did: the share of them that bought in that month and in each of the 11 months after it. The last month may still be running."
    ),
    group=MEMBERS,
    columns=[Column("month", _("Joined in"), DAY), Column("members", _("Members"), COUNT), *AFTER],
)
def retention(asked: Reading) -> list[dict[str, Any]]:
    """One row per month of joining, oldest first; shares of months that have not come are None. Two queries."""
    zone = asked.program.time_zone
    firsts = months_until(local_day(asked.instant, zone), COHORT_MONTHS)
    edges = [day_start(first, zone) for first in firsts]
    joined = Member.objects.filter(program=asked.program, enrolled_at__gte=edges[0], enrolled_at__lt=asked.end)
    by_month = joined.order_by().annotate(cohort=place("enrolled_at", edges)).values_list("cohort")
    sizes = sorted(by_month.annotate(found=Count("pk")))[-COHORTS:]
    if not sizes:
        return []
    since = edges[sizes[0][0]]
    bought = Purchase.objects.filter(
        program=asked.program, occurred_at__gte=since, occurred_at__lt=asked.end,
        member__enrolled_at__gte=since, member__enrolled_at__lt=asked.end,
    )  # fmt: skip
    pairs = bought.order_by().annotate(cohort=place("member__enrolled_at", edges), month=place("occurred_at", edges))
    buyers = pairs.values_list("cohort", "month").annotate(found=Count("member", distinct=True))
    counted = {(cohort, month): found for cohort, month, found in buyers}
    return [_cohort(cohort, firsts[cohort], size, counted) for cohort, size in sizes]


def _cohort(cohort: int, first: date, size: int, counted: dict[tuple[int, int], int]) -> dict[str, Any]:
    """A month of joining, with the share that bought in it and after it."""
    shares: dict[str, Decimal | None] = {}
    for later in range(COHORTS):
        found = Decimal(counted.get((cohort, cohort + later), 0))
        has_come = cohort + later < COHORT_MONTHS
        shares[f"after_{later}"] = (found / size).quantize(TEN_THOUSANDTH) if has_come else None
    return {"month": first, "members": size, **shares}


def months_until(day: date, count: int) -> list[date]:
    """The first days of so many months, the last of them the month of a day."""
    this = day.replace(day=1)
    return [add_months(this, -back) for back in range(count - 1, -1, -1)]
