"""What a walk over the past remembers: what counts, caps, budgets and the wallet's limits knew before it began, and what it adds itself.

Each activity counts its own occasions (`Memory.earlier`); what was used of caps, budgets and limits is one for purchases and events
together, as it is when they are recorded (DOMAIN 3.4, 10.5).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, Sum

from campaigns import backtest_segments
from campaigns.budgets import read_budgets
from campaigns.ceilings import Ceilings
from campaigns.counting import Counters
from campaigns.models import RuleUse
from campaigns.terms import PURCHASE, WALLET, RuleTerms
from loyalty.ledger.models import Program
from members.models import Event, Purchase


class Memory(Counters):
    """What is known about one activity; all memories of a walk share what was used."""

    since: datetime
    # The rules whose uses are read; empty for all but the first memory of a walk, which reads for all.
    capped: Sequence[int] = ()
    # From when the segments of tried rules are known, once they were asked for.
    known_since: dict[str, datetime] | None = None

    def begin(self, since: datetime) -> "Memory":
        """Remember nothing yet of what came before an instant."""
        self.since, self.admitted = since, set[int]()
        return self

    def lay_out_budgets(self) -> None:
        """The budgets as they were before the first instant: two queries when there are any."""
        if not self.needs.budgets:
            return
        self.budgets = read_budgets(self.program, self.needs.budgets, decimals=self.decimals, for_update=False)
        for campaign in self.budgets.campaigns.values():
            campaign.spent_points, campaign.spent_money = 0, Decimal(0)
        before = RuleUse.objects.filter(rule__campaign__in=self.needs.budgets, occurred_at__lt=self.since).order_by()
        for pk, points in before.values_list("rule__campaign").annotate(left=Sum(F("points") - F("points_back"))):
            self.budgets.move(pk, points, points * self.budgets.unit)

    def read(self, member_ids: Iterable[int], *, at: datetime, for_update: bool = False) -> "Memory":
        """What is needed of members not met before."""
        ids = sorted(set(member_ids) - self.admitted)
        self.admitted.update(ids)
        if ids and (self.needs.shopper or self.needs.segments):
            self._read_shoppers(ids)
        if ids and self.needs.earlier:
            self._read_before(ids)
        if ids and (self.capped or (self.ceilings and self.activity == PURCHASE)):
            self._read_uses(ids)
        return self

    def _read_shoppers(self, ids: list[int]) -> None:
        """Who members are; those of today are in the segments of tried rules before these were known."""
        super()._read_shoppers(ids)
        asked = backtest_segments.assumed(self.needs.segments)
        if not asked:
            return
        if self.known_since is None:
            self.known_since = backtest_segments.known_since(self.program, asked)
        for member_id, stays in self.stays.items():
            self.stays[member_id] = [*stays, *backtest_segments.before_known(stays, self.known_since)]

    def give_back(self, rule_id: int, campaign_id: int, member_id: int, happened_at: datetime, points: int) -> None:
        """Goods came back, or an event was taken back: so much of a rule's caps and its campaign's budget is free again."""
        self.uses[rule_id, member_id].append((self._day(happened_at), -points, ""))
        if self.budgets and campaign_id in self.budgets.by_id:
            self.budgets.move(campaign_id, -points, -points * self.budgets.unit)

    def _read_before(self, ids: list[int]) -> None:
        """When members bought, or did the same, before the first instant."""
        done: Any = Purchase.objects if self.activity == PURCHASE else Event.objects.filter(kind=self.activity)
        before = done.filter(member__any_of=ids, occurred_at__lt=self.since).order_by("occurred_at")
        for member_id, occurred_at in before.values_list("member_id", "occurred_at"):
            self.earlier[member_id].append(occurred_at)

    def _read_uses(self, ids: list[int]) -> None:
        """What members had used of caps and limits before the first instant."""
        asked = Q(rule__in=self.capped) | Q(rule__isnull=True) if self.ceilings else Q(rule__in=self.capped)
        uses = RuleUse.objects.filter(asked, member__any_of=ids, occurred_at__lt=self.since).annotate(
            left=F("points") - F("points_back")
        )
        for rule, member, when, points, reference in uses.values_list(
            "rule_id", "member_id", "occurred_at", "left", "reference"
        ):
            self.uses[rule or WALLET.rule_id, member].append((self._day(when), points, reference))


def memories_of(
    program: Program, rules: Sequence[RuleTerms], *, decimals: int, ceilings: Ceilings, since: datetime
) -> dict[str, Memory]:
    """A memory for purchases and for each kind of event that some rule is about, by activity; the one of purchases reads for all."""
    kinds = sorted({terms.activity for terms in rules} - {PURCHASE})
    found = {
        activity: Memory(program, rules, decimals=decimals, activity=activity, ceilings=ceilings).begin(since)
        for activity in (PURCHASE, *kinds)
    }
    first = found[PURCHASE]
    first.capped = sorted({rule_id for one in found.values() for rule_id in one.needs.capped})
    for one in found.values():
        first.needs.budgets |= one.needs.budgets
    first.lay_out_budgets()
    for one in found.values():
        one.uses, one.budgets = first.uses, first.budgets
    return found
