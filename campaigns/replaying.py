"""Recorded purchases and events walked again in order of time under any rules, in memory: nothing is written (DOMAIN 10.5).

Points are computed where all points are (`campaigns.rating`). Tiers, counted purchases, caps, budgets and refunds begin as they
were at the first instant, and from there on become what these rules make of them. Purchases are read in batches, each with a
constant number of statements.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any, NamedTuple

from django.db.models import Q

from campaigns import rules
from campaigns.awaited import Awaited
from campaigns.frozen import Frozen, explanations_of, reference_of
from campaigns.lasting import Lasting
from campaigns.models import RuleVersion
from campaigns.rating import Rating, basket_again, rules_between
from campaigns.recounting import given_up
from campaigns.remembering import memories_of
from campaigns.rules import RuleBook
from campaigns.taking_back import take_back
from campaigns.terms import PURCHASE, Award, Basket
from loyalty.ledger.models import Program
from members import retracing
from members.ladders import Ladder, ladder
from members.models import Event, Purchase, PurchaseLine, Refund, Tier
from members.returns import happened_at

BATCH = 5000
NO_AWARD = Award(0, 0, [], {}, "")


@dataclass(slots=True)
class Past:
    """A purchase as it is recorded, with its lines and the refunds that were applied, in order of time."""

    bought: Purchase
    lines: list[PurchaseLine] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def key(self) -> tuple[Any, ...]:
        """The order of purchases in time; at one instant by receipt."""
        return self.bought.occurred_at, 0, self.bought.source, self.bought.receipt


@dataclass(slots=True)
class Did:
    """An event as it is recorded. `tier` is the one it was recorded in, where an earlier tier policy decided it."""

    event: Event
    tier: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """The order of events in time: after a purchase of the same instant, among themselves by source and key."""
        return self.event.occurred_at, 1, self.event.source, self.event.key


class Replayed(NamedTuple):
    """What a purchase or an event comes to: in which tier, for how many points, and how many of them are taken back."""

    bought: Purchase | Event
    tier: Tier
    award: Award
    returned: int


def batches(
    program: Program,
    *,
    since: datetime,
    until: datetime,
    size: int = BATCH,
    members: Collection[int] | None = None,
) -> Iterator[list[Past]]:
    """The purchases of `[since, until)` in order of time; each batch is three queries, and ends between two instants.

    Those of all members, or of these.
    """
    inside = Purchase.objects.filter(program=program, occurred_at__lt=until).select_related("store")
    if members is not None:
        inside = inside.filter(member__any_of=list(members))
    begin, most = since, size
    while True:
        rows = list(inside.filter(occurred_at__gte=begin).order_by("occurred_at")[: most + 1])
        is_last = len(rows) <= most
        whole = rows if is_last else [one for one in rows if one.occurred_at < rows[-1].occurred_at]
        if not whole and not is_last:
            most *= 2
            continue
        if whole:
            yield past_of(sorted(whole, key=lambda one: (one.occurred_at, one.source, one.receipt)))
        if is_last:
            return
        begin, most = rows[-1].occurred_at, size


def past_of(bought: Sequence[Purchase]) -> list[Past]:
    """Purchases with their lines and refunds: two queries."""
    found = {one.pk: Past(one) for one in bought}
    for line in PurchaseLine.objects.filter(purchase__any_of=list(found)).order_by("number"):
        found[line.purchase_id].lines.append(line)
    refunded = [one.pk for one in bought if one.refunded]
    if refunded:
        applied = Refund.objects.filter(purchase__any_of=refunded, status=Refund.Status.APPLIED)
        for refund in applied.order_by("occurred_at", "number"):
            found[refund.purchase_id].refunds.append(refund)  # type: ignore[index]
    return list(found.values())


def with_events(
    program: Program, book: RuleBook, *, since: datetime, until: datetime, wall: datetime | None = None
) -> Iterator[list[Past | Did]]:
    """As `batches`, with what else members did in each stretch of time: one query more, and one where a tier policy ended before `wall`.

    Of events those that earned, and those that some rule is about.
    """
    kinds = {terms.activity for terms in rules_between(book.all, since, until)} - {PURCHASE}
    counted = Event.objects.filter(Q(kind__in=kinds) | Q(points__gt=0), program=program).order_by("occurred_at")
    begin, waiting = since, list[Past]()
    for bought in batches(program, since=since, until=until):
        if waiting:
            end = bought[0].bought.occurred_at
            yield _together(waiting, counted.filter(occurred_at__gte=begin, occurred_at__lt=end), wall)
            begin = end
        waiting = bought
    happened = _together(waiting, counted.filter(occurred_at__gte=begin, occurred_at__lt=until), wall)
    if happened:
        yield happened


def _together(bought: list[Past], events: Iterable[Event], wall: datetime | None) -> list[Past | Did]:
    """Purchases and events in one order of time; of events before a wall the tier they were recorded in."""
    did = [Did(one) for one in events]
    settled = [one for one in did if wall is not None and one.event.occurred_at < wall]
    told = explanations_of([one.event for one in settled]) if settled else {}
    for one in settled:
        one.tier = told.get(reference_of(one.event), {}).get("tier", "")
    return sorted([*bought, *did], key=lambda one: one.key)


class Replay:
    """One walk of a program's purchases from an instant on, under the rules of a book."""

    def __init__(
        self,
        program: Program,
        book: RuleBook,
        *,
        since: datetime,
        until: datetime,
        versions: Mapping[tuple[str, int], RuleVersion],
    ) -> None:
        """`versions` are the rules' versions by short name and number, for what refunds keep."""
        self.program, self.book, self.since, self.until = program, book, since, until
        self.steps: Ladder = ladder(program)
        decimals = self.steps.decimals
        asked = rules_between(book.all, since, until)
        self.memories = memories_of(program, asked, decimals=decimals, ceilings=book.ceilings, since=since)
        self.memory = self.memories[PURCHASE]
        self.ratings = {
            activity: Rating(
                program, decimals=decimals, since=since, until=until, activity=activity, book=book, counters=memory
            )
            for activity, memory in self.memories.items()
        }
        self.rating = self.ratings[PURCHASE]
        self.frozen = Frozen(book, self.rating.terms, versions)
        self.by_slug = {tier.slug: tier for tier in self.steps.by_id.values()}
        self.walks: dict[int, retracing.Walk] = {}
        self.later = Awaited(self.steps, Lasting(program.pk))
        self.coming: list[tuple[datetime, int, int, int, datetime, int]] = []

    def walk(self, batch: Sequence[Past | Did], *, is_told: bool = False) -> list[Replayed]:
        """The next purchases and events, each in its turn. A constant number of statements for the members not met before."""
        whose = {one.bought.member_id if isinstance(one, Past) else one.event.member_id for one in batch}
        self._admit(whose - self.walks.keys())
        self.later.read([one.bought for one in batch if isinstance(one, Past)])
        return [
            self._turn(one, is_told=is_told) if isinstance(one, Past) else self._event_turn(one, is_told=is_told)
            for one in batch
        ]

    def tier_at_end(self, member_id: int) -> Tier:
        """The tier a member who bought has at the end of the walk."""
        stays = self.walks[member_id].finish(self.until)
        return stays[-1].tier if stays else self.steps.tiers[0]

    def _admit(self, member_ids: set[int]) -> None:
        """Members as they stood just before the first instant."""
        if not member_ids:
            return
        for memory in self.memories.values():
            memory.read(member_ids, at=self.since)
        for member_id, rows in retracing.stays_of(member_ids).items():
            self.walks[member_id] = retracing.Walk([self.steps], rows, self.since)
        start = self.steps.since(min([self.since, *(self.walks[member_id].reads_from for member_id in member_ids)]))
        before = Purchase.objects.filter(member__any_of=sorted(member_ids), occurred_at__lt=self.since)
        if start is not None:
            before = before.filter(Q(occurred_at__gte=start) | Q(pk__in=self.later.counting_since(member_ids, start)))
        counted = past_of(list(before.order_by("occurred_at", "source", "receipt")))
        self.later.read([past.bought for past in counted])
        for past in counted:
            walk, bought = self.walks[past.bought.member_id], past.bought
            for refund in past.refunds:
                walk.give_back(happened_at(refund, bought), refund.qualifying_points, refund.qualifying_spend)
            figures = bought.qualifying_points, bought.qualifying_spend
            walk.buy(bought.occurred_at, *figures, reference_of(bought), self.later.recorded(bought))

    def _turn(self, past: Past, *, is_told: bool) -> Replayed:
        """One purchase: its tier, its award, what its refunds take back, and what it counts for what comes after."""
        bought = past.bought
        at, reference, walk = bought.occurred_at, reference_of(bought), self.walks[bought.member_id]
        self._let_come(at)
        tier = self._tier(bought, walk)
        parts = [line.eligible for line in past.lines] or [bought.eligible]
        award = self.rating.award(
            bought.member_id,
            basket_again(bought, past.lines, parts),
            tier.slug,
            at,
            reference=reference,
            is_told=is_told or bool(past.refunds),
        )
        returned = self._return(past, tier, award, walk) if past.refunds else 0
        walk.buy(at, award.qualifying, bought.qualifying_spend, reference, self.later.of(bought, award))
        return Replayed(bought, tier, award, returned)

    def _event_turn(self, did: Did, *, is_told: bool) -> Replayed:
        """One event: its tier, its award, and what it gives back when it is taken back."""
        event = did.event
        at, walk = event.occurred_at, self.walks[event.member_id]
        self._let_come(at)
        tier = self.by_slug.get(did.tier) or walk.tier_at(at)
        if (rating := self.ratings.get(event.kind)) is None:
            return Replayed(event, tier, NO_AWARD, 0)
        basket = Basket(activity=event.kind, partner=event.source)
        award = rating.award(event.member_id, basket, tier.slug, at, reference=reference_of(event), is_told=is_told)
        if event.taken_back_at is None:
            return Replayed(event, tier, award, 0)
        for taken in award.taken:
            campaign_id = taken.terms.campaign_id if taken.terms.has_budget else 0
            when = max(event.taken_back_at, at)
            heappush(self.coming, (when, taken.terms.rule_id, campaign_id, event.member_id, at, taken.points))
        return Replayed(event, tier, award, award.points)

    def _let_come(self, at: datetime) -> None:
        """What came back until an instant is free again."""
        while self.coming and self.coming[0][0] <= at:
            _when, rule_id, campaign_id, member_id, happened, points = heappop(self.coming)
            self.memory.give_back(rule_id, campaign_id, member_id, happened, points)

    def _tier(self, bought: Purchase, walk: retracing.Walk) -> Tier:
        """The tier a purchase meets. What an earlier tier policy decided stands: then it is the one that is recorded."""
        is_settled = self.steps.wall is not None and bought.occurred_at < self.steps.wall
        return self.steps.by_id[bought.tier_id] if is_settled else walk.tier_at(bought.occurred_at)

    def _return(self, past: Past, tier: Tier, award: Award, walk: retracing.Walk) -> int:
        """What the refunds take back in all; tiers, caps and budgets get theirs at the instant of each."""
        bought, returned = past.bought, 0
        given_back: dict[int, int] = defaultdict(int)

        def rated(lines: Sequence[PurchaseLine], parts: Sequence[Decimal]) -> Award:
            return self.frozen.award(bought, lines, parts, tier.slug, award.explanation)

        earned = {"points": award.points, "qualifying": award.qualifying}
        for back in take_back(self.program, bought, past.lines, past.refunds, rated=rated, **earned):
            walk.give_back(back.when, back.qualifying, back.spend)
            returned += back.points
            for taken in award.taken:
                terms = taken.terms
                more = given_up(taken.points, terms.rule_id, back.still, given_back[terms.rule_id])
                if more:
                    given_back[terms.rule_id] += more
                    campaign_id = terms.campaign_id if terms.has_budget else 0
                    came = (back.when, terms.rule_id, campaign_id, bought.member_id, bought.occurred_at, more)
                    heappush(self.coming, came)
        return returned


def versions_of(program: Program) -> dict[tuple[str, int], RuleVersion]:
    """Every version of a program's rules by short name and number: one query."""
    found = RuleVersion.objects.filter(rule__program=program).select_related("rule__campaign")
    return {(version.rule.slug, version.number): version for version in found}


def replay_live(program: Program, *, since: datetime, until: datetime) -> Replay:
    """A walk under the rules as they are published."""
    return Replay(program, rules.book(program), since=since, until=until, versions=versions_of(program))
