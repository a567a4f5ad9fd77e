"""Goods that came back in the demo: a few of the last weeks' purchases, in part or wholly, reported as a shop would."""

from datetime import datetime, timedelta
from decimal import Decimal

from campaigns import refunds
from campaigns.refunds import Return
from loyalty.ledger.models import Program
from members.models import Member, Purchase

RETURNS = 12
WEEKS = 20


def give_back(program: Program, stars: list[Member], *, at: datetime) -> int:
    """Take back goods of a dozen purchases, one of each star first; telling it again changes nothing. Returns how many."""
    recent = Purchase.objects.filter(
        program=program, occurred_at__gte=at - timedelta(weeks=WEEKS), occurred_at__lt=at - timedelta(days=9), total__gte=10
    ).select_related("program")  # fmt: skip
    theirs = [recent.filter(member=star).order_by("-occurred_at", "receipt").first() for star in stars]
    others = recent.exclude(member__in=stars).order_by("-occurred_at", "receipt")[::5]
    chosen = [one for one in (*theirs, *others) if one is not None][:RETURNS]
    for number, bought in enumerate(chosen):
        share = (Decimal("0.5"), Decimal(1), Decimal("0.25"))[number % 3]
        back = Return(
            source=bought.source,
            receipt=bought.receipt,
            number=f"R{number + 1:03}",
            occurred_at=bought.occurred_at + timedelta(days=3 + number % 5),
            amount=(bought.total * share).quantize(Decimal("0.01")),
        )
        refunds.refund(program, back, at=at, actor="import")
    return len(chosen)
