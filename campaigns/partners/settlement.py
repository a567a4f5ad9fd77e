"""What a partner owes for a month, and the closing of that month by a person.

Postings less take-backs are owed at the price each was posted at. Of a campaign run together the partner owes its percentage of
what the campaign's points are worth: those of activities until the month's end as they are known now, less what earlier months
settled. So goods returned later and purchases reported late are in a later month, and all months together are the whole. A closed
month is sealed and never changes; what comes for it later is settled in the first open one.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Sum
from django.utils.translation import gettext as _

from campaigns.models import Campaign, RuleUse
from campaigns.partners.letters import tell_contact
from campaigns.partners.models import Partner, PartnerPosting, PartnerTakeBack, Settlement
from campaigns.partners.months import first_open, last_closed
from campaigns.partners.posting import locked
from loyalty.common import typed
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger import finance, seals
from loyalty.ledger.models import Program, Wallet
from loyalty.ledger.violations import Violation

CENT = Decimal("0.01")


class SettlementNotDue(Refusal):
    """The month still runs, is settled already, or another one comes first."""

    code = "settlement_not_due"


class MonthUnknown(Refusal):
    """A month before the agreement, or one that is still to come."""

    code = "month_unknown"
    status = 404


@dataclass(slots=True)
class Price:
    """What was posted and taken back at one price per point, in the wallet's smallest unit."""

    price: Decimal
    postings: int = 0
    posted: int = 0
    take_backs: int = 0
    taken_back: int = 0

    @property
    def points(self) -> int:
        """Posted less taken back."""
        return self.posted - self.taken_back


@dataclass(frozen=True, slots=True)
class Shared:
    """A campaign run together: its points of the month, their worth, and the part that the partner bears."""

    slug: str
    name: str
    percent: int
    points: int
    worth: Decimal
    owed: Decimal


@dataclass(slots=True)
class Figures:
    """A month of a partner. `owed` is below zero where more was taken back than posted."""

    month: date
    decimals: int
    currency: str
    prices: list[Price] = field(default_factory=list)
    campaigns: list[Shared] = field(default_factory=list)

    def total(self, name: str) -> int:
        """The sum over all prices: of `postings`, `posted`, `take_backs`, `taken_back` or `points`."""
        return sum(getattr(price, name) for price in self.prices)

    def owed_at(self, price: Price) -> Decimal:
        """What is owed at one price, to the cent."""
        return cents((price.points * price.price).scaleb(-self.decimals))

    @property
    def owed(self) -> Decimal:
        """What is owed in all."""
        parts = [self.owed_at(price) for price in self.prices] + [shared.owed for shared in self.campaigns]
        return sum(parts, Decimal("0.00"))

    def as_json(self) -> dict[str, Any]:
        """The figures as a closed month keeps them."""
        prices = [
            {"price": str(p.price), "postings": p.postings, "posted": p.posted, "take_backs": p.take_backs, "taken_back": p.taken_back, "owed": str(self.owed_at(p))}
            for p in self.prices
        ]  # fmt: skip
        shared = [
            {"slug": c.slug, "name": c.name, "percent": c.percent, "points": c.points, "worth": str(c.worth), "owed": str(c.owed)}
            for c in self.campaigns
        ]  # fmt: skip
        told = {"decimals": self.decimals, "currency": self.currency, "points": self.total("points")}
        return told | {"owed": str(self.owed), "prices": prices, "campaigns": shared}


def cents(amount: Decimal) -> Decimal:
    """Money to the hundredth."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def figures_of(partner: Partner, month: date) -> tuple[Figures, Settlement | None]:
    """A month's figures, and its settlement if it is closed: then as they were closed."""
    month = month.replace(day=1)
    settled = Settlement.objects.filter(partner=partner, month=month).first()
    return (_kept(settled), settled) if settled else (reckon(partner, month), None)


def reckon(partner: Partner, month: date) -> Figures:
    """A month's figures as they are known now: five queries."""
    wallet = Wallet.objects.select_related("program").get(program=partner.program_id, is_main=True)
    found = Figures(month, wallet.decimals, partner.program.currency)
    found.prices = _prices(partner, month)
    before: dict[str, int] = defaultdict(int)
    for settled in Settlement.objects.filter(partner=partner, month__lt=month).values_list("figures", flat=True):
        for told in settled["campaigns"]:
            before[told["slug"]] += told["points"]
    until = day_start(add_months(month, 1), partner.program.time_zone)
    given = _given(partner, until)
    for campaign in Campaign.objects.filter(partner=partner).order_by("slug"):
        points = given.get(campaign.pk, 0) - before[campaign.slug]
        if points:
            worth = finance.worth(wallet, points)
            owed = cents(worth * campaign.partner_percent / 100)
            found.campaigns.append(Shared(campaign.slug, campaign.name, campaign.partner_percent, points, worth, owed))
    return found


