"""What campaigns did: whom they reached, what they cost, and what they brought, against their control groups (DOMAIN 10.4, 13.1).

Any number of campaigns is measured with the same queries, read row by row. The lift is the average spend of treated
members less that of the control group, both of its audience: each member from the first moment on at which it was open to
them (`campaigns.openness`). Who is in which group is drawn, not kept: `conditions.in_control`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

from django.db.models import F, Q, QuerySet

from campaigns.conditions import in_control
from campaigns.lift import CENT, Group, Lift, lift_of
from campaigns.models import Campaign
from campaigns.openness import Opening, Person, openings, people
from loyalty.common.money import from_cents, sum_in_cents
from loyalty.ledger.models import Entry, Wallet
from members.models import Member, Purchase

AT_ONCE = 2000
MOST_OVERLAPS = 10


@dataclass(slots=True)
class Report:
    """What a campaign did until an instant. Points are in the wallet's smallest unit, before goods came back."""

    campaign: Campaign
    until: datetime
    members: int = 0
    purchases: int = 0
    points: int = 0
    cost: Decimal = Decimal(0)
    borne: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)
    lift: Lift | None = None
    overlaps: list[tuple[str, int]] = field(default_factory=list)

    @property
    def roi(self) -> Decimal | None:
        """(Incremental revenue - cost) / cost; None without a control group or without cost."""
        return None if self.lift is None else return_of(self.lift.revenue, self.cost)

    @property
    def roi_between(self) -> tuple[Decimal, Decimal] | None:
        """The ends of the interval at 95 % of the return."""
        if self.lift is None or not self.cost:
            return None
        edges = [return_of(edge, self.cost) for edge in (self.lift.revenue_low, self.lift.revenue_high)]
        return edges[0] or Decimal(0), edges[1] or Decimal(0)

    @property
    def goal_reached(self) -> Decimal:
        """How much of what the campaign wants is there."""
        told = {
            Campaign.Goal.REVENUE: self.revenue,
            Campaign.Goal.MEMBERS: Decimal(self.members),
            Campaign.Goal.VISITS: Decimal(self.purchases),
        }
        return told.get(Campaign.Goal(self.campaign.goal), Decimal(0))


@dataclass(slots=True)
class _Tally:
    """A report while it is added up."""

    report: Report
    rules: set[str]
    opened: Opening
    entered: dict[int, datetime] = field(default_factory=dict)
    reached: set[int] = field(default_factory=set)
    overlaps: Counter[str] = field(default_factory=Counter)
    exact: Fraction = Fraction(0)
    treated: Group = field(default_factory=Group)
    control: Group = field(default_factory=Group)

    @property
    def campaign(self) -> Campaign:
        return self.report.campaign

    def is_within(self, instant: datetime) -> bool:
        return self.campaign.since <= instant < self.report.until

    def is_in(self, member_id: int, status: str, enrolled_at: datetime) -> bool:
        """Whether a member who bought belongs to its audience; whoever joined after it does not, whatever was told of before."""
        is_there = enrolled_at < self.report.until if self.opened.is_for_all else member_id in self.entered
        return is_there and status == Member.Status.ACTIVE

    def enter(self, person: Person, zone: str) -> None:
        """Take a member into its audience, if it ever was open to them."""
        since = self.opened.since(person, zone)
        if since is not None:
            self.group(person.pk).members += 1
            if not self.opened.is_for_all:
                self.entered[person.pk] = since

    def group(self, member_id: int) -> Group:
        drawn = in_control(self.campaign.control_secret, self.campaign.control_percent, member_id)
        return self.control if drawn else self.treated


def return_of(revenue: Decimal, cost: Decimal) -> Decimal | None:
    """(Revenue - cost) / cost, to thousandths; None without cost."""
    return ((revenue - cost) / cost).quantize(Decimal("0.001"), ROUND_HALF_UP) if cost else None


def report(campaign: Campaign, *, at: datetime) -> Report:
    """Measure a campaign until an instant."""
    return reports([campaign], at=at)[0]


def reports(campaigns: Sequence[Campaign], *, at: datetime) -> list[Report]:
    """Measure campaigns of one program until an instant: the same queries, however many they are."""
    if not campaigns:
        return []
    wallet = Wallet.objects.get(program=campaigns[0].program_id, is_main=True)
    opened = openings(campaigns, {one.pk: min(one.until, at) for one in campaigns})
    tallies = [_Tally(Report(one.campaign, one.until), {terms.slug for terms in one.terms}, one) for one in opened]
    _add_awards(tallies, wallet)
    _add_members(tallies)
    _add_spending(tallies)
    return [_told(tally, wallet) for tally in tallies]


def _told(tally: _Tally, wallet: Wallet) -> Report:
    made = tally.report
    made.members, made.points = len(tally.reached), int(tally.exact * 10**wallet.decimals)
    made.cost = (made.points * wallet.money_per_unit).scaleb(-wallet.decimals).quantize(CENT, ROUND_HALF_UP)
    made.borne = (made.cost * tally.campaign.partner_percent / 100).quantize(CENT, ROUND_HALF_UP)
    made.overlaps = tally.overlaps.most_common(MOST_OVERLAPS)
    if tally.campaign.control_percent:
        made.lift = lift_of(tally.treated, tally.control)
    return made


