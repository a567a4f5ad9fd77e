"""Figures about purchases: what members pay, how often, and what a member is worth."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.figures.catalogue import BUYING, COUNT, DAY, MONEY, SHARE, TIMES, Column, Reading, figure, place
from campaigns.figures.people import TEN_THOUSANDTH
from loyalty.common.clock import day_start, local_day
from loyalty.common.money import from_cents, sum_in_cents
from members.models import Member, Purchase, Refund

HUNDREDTH = Decimal("0.01")
WEEKS = 26


class Bought(NamedTuple):
    """Who bought in a period: how many members, how many of them more than once, their purchases and what they paid."""

    buyers: int
    again: int
    purchases: int
    total: Decimal


def bought(asked: Reading) -> Bought:
    """The purchases of the period, by member: one query."""
    inside = Purchase.objects.filter(
        program=asked.program, occurred_at__gte=asked.period.since, occurred_at__lt=asked.end
    )
    by_member = inside.order_by().values("member").annotate(times=Count("pk"), paid=sum_in_cents("total"))
    found = by_member.aggregate(
        buyers=Count("member"),
        again=Count("member", filter=Q(times__gte=2)),
        purchases=Sum("times", default=0),
        total=Sum("paid"),
    )
    return Bought(found["buyers"], found["again"], found["purchases"], from_cents(found["total"]))


def _money(amount: Any) -> Decimal:
    return Decimal(amount).quantize(HUNDREDTH, ROUND_HALF_UP)


@figure(
    _("Sales to members"),
    _("What members paid in the period, after discounts and before goods came back."),
    group=BUYING,
    unit=MONEY,
)
def sales(asked: Reading) -> Decimal:
    """The total of the purchases in the program's currency."""
    return asked.once(bought).total


@figure(_("Purchases"), _("Purchases of members in the period."), group=BUYING, unit=COUNT)
def purchases(asked: Reading) -> int:
    """Their number."""
    return asked.once(bought).purchases


@figure(
    _("Average purchase"),
    _("What members paid in the period divided by the number of their purchases."),
    group=BUYING,
    unit=MONEY,
)
def average_purchase(asked: Reading) -> Decimal | None:
    """Money per purchase, rounded half up to hundredths; None without a purchase."""
    found = asked.once(bought)
    return _money(found.total / found.purchases) if found.purchases else None


@figure(
    _("Purchase frequency"),
    _("Purchases of the period divided by the members who bought in it."),
    group=BUYING,
    unit=TIMES,
)
def purchase_frequency(asked: Reading) -> Decimal | None:
    """Purchases per buying member, to hundredths; None where nobody bought."""
    found = asked.once(bought)
    return _money(Decimal(found.purchases) / found.buyers) if found.buyers else None


@figure(
    _("Repeat-purchase rate"),
    _("Members who bought at least twice in the period divided by the members who bought in it."),
    group=BUYING,
    unit=SHARE,
)
def repeat_purchase_rate(asked: Reading) -> Decimal | None:
    """A share between 0 and 1; None where nobody bought."""
    found = asked.once(bought)
    return (Decimal(found.again) / found.buyers).quantize(TEN_THOUSANDTH) if found.buyers else None


@figure(
    _("Lifetime value"),
    _(
        "What all members have paid until the end of the period, less what came back until then, divided by everybody ever enrolled until then."
    ),
    group=BUYING,
    unit=MONEY,
)
def lifetime_value(asked: Reading) -> Decimal | None:
    """Money per member, whether they ever bought or not; None without a member. Three queries."""
    people = Member.objects.filter(program=asked.program, enrolled_at__lt=asked.end).count()
    paid = Purchase.objects.filter(program=asked.program, occurred_at__lt=asked.end)
    back = Refund.objects.filter(program=asked.program, occurred_at__lt=asked.end, status=Refund.Status.APPLIED)
    kept = from_cents(paid.aggregate(all=sum_in_cents("total"))["all"])
    kept -= from_cents(back.aggregate(all=sum_in_cents("amount"))["all"])
    return _money(kept / people) if people else None


@figure(
    _("Purchases by week"),
    _(
        "Purchases of members in each of the last 26 full weeks before the end of the period, Monday to Sunday in the program clock."
    ),
    group=BUYING,
    columns=[
        Column("week", _("Week from"), DAY),
        Column("purchases", _("Purchases"), COUNT),
        Column("total", _("Sales"), MONEY),
    ],
)
def purchases_by_week(asked: Reading) -> list[dict[str, Any]]:
    """One row per week, oldest first, with the number of purchases and their total."""
    zone = asked.program.time_zone
    today = local_day(asked.end, zone)
    monday = today - timedelta(days=today.weekday())
    mondays = [monday - timedelta(weeks=back) for back in range(WEEKS, 0, -1)]
    edges = [day_start(first, zone) for first in mondays]
    inside = Purchase.objects.filter(
        program=asked.program, occurred_at__gte=edges[0], occurred_at__lt=day_start(monday, zone)
    )
    rows = inside.order_by().annotate(week=place("occurred_at", edges)).values_list("week")
    found = {
        week: (count, cents) for week, count, cents in rows.annotate(count=Count("pk"), cents=sum_in_cents("total"))
    }
    nothing = (0, 0)
    return [
        {"week": first, "purchases": found.get(number, nothing)[0], "total": from_cents(found.get(number, nothing)[1])}
        for number, first in enumerate(mondays)
    ]
