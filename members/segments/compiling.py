"""A segment's question as one query: sets of members, cut and joined in the database (DOMAIN 10.1).

Every condition is a set of member ids. "All of" cuts sets, "any of" unites them, "not" takes one away from all members; there
is no loop over members and no subquery per member, so that a million of them are one pass over each table that is asked.
A purchase counts when not all of it came back, and so does a line of it. Days are counted back from the instant asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, ExpressionWrapper, F, Max, Q, QuerySet, Sum

from loyalty.common.clock import add_months, local_day
from loyalty.common.money import sum_in_cents
from loyalty.ledger.models import Lot, Program
from members import consents
from members.models import Event, Member, Purchase, PurchaseLine
from members.segments.definitions import ANY, GOODS
from members.segments.models import MemberScore

Told = Mapping[str, Any]
# Part of the purchase's amount that was not taken back, in cents: whole numbers add up alike in every engine.
_KEPT = ExpressionWrapper(F("total") - F("refunded"), output_field=DecimalField(max_digits=16, decimal_places=2))

_KEPT_OF_LINE = ExpressionWrapper(
    F("amount") - F("refunded"), output_field=DecimalField(max_digits=16, decimal_places=2)
)


@dataclass(frozen=True)
class Asked:
    """Of whom and for when a question is asked; `only` narrows it to one member."""

    program: Program
    at: datetime
    only: int | None = None

    @property
    def members(self) -> QuerySet[Member]:
        """Everybody who can be in a segment: the active members of the program, enrolled by then."""
        found = Member.objects.filter(program=self.program, status=Member.Status.ACTIVE, enrolled_at__lte=self.at)
        return (found if self.only is None else found.filter(pk=self.only)).order_by()

    def did(self, rows: QuerySet[Any], days: int | None) -> QuerySet[Any]:
        """What members did up to the instant, within so many days before it."""
        rows = rows.filter(program=self.program, occurred_at__lte=self.at).order_by()
        rows = rows if days is None else rows.filter(occurred_at__gt=self.at - timedelta(days=days))
        return rows if self.only is None else rows.filter(member=self.only)


def members(definition: Told, program: Program, *, at: datetime, only: int | None = None) -> QuerySet[Member]:
    """The members whom a sound definition describes at an instant, unordered."""
    asked = Asked(program, at, only)
    groups = [_joined([condition_q(told, asked) for told in group["conditions"]], group["match"], asked)
              for group in definition["groups"]]  # fmt: skip
    return asked.members.filter(_joined(groups, definition["match"], asked))


def condition_q(told: Told, asked: Asked) -> Q:
    """One condition as a filter of members."""
    found = ABOUT[told["about"]](told, asked)
    return _everybody_but(found, asked) if told.get("not") else found


def _ids(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.order_by().values("pk")


def _everybody_but(found: Q, asked: Asked) -> Q:
    return Q(pk__in=_ids(asked.members).difference(_ids(asked.members.filter(found))))


def _joined(parts: list[Q], match: str, asked: Asked) -> Q:
    """Sets cut or united."""
    if len(parts) == 1 or match != ANY:
        joined = Q()
        for part in parts:
            joined &= part
        return joined
    first, *others = (_ids(asked.members.filter(part)) for part in parts)
    return Q(pk__in=first.union(*others))


def _between(rows: QuerySet[Any], column: str, told: Told, asked: Asked, least: str = "least", most: str = "most",
             *, unit: int = 1) -> Q:  # fmt: skip
    """Members whose figure in grouped `rows` lies between two bounds; who has no row has nothing, which is 0."""
    low = int(Decimal(told.get(least, 0)) * unit)
    high = int(Decimal(told[most]) * unit) if most in told else None
    if low > 0:
        bounds = {f"{column}__gte": low} | ({f"{column}__lte": high} if high is not None else {})
        return Q(pk__in=rows.filter(**bounds).values("member"))
    if high is None:
        return Q()
    return _everybody_but(Q(pk__in=rows.filter(**{f"{column}__gt": high}).values("member")), asked)


def _tier(told: Told, asked: Asked) -> Q:
    return Q(tier__in=asked.program.tiers.filter(slug__in=told["is"]).order_by().values("pk"))


def _language(told: Told, asked: Asked) -> Q:
    return Q(language__in=told["is"])


def _birthday(told: Told, asked: Asked) -> Q:
    today = local_day(asked.at, asked.program.time_zone)
    months = {"this": today.month, "next": add_months(today.replace(day=1), 1).month}
    return Q(birthday__month=months.get(told["month"]) or int(told["month"]))


def _business(told: Told, asked: Asked) -> Q:
    return ~Q(company="") if told["is"] == "yes" else Q(company="")


def _ago(field: str, told: Told, asked: Asked) -> Q:
    """At least and at most so many days before the instant."""
    found = Q()
    if "least" in told:
        found &= Q(**{f"{field}__lte": asked.at - timedelta(days=told["least"])})
    if "most" in told:
        found &= Q(**{f"{field}__gte": asked.at - timedelta(days=told["most"])})
    return found


def _enrolled(told: Told, asked: Asked) -> Q:
    return _ago("enrolled_at", told, asked)


def _lots(asked: Asked) -> QuerySet[Any]:
    """Open lots of the main wallet, to be grouped by member."""
    open_lots = Lot.objects.filter(
        account__wallet__program=asked.program, account__wallet__is_main=True, remaining__gt=F("held"),
    ).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=asked.at))  # fmt: skip
    if asked.only is not None:
        open_lots = open_lots.filter(account__member_account__member=asked.only)
    return open_lots.order_by().annotate(member=F("account__member_account__member"))


def _unit(asked: Asked) -> int:
    return 10 ** asked.program.wallets.get(is_main=True).decimals


def _points(told: Told, asked: Asked) -> Q:
    lots = _lots(asked).filter(available_at__lte=asked.at).values("member")
    return _between(lots.annotate(points=Sum(F("remaining") - F("held"))), "points", told, asked, unit=_unit(asked))


def _expiring(told: Told, asked: Asked) -> Q:
    """Points that run out within the days; those that wait for a confirming event are nobody's to lose."""
    until = asked.at + timedelta(days=told["days"])
    lots = _lots(asked).filter(expires_at__lte=until, available_at__lt=F("expires_at")).values("member")
    unit = _unit(asked)
    least = max(1, int(Decimal(told.get("least", 0)) * unit))
    return _between(lots.annotate(points=Sum(F("remaining") - F("held"))), "points", {"least": least}, asked)


