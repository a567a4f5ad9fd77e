"""The one place that computes points: for purchases and events as they are recorded, for previews, and to rate again.

A batch reads its rules and what they ask about once, then rates activity after activity in order of time. Equal baskets under plain
rules are computed once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns import rules
from campaigns.counting import Counters
from campaigns.earning import Award, Basket, Goods, rate, split
from campaigns.terms import PURCHASE, RuleTerms
from loyalty.ledger.models import Program
from members.models import Purchase, PurchaseLine
from members.sales import Sale, SaleLine, cents


class Rating:
    """The arithmetic for one batch of a program."""

    def __init__(
        self,
        program: Program,
        *,
        decimals: int,
        since: datetime,
        until: datetime,
        activity: str = PURCHASE,
        book: rules.RuleBook | None = None,
        counters: Counters | None = None,
        is_late: bool = False,
    ) -> None:
        """Read the rules; `since` and `until` are the first and the last moment that will be asked about.

        A replay brings its own book and what it remembers (`campaigns.replaying`). What `is_late` is settled afterwards with all that
        came since: the budgets of every activity are locked together now.
        """
        self.book = book or rules.book(program)
        self.terms = rules.program_terms(program, decimals)
        asked = rules_between(self.book.all, since, until)
        self.ceilings = self.book.ceilings
        self.counters = counters or Counters(
            program, asked, decimals=decimals, activity=activity, ceilings=self.ceilings
        )
        if is_late:
            self.counters.needs.budgets |= {terms.campaign_id for terms in asked if terms.has_budget}
        self.activity = activity
        self.known: dict[tuple[Any, ...], Award] = {}
        self.plain: dict[int, bool] = {}

    def read(self, member_ids: Iterable[int], *, at: datetime, for_update: bool = True) -> "Rating":
        """Read what the rules ask about these members. To write, the caller has locked their accounts."""
        self.counters.read(member_ids, at=at, for_update=for_update)
        return self

    def award(
        self,
        member_id: int,
        basket: Basket,
        tier: str,
        occurred_at: datetime,
        *,
        reference: str = "",
        is_told: bool = True,
    ) -> Award:
        """The award of one activity; with a reference it is counted for what comes after it."""
        counting = self.book.at(occurred_at)
        if self._is_plain(counting) and not self.ceilings.at(occurred_at):
            key = (*basket.lines, basket.channel, tier, id(counting), is_told)
            if key not in self.known:
                self.known[key] = rate(basket, tier, counting, occurred_at, self.terms, is_told=is_told)
            if reference and not self.counters.needs.is_plain:
                self.counters.add(member_id, reference, occurred_at, self.known[key])
            return self.known[key]
        known = self.counters.known(member_id, occurred_at, without=reference)
        award = rate(basket, tier, counting, occurred_at, self.terms, known, is_told=is_told)
        if reference:
            self.counters.add(member_id, reference, occurred_at, award)
        return award

    def _is_plain(self, counting: Sequence[RuleTerms]) -> bool:
        """Whether amount, tier and channel decide alone at an instant; the book keeps one list of rules for each stretch of time."""
        if id(counting) not in self.plain:
            self.plain[id(counting)] = all(one.is_plain for one in counting if one.activity == self.activity)
        return self.plain[id(counting)]

    def write(self) -> None:
        """Keep what the awards took of caps and budgets."""
        self.counters.write()


def basket_of(sale: Sale, parts: Sequence[Decimal]) -> Basket:
    """A sale as the arithmetic reads it; `parts` is the earning part of each line."""
    goods = goods_of(sale.lines)
    store = sale.store.code if sale.store else ""
    return Basket(parts, sale.channel, PURCHASE, goods, store, sale.source, sale.payment)


def goods_of(lines: Iterable[SaleLine | PurchaseLine]) -> list[Goods]:
    """What the lines of a sale are, as conditions look at them."""
    return [
        Goods(line.product, line.category, line.quantity, line.brand, line.collection, line.supplier) for line in lines
    ]


def basket_again(bought: Purchase, lines: Sequence[PurchaseLine], parts: Sequence[Decimal]) -> Basket:
    """A recorded purchase as the arithmetic reads it, with the earning parts that are left."""
    goods = goods_of(lines)
    store = bought.store.code if bought.store else ""
    return Basket(parts, bought.channel, PURCHASE, goods, store, bought.source, bought.payment)


def rules_between(terms: Iterable[RuleTerms], since: datetime, until: datetime) -> list[RuleTerms]:
    """The rules that count at some moment from `since` to `until`."""
    return [
        one for one in terms if (one.since is None or one.since <= until) and (one.until is None or one.until > since)
    ]


def parts_of(sale: Sale, eligible: Decimal) -> list[Decimal]:
    """The earning part of each line: the whole for a sale without lines, else laid over them by largest remainder."""
    if len(sale.lines) < 2:
        return [eligible]
    shares = split(cents(eligible), [cents(line.amount) for line in sale.lines])
    return [Decimal(share).scaleb(-2) for share in shares]
