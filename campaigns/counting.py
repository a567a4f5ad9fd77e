"""What conditions and caps need to know from before, read for a whole batch with a constant number of statements.

Only what some rule of the batch's time asks is read: under plain rules nothing is. While a batch is walked in order of time, its
own purchases and awards are added, so that the next one of the same member knows of them.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Q

from campaigns import audience
from campaigns.budgets import Budgets, read_budgets, write_uses
from campaigns.ceilings import NO_CEILINGS, Ceilings
from campaigns.conditions import ABOUT_EARLIER, ABOUT_SEGMENTS, ABOUT_SHOPPER, period_start
from campaigns.models import RuleUse
from campaigns.terms import PURCHASE, WALLET, Award, Known, Limit, RuleTerms, Shopper, Taken
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program
from members.models import Event, Member, Purchase

PLAIN = Known()


class Needs:
    """What a batch has to read, told by the rules that count in its time."""

    def __init__(self, rules: Iterable[RuleTerms], activity: str = PURCHASE) -> None:
        """Look at the rules once."""
        rules = [terms for terms in rules if terms.activity == activity]
        names = {name for terms in rules for name, _ in terms.conditions}
        self.shopper = bool(names & ABOUT_SHOPPER)
        self.earlier = bool(names & ABOUT_EARLIER)
        self.segments = {
            slug for terms in rules for name, value in terms.conditions if name in ABOUT_SEGMENTS for slug in value
        }
        self.capped = {terms.rule_id: terms for terms in rules if any(cap != "purchase" for cap, _ in terms.caps)}
        self.budgets = {terms.campaign_id for terms in rules if terms.has_budget}
        self.uses = any(terms.caps or terms.has_budget for terms in rules)
        self.is_plain = all(terms.is_plain for terms in rules)


class Counters:
    """What is known about the members of a batch."""

    def __init__(
        self,
        program: Program,
        rules: Iterable[RuleTerms],
        *,
        decimals: int,
        activity: str = PURCHASE,
        ceilings: Ceilings = NO_CEILINGS,
    ) -> None:
        """Nothing is read yet."""
        self.program, self.decimals, self.activity, self.ceilings = program, decimals, activity, ceilings
        self.needs = Needs(rules, activity)
        self.shoppers: dict[int, Shopper] = {}
        self.stays: dict[int, list[audience.Stay]] = {}
        self.earlier: dict[int, list[datetime]] = defaultdict(list)
        self.uses: dict[tuple[int, int], list[tuple[date, int, str]]] = defaultdict(list)
        self.budgets: Budgets | None = None
        self.rows: list[tuple[Taken, int, str, datetime]] = []

    def read(self, member_ids: Iterable[int], *, at: datetime, for_update: bool = True) -> "Counters":
        """Read what is needed about these members; locks the campaigns with a budget when it is to be taken."""
        needs, ids = self.needs, sorted(set(member_ids))
        if needs.shopper or needs.segments:
            self._read_shoppers(ids)
        if needs.earlier:
            self._read_earlier(ids)
        if needs.capped or self.ceilings:
            found = RuleUse.objects.filter(self._asked_uses(), member__any_of=ids)
            for rule, member, when, points, back, reference in found.values_list(
                "rule_id", "member_id", "occurred_at", "points", "points_back", "reference"
            ):
                self.uses[rule or WALLET.rule_id, member].append((self._day(when), points - back, reference))
        if needs.budgets:
            self.budgets = read_budgets(self.program, needs.budgets, decimals=self.decimals, for_update=for_update)
        return self

    def known(self, member_id: int, occurred_at: datetime, *, without: str = "") -> Known:
        """What is known for one activity; `without` leaves out what its own reference took, to rate it again."""
        if self.needs.is_plain and not self.ceilings:
            return PLAIN
        return Known(
            shopper=self._shopper(member_id, occurred_at),
            earlier=self.earlier.get(member_id, ()),
            used=self._used(member_id, occurred_at, without) if self.needs.capped else {},
            budgets=self.budgets.left() if self.budgets else {},
            wallet=self._wallet(member_id, occurred_at, without) if self.ceilings else (),
        )

    def add(self, member_id: int, reference: str, occurred_at: datetime, award: Award) -> None:
        """An activity was rated: the next one knows of it."""
        if self.needs.earlier:
            insort(self.earlier[member_id], occurred_at)
        for taken in award.taken:
            self.uses[taken.terms.rule_id, member_id].append((self._day(occurred_at), taken.points, reference))
            if self.budgets:
                self.budgets.take(taken)
            self.rows.append((taken, member_id, reference, occurred_at))

    def write(self) -> None:
        """Keep what the awards took: two statements at most, and one for each campaign with a budget."""
        if self.rows:
            budgets = self.budgets or Budgets((), Decimal(0), self.decimals)
            write_uses(self.rows, budgets.unit)
            budgets.write()
            self.rows = []

    def _day(self, at: datetime) -> date:
        return local_day(at, self.program.time_zone)

    def _used(self, member_id: int, occurred_at: datetime, without: str) -> dict[tuple[str, str], Fraction]:
        """The points a member had by each capped rule in the period of a moment."""
        today = self._day(occurred_at)
        return {
            (terms.slug, period): self._in_period(rule_id, member_id, today, period, without)
            for rule_id, terms in self.needs.capped.items()
            for period, _ in terms.caps
            if period != "purchase"
        }

    def _wallet(self, member_id: int, occurred_at: datetime, without: str) -> tuple[Limit, ...]:
        """What is left of the limits of the wallet in the periods of a moment."""
        today = self._day(occurred_at)
        return self.ceilings.left(
            occurred_at, lambda period: self._in_period(WALLET.rule_id, member_id, today, period, without)
        )

    def _in_period(self, rule_id: int, member_id: int, today: date, period: str, without: str) -> Fraction:
        """The points that a member's uses of a rule (or of the wallet) come to in the period of a day."""
        start, uses = period_start(today, period), self.uses.get((rule_id, member_id), ())
        points = (
            points for day, points, reference in uses if period_start(day, period) == start and reference != without
        )
        return Fraction(sum(points), 10**self.decimals)

    def _asked_uses(self) -> Q:
        """The uses that are asked about: those of capped rules, and those of the wallet where it has limits."""
        asked = Q(rule__in=self.needs.capped) if self.needs.capped else Q(pk__in=())
        return asked | Q(rule__isnull=True) if self.ceilings else asked

    def _shopper(self, member_id: int, occurred_at: datetime) -> Shopper:
        """Who the member is, in the segments of that moment."""
        shopper = self.shoppers.get(member_id, Shopper())
        stays = self.stays.get(member_id)
        return replace(shopper, segments=audience.segments_at(stays, occurred_at)) if stays else shopper

    def _read_shoppers(self, ids: list[int]) -> None:
        """Who the members are, and when they were in the segments that are asked for."""
        if self.needs.segments:
            self.stays = audience.stays_of(self.program, self.needs.segments, ids)
        rows = Member.objects.filter(pk__any_of=ids).order_by()
        for pk, enrolled_at, birthday, language in rows.values_list("pk", "enrolled_at", "birthday", "language"):
            self.shoppers[pk] = Shopper(enrolled_at, birthday, language, member_id=pk)

    def _read_earlier(self, ids: list[int]) -> None:
        """When the members bought, or did the same, before."""
        done: Any = Purchase.objects.filter(member__any_of=ids)
        if self.activity != PURCHASE:
            done = Event.objects.filter(member__any_of=ids, kind=self.activity)
        for member_id, occurred_at in done.order_by("member_id", "occurred_at").values_list("member_id", "occurred_at"):
            self.earlier[member_id].append(occurred_at)