def _add_awards(tallies: Sequence[_Tally], wallet: Wallet) -> None:
    """What each campaign's rules gave, from the explanations of the credits in which one of them counted."""
    for member_id, instant, steps in _awards(tallies, wallet):
        counted = {step["rule"] for step in steps}
        for tally in tallies:
            if not counted & tally.rules or not tally.is_within(instant):
                continue
            tally.report.purchases += 1
            tally.reached.add(member_id)
            tally.exact += sum((Fraction(step["gives"]) for step in steps if step["rule"] in tally.rules), Fraction(0))
            tally.overlaps.update(counted - tally.rules)


def _awards(tallies: Sequence[_Tally], wallet: Wallet) -> Iterator[tuple[int, datetime, list[dict[str, Any]]]]:
    """(member, instant, steps) of every purchase's or event's credit in which a rule of a campaign counted."""
    asked = Q()
    for slug in {slug for tally in tallies for slug in tally.rules}:
        asked |= Q(lot__rule_version__contains=f"{slug}@")
    if not asked:
        return iter(())
    since, until = _span(tallies)
    credits = Entry.objects.filter(
        asked, account__wallet=wallet, kind=Entry.Kind.ACCRUAL, recorded_at__gte=since, effective_at__gte=since,
        effective_at__lt=until, explanation__steps__isnull=False,
    ).exclude(reference__startswith="settled:")  # fmt: skip
    # Later parts and corrections of a purchase are no purchase of their own.
    rows = credits.order_by().values_list("account__member_account__member", "effective_at", "explanation__steps")
    return rows.iterator(chunk_size=AT_ONCE)


def _add_spending(tallies: Sequence[_Tally]) -> None:
    """What the members of each campaign's time paid in it, less what came back."""
    since, until = _span(tallies)
    kept = {
        f"kept_{place}": sum_in_cents(
            F("total") - F("refunded"),
            filter=Q(occurred_at__gte=tally.campaign.since, occurred_at__lt=tally.report.until),
        )
        for place, tally in enumerate(tallies)
    }
    bought = _bought(tallies, since, until)
    about = ("member_id", "member__status", "member__enrolled_at")
    told = bought.values(*about).annotate(**kept).values_list(*about, *kept)
    before = _spent_before(tallies)
    for member_id, status, enrolled_at, *spent in told.iterator(chunk_size=AT_ONCE):
        for place, (tally, cents) in enumerate(zip(tallies, spent, strict=True)):
            amount = from_cents(cents)
            if member_id in tally.reached:
                tally.report.revenue += amount
            if tally.campaign.control_percent and tally.is_in(member_id, status, enrolled_at):
                tally.group(member_id).spend(amount - before[place, member_id])


def _bought(tallies: Sequence[_Tally], since: datetime, until: datetime) -> QuerySet[Purchase]:
    program = tallies[0].campaign.program_id
    return Purchase.objects.filter(program=program, occurred_at__gte=since, occurred_at__lt=until).order_by()


def _spent_before(tallies: Sequence[_Tally]) -> Mapping[tuple[int, int], Decimal]:
    """By (place, member): what those who entered a campaign's audience late kept of what they bought in its time before."""
    found: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    asking = [(place, tally) for place, tally in enumerate(tallies) if tally.entered]
    late = {pk for _place, tally in asking for pk, since in tally.entered.items() if since > tally.campaign.since}
    if not late:
        return found
    since, until = _span([tally for _place, tally in asking])
    theirs = _bought(tallies, since, until).filter(member__any_of=sorted(late))
    rows = theirs.values_list("member_id", "occurred_at", "total", "refunded")
    for member_id, occurred_at, total, refunded in rows.iterator(chunk_size=AT_ONCE):
        for place, tally in asking:
            if tally.campaign.since <= occurred_at < tally.entered.get(member_id, tally.campaign.since):
                found[place, member_id] += total - refunded
    return found


def _add_members(tallies: Sequence[_Tally]) -> None:
    """How many members each group has: those of the audience, whether they bought or not."""
    drawing = [tally for tally in tallies if tally.campaign.control_percent]
    if not drawing:
        return
    program = drawing[0].campaign.program
    for person in people(program, [tally.opened for tally in drawing]):
        for tally in drawing:
            tally.enter(person, program.time_zone)


def _span(tallies: Sequence[_Tally]) -> tuple[datetime, datetime]:
    """From the first moment of the first campaign until the last of the last."""
    return min(tally.campaign.since for tally in tallies), max(tally.report.until for tally in tallies)


def seal_of(campaign: Campaign) -> str:
    """The fingerprint of the secret by which the control group is drawn: it can be told before the secret is."""
    return sha256(campaign.control_secret.encode()).hexdigest()


def groups(campaign: Campaign, *, at: datetime) -> Iterator[Mapping[str, Any]]:
    """Every member of the audience until an instant, since when, and the group drawn, so that anybody can draw it again."""
    (opened,) = openings([campaign], {campaign.pk: min(campaign.until, at)})
    for person in people(campaign.program, [opened]):
        since = opened.since(person, campaign.program.time_zone)
        if since is not None:
            is_out = in_control(campaign.control_secret, campaign.control_percent, person.pk)
            group = "control" if is_out else "treated"
            yield {"id": person.pk, "number": person.number, "group": group, "since": since}
