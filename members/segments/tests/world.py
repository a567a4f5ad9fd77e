"""A small shop with a dozen different members, and a plain reading of a segment's question, member by member."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from loyalty.ledger.models import Program
from loyalty.ledger.statements import balance, expiring
from loyalty.pos.models import Store
from members import consents
from members.enrolment import enrol, main_account
from members.models import Event, Member, Purchase, PurchaseLine
from members.segments.models import MemberScore
from members.testing import give_points

NOW = datetime(2026, 6, 15, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def bought(
    member: Member,
    days: int,
    total: str,
    *,
    channel: str = "",
    store: Store | None = None,
    lines: Any = (),
    refunded: str = "0",
) -> Purchase:
    """A purchase so many days before now; lines are (product, category, amount) and where they have one a brand."""
    at = NOW - days * DAY
    number = Purchase.objects.count()
    purchase = Purchase.objects.create(
        program=member.program, member=member, source="test", receipt=f"r{number}", occurred_at=at, recorded_at=at, store=store,
        channel=channel, currency="IDR", total=Decimal(total), eligible=Decimal(total), tier=member.tier, refunded=Decimal(refunded), digest="-",
    )  # fmt: skip
    for number, (product, category, amount, *brand) in enumerate(lines, start=1):
        PurchaseLine.objects.create(
            purchase=purchase, number=number, product=product, category=category, amount=Decimal(amount), eligible=Decimal(amount),
            brand="".join(brand[:1]), collection="".join(brand[1:2]), supplier="".join(brand[2:]),
        )  # fmt: skip
    return purchase


def did(member: Member, kind: str, days: int) -> Event:
    """An event so many days before now."""
    at = NOW - days * DAY
    return Event.objects.create(
        program=member.program, member=member, source="test", key=f"e{Event.objects.count()}", kind=kind, occurred_at=at, recorded_at=at
    )  # fmt: skip


def agreed(member: Member, still: bool) -> None:
    """A yes to news by e-mail, which some take back."""
    consents.give(member, "email", "marketing", at=NOW - DAY, source="portal", actor="test")
    if not still:
        consents.withdraw(member, "email", "marketing", at=NOW, source="portal", actor="test")


def open_world(program: Program) -> list[Member]:
    """Twelve members who differ in all that conditions ask."""
    kota = Store.objects.create(program=program, code="kota", name="Kota")
    tiers = list(program.tiers.order_by("rank"))
    members = []
    for number in range(12):
        day = datetime(1990, number % 12 + 1, 28).date() if number % 4 else None
        member = enrol(
            program, at=NOW - (number * 17 + 1) * DAY, actor="test", name=f"M{number}", language=("en", "id", "ms")[number % 3],
            birthday=day, welcome=False, company="Toko" if number % 5 == 0 else "",
        )  # fmt: skip
        member.tier = tiers[number % 3]
        member.save()
        members.append(member)
        for time in range(number % 5):
            lines = (
                [("mug", "gift", "40.10", "clay", "raya"), ("beans", "coffee", "9.90", "kopi-tua", "", "toba")]
                if time % 2
                else [("beans", "coffee", "50.00", "java" if number % 2 else "kopi-tua")]
            )
            bought(member, 1 + time * 40 + number, "50.00", channel="web" if (number + time) % 2 else "", store=kota if time % 3 == 0 else None, lines=lines)  # fmt: skip
        for time in range(number % 3):
            did(member, "review" if time else "visit", 5 + time * 60)
        if number % 3 == 0:
            agreed(member, number % 2 == 0)
        if number % 2:
            give_points(member, 100 * number, at=NOW - (number * 17) * DAY)
    taken_back = did(members[0], "review", 3)
    Event.objects.filter(pk=taken_back.pk).update(taken_back_at=NOW - DAY)
    bought(members[5], 2, "80.00", refunded="80.00")
    bought(members[6], 2, "80.00", refunded="30.00")
    for buyer, back in ((members[7], "15.05"), (members[8], "40.10")):
        of_goods = bought(
            buyer, 3, "50.00", refunded=back, lines=[("mug", "gift", "40.10", "clay"), ("beans", "coffee", "9.90")]
        )
        of_goods.lines.filter(product="mug").update(refunded=Decimal(back))
    members[11].status = Member.Status.CLOSED
    members[11].save()
    return members


def expected(definition: dict[str, Any], members: list[Member]) -> set[str]:
    """The names of the members that a question describes, asked one by one in plain Python."""
    return {m.name for m in members if m.status == "active" and _holds(definition, m)}


def _holds(definition: dict[str, Any], member: Member) -> bool:
    join = {"all": all, "any": any}
    return join[definition["match"]](
        [
            join[group["match"]]([_one(told, member) != told.get("not", False) for told in group["conditions"]])
            for group in definition["groups"]
        ]
    )


def _one(told: dict[str, Any], member: Member) -> bool:
    return PLAIN[told["about"]](told, member)


def _between(told: dict[str, Any], number: Any, least: str = "least", most: str = "most") -> bool:
    return number >= Decimal(told.get(least, 0)) and (most not in told or number <= Decimal(told[most]))


def _is_within(told: dict[str, Any], at: datetime) -> bool:
    return at <= NOW and ("days" not in told or at > NOW - told["days"] * DAY)


def _ago(told: dict[str, Any], at: datetime) -> bool:
    return ("least" not in told or at <= NOW - told["least"] * DAY) and (
        "most" not in told or at >= NOW - told["most"] * DAY
    )


def _kept(member: Member) -> list[Purchase]:
    return [p for p in Purchase.objects.filter(member=member) if p.refunded < p.total or not p.total]


def _amounts(told: dict[str, Any], purchase: Purchase) -> list[Decimal]:
    """What of a purchase a condition looks at; empty when it looks elsewhere."""
    code = purchase.store.code if purchase.store else ""
    if not _is_within(told, purchase.occurred_at) or ("stores" in told and code not in told["stores"]):
        return []
    if "channels" in told and purchase.channel not in told["channels"]:
        return []
    if not {"products", "categories", "brands", "collections", "suppliers"} & told.keys():
        return [purchase.total - purchase.refunded]
    return [
        line.amount - line.refunded
        for line in purchase.lines.all()
        if (line.refunded < line.amount or not line.amount)
        and (
            line.product in told.get("products", ())
            or line.category in told.get("categories", ())
            or line.brand in told.get("brands", ())
            or line.collection in told.get("collections", ())
            or line.supplier in told.get("suppliers", ())
        )
    ]


def _purchases(told: dict[str, Any], member: Member) -> bool:
    times, money = 0, Decimal(0)
    for purchase in _kept(member):
        amounts = _amounts(told, purchase)
        times, money = times + bool(amounts), money + sum(amounts)
    return _between(told, times) and _between(told, money, "spent_least", "spent_most")


def _bought(told: dict[str, Any], member: Member) -> bool:
    last = max((p.occurred_at for p in _kept(member) if _amounts(told, p)), default=None)
    return last is not None and _ago(told, last)


def _events(told: dict[str, Any], member: Member) -> bool:
    found = [
        e
        for e in Event.objects.filter(member=member)
        if e.taken_back_at is None
        and _is_within(told, e.occurred_at)
        and ("kinds" not in told or e.kind in told["kinds"])
    ]
    return _between(told, len(found))


def _points(told: dict[str, Any], member: Member) -> bool:
    return _between(told, balance(main_account(member).pk, at=NOW).available)


def _expiring(told: dict[str, Any], member: Member) -> bool:
    found = expiring(main_account(member).pk, at=NOW, until=NOW + told["days"] * DAY)
    return sum(points for _day, points in found) >= max(1, int(told.get("least", 1)))


def _birthday(told: dict[str, Any], member: Member) -> bool:
    month = {"this": 6, "next": 7}.get(told["month"]) or int(told["month"])
    return member.birthday is not None and member.birthday.month == month


def _score(told: dict[str, Any], member: Member) -> bool:
    score = MemberScore.objects.filter(member=member).first()
    number = getattr(score, told["part"]) if score else None
    return number is not None and _between(told, number)


def _consent(told: dict[str, Any], member: Member) -> bool:
    return consents.has(member, told["channel"], told["purpose"])


def _class(told: dict[str, Any], member: Member) -> bool:
    return MemberScore.objects.filter(member=member, class_name__in=told["is"]).exists()


PLAIN = {
    "tier": lambda told, member: member.tier.slug in told["is"], "language": lambda told, member: member.language in told["is"],
    "birthday": _birthday, "business": lambda told, member: bool(member.company) == (told["is"] == "yes"), "enrolled": lambda told, member: _ago(told, member.enrolled_at), "points": _points, "expiring": _expiring,
    "purchases": _purchases, "bought": _bought, "events": _events, "consent": _consent, "class": _class, "score": _score,
}  # fmt: skip
