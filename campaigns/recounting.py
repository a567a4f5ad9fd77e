"""What counts, caps and budgets knew at each turn when members' purchases are walked again (DOMAIN 2.5, 3.4, 6.3).

Counted purchases and caps are each member's own: walked again they come out as if everything had come in order. A budget is shared: what
others were given of it stands, and it is never overspent. What the member took of it, and what is left of it now, is laid out once
more in order of time. Goods that came back give their part back from the day they came.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil

from campaigns.budgets import FIELDS, still_taken, worth_of
from campaigns.conditions import ABOUT_EARLIER, period_start
from campaigns.counting import Counters
from campaigns.models import RuleUse
from campaigns.rating import rules_between
from campaigns.rules import RuleBook
from campaigns.terms import PURCHASE, WALLET, Award, Known, RuleTerms
from loyalty.common.bulk import insert_rows, update_rows
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program

# What the rules of an award still give after a refund: points by rule, or a part of what each gave.
StillGiven = Mapping[int, int] | Fraction
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def is_counting(terms: RuleTerms) -> bool:
    """Whether what a rule gives depends on other purchases than the one it is asked about."""
    asks = any(name in ABOUT_EARLIER for name, _ in terms.conditions)
    return asks or terms.has_budget or any(period != "purchase" for period, _ in terms.caps)


def points_by_rule(award: Award) -> dict[int, int]:
    """What an award takes of each rule with caps or a budget."""
    return {taken.terms.rule_id: taken.points for taken in award.taken}


def given_up(points: int, rule_id: int, still: StillGiven, back: int) -> int:
    """How many points of a rule come back more at a refund, `back` having come back before."""
    left = ceil(points * still) if isinstance(still, Fraction) else still.get(rule_id, 0)
    return max(0, points - left - back)


@dataclass(slots=True)
class Share:
    """What one activity takes of one rule: points and their worth, how many of them were given back, and how many the budget knows of."""

    use: RuleUse
    campaign_id: int
    points: int
    money: Decimal
    back: int
    taken: int

    def change(self, points: int, unit: Decimal) -> None:
        """It takes so many points now, each worth what it was when they were first taken, else `unit`."""
        self.money = still_taken(self.points, self.money, points) if self.money else worth_of(points, unit)
        self.points, self.back = points, min(self.back, points)

    def take(self, points: int) -> Decimal:
        """The budget knows of so many points more, or with a minus less; returns the money they move."""
        before, self.taken = self.taken, self.taken + points
        return self._worth(self.taken) - self._worth(before)

    def _worth(self, points: int) -> Decimal:
        return still_taken(self.points, self.money, points) if points else Decimal(0)


class Recounting:
    """The counters of members whose purchases are walked again: one member after the other, each in order of time."""

    def __init__(
        self,
        program: Program,
        book: RuleBook,
        since: Mapping[int, datetime],
        walked: Iterable[tuple[int, str]],
        *,
        decimals: int,
        at: datetime,
        kinds: Iterable[str] = (),
    ) -> None:
        """Read what the rules since the first change ask about, and lock the budgets in question: six queries at most, and three
        for each kind of event.

        `walked` are (member, reference) of the purchases and of the events of some kinds that will have their turn; what other
        activities took stands.
        """
        earliest = min(since.values())
        asked = rules_between(book.all, earliest, at)
        self.program, self.scale, self.ceilings = program, 10**decimals, book.ceilings
        self.is_asked = self.ceilings.hold_between(earliest, at) or any(is_counting(terms) for terms in asked)
        self.recorded: dict[tuple[int, str], dict[int, Share]] = {pair: {} for pair in walked}
        self.changes: dict[tuple[int, int], list[tuple[datetime, date, int]]] = defaultdict(list)
        self.coming: list[tuple[datetime, Share, int]] = []
        self.changed: list[Share] = []
        self.counters = Counters(program, asked, decimals=decimals)
        self.kinds = {kind: Counters(program, asked, decimals=decimals, activity=kind) for kind in kinds}
        self._read_uses(since)
        own = (share.campaign_id for shares in self.recorded.values() for share in shares.values())
        self.counters.needs.budgets = {one.campaign_id for one in asked if one.has_budget} | (set(own) - {0})
        for counters in (self.counters, *self.kinds.values()):
            counters.needs.capped = {}  # what was used of caps is known from the uses already
            if counters is not self.counters:
                counters.needs.budgets = set()  # all of them are locked at once, above
            counters.read(since, at=at)

    @property
    def budgets(self) -> Collection[str]:
        """The short names of the campaigns whose budgets are known and locked."""
        return self.counters.budgets.campaigns if self.counters.budgets else ()

    def begin(self, member_id: int) -> None:
        """A member's purchases are about to be walked: what they took of budgets is free until they take it again."""
        self.end()
        for (owner, _reference), shares in self.recorded.items():
            for share in shares.values() if owner == member_id else ():
                self._take(share, -(share.points - share.back))

    def end(self) -> None:
        """A member's walk is over: all that came back counts."""
        for _when, share, points in self.coming:
            self._take(share, -points)
        self.coming = []

    def known(
        self, member_id: int, occurred_at: datetime, rules: Iterable[RuleTerms], activity: str = PURCHASE
    ) -> Known:
        """What is known at this turn, for the rules that will be asked."""
        for _when, share, points in (one for one in self.coming if one[0] <= occurred_at):
            self._take(share, -points)
        self.coming = [one for one in self.coming if one[0] > occurred_at]
        used = {
            (one.slug, period): self._used(one.rule_id, member_id, occurred_at, period)
            for one in rules
            for period, _most in one.caps
            if period != "purchase"
        }
        wallet = self.ceilings.left(
            occurred_at, lambda period: self._used(WALLET.rule_id, member_id, occurred_at, period)
        )
        budgets = self.counters.budgets.left() if self.counters.budgets else {}
        known = self.kinds.get(activity, self.counters).known(member_id, occurred_at)
        return replace(known, used=used, budgets=budgets, wallet=wallet)

    def is_as_recorded(self, member_id: int, reference: str, award: Award) -> bool:
        """Whether an award takes of caps and budgets what is recorded."""
        shares = self.recorded[member_id, reference]
        return points_by_rule(award) == {rule_id: share.points for rule_id, share in shares.items() if share.points}

    def turn(
        self,
        member_id: int,
        reference: str,
        occurred_at: datetime,
        award: Award | None,
        kept: Sequence[tuple[datetime, StillGiven]] | None,
    ) -> None:
        """A purchase has had its turn, and the next one knows of it.

        `award` is what it earns now (None: what is recorded); `kept` tells after each refund what each rule still gives (None: the
        refunds stand as they are recorded).
        """
        shares = self.recorded[member_id, reference]
        if award is not None:
            self._reward(member_id, reference, occurred_at, award)
        for rule_id, share in shares.items():
            self._change(share, occurred_at, share.points)
            self._take(share, share.points)
            back = 0
            for when, gives in kept or ():
                more = given_up(share.points, rule_id, gives, back)
                self._come_back(share, when, more)
                back += more
            if kept is None:
                self._come_back(share, occurred_at, share.back)
            elif back != share.back:
                share.back = back
                self.changed.append(share)

    def write(self) -> None:
        """Write down what the uses came to, and move the budgets by the difference: two statements, and one for each budget."""
        self.end()
        changed = {id(share): share for share in self.changed}.values()
        new = [share for share in changed if share.use.pk is None]
        old = [share for share in changed if share.use.pk is not None]
        insert_rows(
            RuleUse, FIELDS,
            [(s.use.rule_id, s.use.member_id, s.use.reference, s.use.occurred_at, s.points, s.money, s.back) for s in new],
        )  # fmt: skip
        update_rows(
            RuleUse, "id", ("points", "money", "points_back"), [(s.use.pk, s.points, s.money, s.back) for s in old]
        )
        if self.counters.budgets:
            self.counters.budgets.write()

    def _read_uses(self, member_ids: Iterable[int]) -> None:
        """What the members' activities took of rules: one query."""
        uses = RuleUse.objects.filter(member__any_of=list(member_ids)).select_related("rule__campaign").order_by("id")
        for use in uses:
            campaign = use.rule.campaign if use.rule else None
            budgeted = campaign.pk if campaign is not None and campaign.has_budget else 0
            share = Share(use, budgeted, use.points, use.money, use.points_back, use.points - use.points_back)
            if (use.member_id, use.reference) in self.recorded:
                self.recorded[use.member_id, use.reference][use.rule_id or WALLET.rule_id] = share
            else:  # an event keeps what it took of the wallet's limits, whatever is told late
                self._change(share, use.occurred_at if use.rule_id else LONG_AGO, use.points - use.points_back)

    def _reward(self, member_id: int, reference: str, occurred_at: datetime, award: Award) -> None:
        """The shares of a purchase as its award takes them now."""
        shares, gives = self.recorded[member_id, reference], points_by_rule(award)
        unit = self.counters.budgets.unit if self.counters.budgets else Decimal(0)
        for taken in award.taken:
            if taken.terms.rule_id not in shares:
                rule_id = taken.terms.rule_id or None
                use = RuleUse(rule_id=rule_id, member_id=member_id, reference=reference, occurred_at=occurred_at)
                campaign_id = taken.terms.campaign_id if taken.terms.has_budget else 0
                shares[taken.terms.rule_id] = Share(use, campaign_id, 0, Decimal(0), 0, 0)
        for key, share in shares.items():
            points = gives.get(key, 0)
            if points != share.points:
                share.change(points, unit)
                self.changed.append(share)

    def _come_back(self, share: Share, when: datetime, points: int) -> None:
        """Some of a share is given back at an instant."""
        if points:
            self._change(share, when, -points)
            self.coming.append((when, share, points))

    def _change(self, share: Share, when: datetime, points: int) -> None:
        """The member has more, or with a minus less, by a rule in the period of its activity, from an instant on."""
        day = local_day(share.use.occurred_at, self.program.time_zone)
        self.changes[share.use.rule_id or WALLET.rule_id, share.use.member_id].append((when, day, points))

    def _take(self, share: Share, points: int) -> None:
        """A budget has so much less, or with a minus more."""
        if self.counters.budgets and share.campaign_id:
            self.counters.budgets.move(share.campaign_id, points, share.take(points))

    def _used(self, rule_id: int, member_id: int, occurred_at: datetime, period: str) -> Fraction:
        """The points a member had by a rule in the period of a moment, as it was known then."""
        start = period_start(local_day(occurred_at, self.program.time_zone), period)
        changes = self.changes.get((rule_id, member_id), ())
        points = sum(
            points for when, day, points in changes if when <= occurred_at and period_start(day, period) == start
        )
        return Fraction(points, self.scale)