def kept(purchases: QuerySet[Purchase]) -> QuerySet[Purchase]:
    """Purchases of which not everything came back."""
    return purchases.filter(Q(refunded__lt=F("total")) | Q(total=0))


def _kept_at(told: Told, asked: Asked) -> QuerySet[Purchase]:
    """The kept purchases of the stores and channels and days that a condition names."""
    bought = kept(asked.did(Purchase.objects.all(), told.get("days")))
    if "stores" in told:
        bought = bought.filter(store__in=asked.program.stores.filter(code__in=told["stores"]).order_by().values("pk"))
    return bought.filter(channel__in=told["channels"]) if "channels" in told else bought


def _lines_of(told: Told, bought: QuerySet[Purchase]) -> QuerySet[Any, Any] | None:
    """The kept lines of these purchases whose product, category, brand, collection or supplier is named; None where none is named."""
    if not any(name in told for name in GOODS):
        return None
    named = Q(product__in=told.get("products", ())) | Q(category__in=told.get("categories", ()))
    named |= Q(brand__in=told.get("brands", ())) | Q(collection__in=told.get("collections", ()))
    named |= Q(supplier__in=told.get("suppliers", ()))
    kept_lines = Q(refunded__lt=F("amount")) | Q(amount=0)
    lines = PurchaseLine.objects.filter(named, kept_lines, purchase__in=bought.values("pk")).order_by()
    return lines.annotate(member=F("purchase__member")).values("member")


def _purchases(told: Told, asked: Asked) -> Q:
    """How many, and for how much; with goods named: purchases that have them, and the money of those lines."""
    bought = _kept_at(told, asked)
    rows: QuerySet[Any, Any] = bought.values("member")
    times: Any = Count("pk")
    amount: Any = _KEPT
    lines = _lines_of(told, bought)
    if lines is not None:
        rows, times, amount = lines, Count("purchase", distinct=True), _KEPT_OF_LINE
    found = Q()
    if "least" in told or "most" in told:
        found &= _between(rows.annotate(times=times), "times", told, asked)
    if "spent_least" in told or "spent_most" in told:
        found &= _between(
            rows.annotate(cents=sum_in_cents(amount)), "cents", told, asked, "spent_least", "spent_most", unit=100
        )
    return found  # fmt: skip


def _bought(told: Told, asked: Asked) -> Q:
    bought = _kept_at(told, asked)
    lines = _lines_of(told, bought)
    last = bought.values("member").annotate(last=Max("occurred_at"))
    rows = last if lines is None else lines.annotate(last=Max("purchase__occurred_at"))
    return Q(pk__in=rows.filter(_ago("last", told, asked)).values("member"))


def _events(told: Told, asked: Asked) -> Q:
    rows = asked.did(Event.objects.filter(taken_back_at__isnull=True), told.get("days"))
    rows = rows.filter(kind__in=told["kinds"]) if "kinds" in told else rows
    return _between(rows.values("member").annotate(times=Count("pk")), "times", told, asked)


def _consent(told: Told, asked: Asked) -> Q:
    agreed = consents.members_with(asked.program, told["channel"], told["purpose"], at=asked.at)
    agreed = agreed if asked.only is None else agreed.filter(member=asked.only)
    return Q(pk__in=agreed.values("member"))


def _class(told: Told, asked: Asked) -> Q:
    scored = MemberScore.objects.filter(program=asked.program, class_name__in=told["is"])
    return Q(pk__in=scored.order_by().values("member"))


def _score(told: Told, asked: Asked) -> Q:
    bounds = {f"{told['part']}__{how}": told[name] for name, how in (("least", "gte"), ("most", "lte")) if name in told}
    return Q(pk__in=MemberScore.objects.filter(program=asked.program, **bounds).order_by().values("member"))


ABOUT: dict[str, Callable[[Told, Asked], Q]] = {
    "tier": _tier, "language": _language, "birthday": _birthday, "business": _business, "enrolled": _enrolled, "points": _points, "expiring": _expiring,
    "purchases": _purchases, "bought": _bought, "events": _events, "consent": _consent, "class": _class, "score": _score,
}  # fmt: skip
