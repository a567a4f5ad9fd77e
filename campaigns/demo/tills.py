"""Bills that the members to show paid partly with points: one as it should be, one of which goods came back."""

from datetime import datetime, timedelta
from decimal import Decimal

from campaigns import purchases
from campaigns.demo.program import ACTOR
from campaigns.purchases import Sale
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members.models import Member
from rewards import paying
from rewards.models import PointsPayment, PointsTerms

SOURCE = "counter"
BILL, POINTS = Decimal("24.00"), 400


def pay(program: Program, stars: list[Member], *, at: datetime) -> None:
    """The terms, and a payment for each; nothing twice."""
    if PointsTerms.objects.filter(wallet__program=program).exists():
        return
    PointsTerms.objects.create(
        wallet=program.wallets.get(is_main=True), value=Decimal("0.005"), minimum=200, step=100, share=Decimal(50)
    )
    store = Store.objects.filter(program=program, code="jakarta").first()
    when = at - timedelta(hours=2)
    for number, star in enumerate(stars, start=1):
        receipt = f"P-{number:04}"
        held = paying.hold(
            star, POINTS, basket=BILL, at=when, reference=f"demo-bill-{number}", actor=ACTOR, till="1", store=store
        )
        made = paying.capture(held, at=when, source=SOURCE, receipt=receipt, actor=ACTOR)
        sale = Sale(
            source=SOURCE, receipt=receipt, occurred_at=when, total=BILL, currency=program.currency, member=star,
            store=store, channel="store", items=2, paid_with_points=made.money,
        )  # fmt: skip
        purchases.record(program, sale, at=when, actor=ACTOR)
    back = PointsPayment.objects.filter(program=program, source=SOURCE).order_by("id").last()
    if back:
        paying.give_back(back, Decimal("1.00"), number="B-0001", at=at - timedelta(hours=1), actor=ACTOR)
