"""Shop helpers of these tests: a standing rule and sales, made by the verbs."""

from datetime import UTC, datetime
from decimal import Decimal

from campaigns import purchases, refunds, rules
from campaigns.models import Campaign, Rule
from campaigns.purchases import Recorded, Sale
from campaigns.refunds import Refunded, Return
from loyalty.ledger.models import Program
from members.models import Member, Purchase

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ONE_PER_ONE = {"award": {"kind": "rate", "points": "1", "per": "1"}}


def open_shop(program: Program, definition: dict | None = None) -> Program:
    """A base rule that has always counted: one point per unit of money."""
    add_rule(program, "base", definition or ONE_PER_ONE)
    return program


def add_rule(program: Program, slug: str, definition: dict, *, campaign: Campaign | None = None) -> Rule:
    """A rule whose first version has always counted."""
    rule = Rule.objects.create(program=program, slug=slug, name=slug.title(), campaign=campaign)
    rules.publish(rule, definition, since=LONG_AGO, at=LONG_AGO, actor="test")
    return rule


def add_campaign(program: Program, slug: str, since: datetime, until: datetime, **more) -> Campaign:
    """A live campaign."""
    return Campaign.objects.create(
        program=program, slug=slug, name=slug.title(), since=since, until=until, status=Campaign.Status.LIVE, **more
    )


def sale(member: Member, amount: str, at: datetime, *, receipt: str = "", **more) -> Sale:
    """A sale of one amount; the receipt is made from its facts unless given."""
    return Sale(
        member=member,
        source="test",
        receipt=receipt or f"{member.pk}-{at:%Y%m%d%H%M%S}-{amount}",
        occurred_at=at,
        total=Decimal(amount),
        currency=more.pop("currency", member.program.currency),
        **more,
    )


def buy(member: Member, amount: str, at: datetime, *, recorded_at: datetime | None = None, **more) -> Recorded:
    """Record a sale, by default at the moment it happened."""
    return purchases.record(member.program, sale(member, amount, at, **more), at=recorded_at or at, actor="test")


def give_back(
    bought: Purchase, at: datetime, amount: str = "", *, number: str = "", recorded_at: datetime | None = None, **more
) -> Refunded:
    """Goods of a purchase come back, by default recorded at that moment; the number is made from the instant unless given."""
    back = Return(
        source=bought.source,
        receipt=bought.receipt,
        number=number or f"{at:%Y%m%d%H%M%S}",
        occurred_at=at,
        amount=Decimal(amount) if amount else None,
        **more,
    )
    return refunds.refund(bought.program, back, at=recorded_at or at, actor="test")