def close_month(partner: Partner, month: date, *, at: datetime, actor: str) -> Settlement:
    """Close a month of a partner for good, and write to its contact. Waits for postings that are on their way.

    Raises SettlementNotDue; then nothing has changed.
    """
    month = month.replace(day=1)
    with transaction.atomic():
        partner = locked(partner)
        refuse_unless_due(partner, month, at=at)
        before = last_closed(partner)
        figures = reckon(partner, month)
        made = Settlement(partner=partner, month=month, closed_at=at, closed_by=actor, figures=figures.as_json())
        made.seal = seals.seal_of(made, before.seal if before else "")
        made.save(force_insert=True)
        tell_contact(made, figures.owed, figures.total("points"), at=at)
        return made


def refuse_unless_due(partner: Partner, month: date, *, at: datetime) -> None:
    """Whether a month is the next to be closed, and over. Raises SettlementNotDue."""
    due, shown = first_open(partner), f"{month:%Y-%m}"
    if month < due:
        raise SettlementNotDue(_("%(month)s is closed already, or was before the agreement.") % {"month": shown})
    if month > due:
        raise SettlementNotDue(_("Months are closed in order: close %(first)s first.") % {"first": f"{due:%Y-%m}"})
    if at < day_start(add_months(month, 1), partner.program.time_zone):
        raise SettlementNotDue(
            _("%(month)s is not over yet: it can be closed from %(day)s in the program clock.")
            % {"month": shown, "day": add_months(month, 1).isoformat()}
        )


def months_of(partner: Partner, *, at: datetime) -> list[date]:
    """From the month that runs back to that of the agreement; three years at most."""
    month = local_day(at, partner.program.time_zone).replace(day=1)
    first = local_day(partner.created_at, partner.program.time_zone).replace(day=1)
    found: list[date] = []
    while month >= first and len(found) < 36:
        found.append(month)
        month = add_months(month, -1)
    return found


def movements_by_month(partner: Partner) -> dict[date, tuple[int, int]]:
    """Points posted and taken back, by the month they are settled in: two queries."""
    found: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for place, rows in enumerate((partner.postings.all(), partner.take_backs.all())):
        for month, points in rows.order_by().values_list("month").annotate(total=Sum("points")):
            found[month][place] = points
    return {month: (posted, back) for month, (posted, back) in found.items()}


def month_told(partner: Partner, text: str, *, at: datetime) -> date:
    """A month somebody typed, from that of the agreement to the one that runs. Raises NotAnInstant, MonthUnknown."""
    month, zone = typed.month(text), partner.program.time_zone
    if not local_day(partner.created_at, zone).replace(day=1) <= month <= local_day(at, zone):
        raise MonthUnknown(_("This partner has no such month: it is before the agreement or still to come."))
    return month


def prove(program: Program) -> Iterator[Violation]:
    """What is wrong with the settled months of a program's partners, for `verify_ledger`."""
    for partner in Partner.objects.filter(program=program).order_by("pk"):
        yield from (Violation("settled month", 0, found) for found in problems(partner))


def problems(partner: Partner) -> Iterator[str]:
    """What is wrong with the settled months: edited, missing, or not what postings and take-backs add up to."""
    before: Settlement | None = None
    for settled in Settlement.objects.filter(partner=partner).order_by("month"):
        if before and settled.month != add_months(before.month, 1):
            yield f"{partner.slug} {add_months(before.month, 1):%Y-%m}: it is missing"
        elif not seals.holds(settled, before.seal if before else ""):
            yield f"{partner.slug} {settled.month:%Y-%m}: what was closed was edited"
        points = sum(price.points for price in _prices(partner, settled.month))
        if points != settled.figures.get("points"):
            yield f"{partner.slug} {settled.month:%Y-%m}: {points} points of {settled.figures.get('points')}"
        before = settled


def _prices(partner: Partner, month: date) -> list[Price]:
    """The month's postings and take-backs by price: two queries."""
    found: dict[Decimal, Price] = {}
    posted = PartnerPosting.objects.filter(partner=partner, month=month).order_by()
    for price, count, points in posted.values_list("price").annotate(count=Count("pk"), total=Sum("points")):
        found[price] = Price(price, postings=count, posted=points)
    back = PartnerTakeBack.objects.filter(partner=partner, month=month).order_by()
    for price, count, points in back.values_list("posting__price").annotate(count=Count("pk"), total=Sum("points")):
        line = found.setdefault(price, Price(price))
        line.take_backs, line.taken_back = count, points
    return [found[price] for price in sorted(found)]


def _given(partner: Partner, until: datetime) -> dict[int, int]:
    """What the campaigns run together gave for activities before an instant, less what came back: by campaign, one query."""
    uses = RuleUse.objects.filter(rule__campaign__partner=partner, occurred_at__lt=until).order_by()
    return dict(uses.values_list("rule__campaign").annotate(points=Sum(F("points") - F("points_back"))))


def _kept(settled: Settlement) -> Figures:
    told = settled.figures
    names = ("postings", "posted", "take_backs", "taken_back")
    prices = [Price(Decimal(one["price"]), **{name: one[name] for name in names}) for one in told["prices"]]
    shared = [
        Shared(one["slug"], one["name"], one["percent"], one["points"], Decimal(one["worth"]), Decimal(one["owed"]))
        for one in told["campaigns"]
    ]
    return Figures(settled.month, told["decimals"], told["currency"], prices, shared)
