"""What members did that challenges may count, as it stands now: goods that came back count no more (DOMAIN 6.3).

Read for a whole batch with a constant number of statements, and only what some challenge asks about.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from campaigns.challenges.definitions import AMOUNT, PIECES, POINTS, Terms
from campaigns.challenges.walking import Step
from campaigns.conditions import Facts, judge
from campaigns.counting import Counters
from campaigns.frozen import reference_of
from campaigns.rating import basket_again
from campaigns.terms import PURCHASE, Basket, ProgramTerms
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program
from members import retracing
from members.models import Event, Purchase, PurchaseLine, Refund, TierStay
from members.returns import kept_lines, kept_parts

ONE, NOTHING = Decimal(1), Decimal(0)


@dataclass(frozen=True, slots=True)
class Fact:
    """One purchase or event: when, what is kept of it, in which tier, and what it earned."""

    at: datetime
    reference: str
    basket: Basket
    tier: str
    points: int
    pieces: Decimal


def read(
    program: Program, member_ids: Sequence[int], terms: Sequence[Terms], *, since: datetime
) -> dict[int, list[Fact]]:
    """The facts of members from an instant on that these challenges may ask about, by member."""
    found: dict[int, list[Fact]] = defaultdict(list)
    kinds = {one.rule.activity for one in terms}
    if PURCHASE in kinds:
        goods = any(one.rule.is_about_goods or one.measure == PIECES or _asks(one, "quantity") for one in terms)  # fmt: skip
        for member_id, fact in _purchases(member_ids, since, with_lines=goods):
            found[member_id].append(fact)
    if kinds - {PURCHASE}:
        with_tiers = any(one.rule.tiers for one in terms)
        for member_id, fact in _events(program, member_ids, kinds - {PURCHASE}, since, with_tiers=with_tiers):
            found[member_id].append(fact)
    return found


def _asks(terms: Terms, name: str) -> bool:
    return any(condition == name for condition, _ in terms.rule.conditions)


def _purchases(member_ids: Sequence[int], since: datetime, *, with_lines: bool) -> Iterable[tuple[int, Fact]]:
    """Purchases with what is kept of them: one query, one for refunds, one for lines."""
    bought = list(
        Purchase.objects.filter(member__any_of=list(member_ids), occurred_at__gte=since)
        .select_related("tier", "store")
        .order_by("occurred_at", "id")
    )
    returned = [one.pk for one in bought if one.refunded]
    refunds: dict[int, list[Refund]] = defaultdict(list)
    if returned:
        for refund in Refund.objects.filter(purchase__any_of=returned, status=Refund.Status.APPLIED):
            refunds[refund.purchase_id or 0].append(refund)
    lines: dict[int, list[PurchaseLine]] = defaultdict(list)
    asked = [one.pk for one in bought] if with_lines else returned
    if asked:
        for line in PurchaseLine.objects.filter(purchase__any_of=asked).order_by("number"):
            lines[line.purchase_id].append(line)
    for one in bought:
        if not one.total or one.refunded < one.total:
            yield one.member_id, _bought(one, lines[one.pk], refunds[one.pk])


def _bought(one: Purchase, lines: Sequence[PurchaseLine], refunds: Sequence[Refund]) -> Fact:
    """A purchase as it stands now."""
    parts = [line.eligible for line in lines] or [one.eligible]
    kept = list(lines)
    pieces = Decimal(one.items)
    if refunds:
        parts, kept = kept_parts(one, lines, refunds), kept_lines(lines, refunds)
        pieces = (pieces * (one.total - one.refunded) / one.total).quantize(ONE, rounding="ROUND_DOWN")
        still = [index for index, line in enumerate(kept) if line.quantity > 0]
        if kept:
            parts, kept = [parts[index] for index in still], [kept[index] for index in still]
    if kept:
        pieces = sum((line.quantity for line in kept), NOTHING)
    return Fact(
        one.occurred_at, reference_of(one), basket_again(one, kept, parts), one.tier.slug,
        one.points - one.points_returned, pieces,
    )  # fmt: skip


def _events(
    program: Program, member_ids: Sequence[int], kinds: set[str], since: datetime, *, with_tiers: bool
) -> Iterable[tuple[int, Fact]]:
    """Events of these kinds: one query, and one for the tiers where they are asked about."""
    happened = Event.objects.filter(member__any_of=list(member_ids), occurred_at__gte=since, kind__in=sorted(kinds))
    stays = retracing.stays_of(member_ids) if with_tiers else {}
    slugs = dict(program.tiers.values_list("pk", "slug")) if with_tiers else {}
    for one in happened.order_by("occurred_at", "id"):
        tier = slugs.get(_tier_at(stays.get(one.member_id, []), one.occurred_at), "")
        basket = Basket(activity=one.kind, partner=one.source)
        yield one.member_id, Fact(one.occurred_at, f"event:{one.source}:{one.key}", basket, tier, one.points, NOTHING)


def _tier_at(stays: Sequence[TierStay], at: datetime) -> int:
    """The tier of a member at an instant."""
    lasting = [stay for stay in stays if stay.until is None or stay.until > stay.since]
    index = bisect_right([stay.since for stay in lasting], at)
    return lasting[index - 1].tier_id if index else 0


class Judge:
    """Judges which facts count for which challenges, for a batch of members."""

    def __init__(self, program: Program, terms: Iterable[Terms], *, decimals: int) -> None:
        """`terms` are all versions that may be asked about."""
        self.zone = program.time_zone
        self.program = ProgramTerms(program.currency, zone=program.time_zone)
        self.unit = Decimal(10) ** decimals
        asked = [replace(one.rule, activity=PURCHASE) for one in terms]
        self.counters = Counters(program, asked, decimals=0)

    def read(self, member_ids: Iterable[int], *, at: datetime) -> "Judge":
        """Read who the members are, where some challenge asks."""
        self.counters.read(member_ids, at=at, for_update=False)
        return self

    def may_begin(self, terms: Terms, member_id: int, at: datetime) -> bool:
        """Whether a member is of the challenge's segments and languages now."""
        shopper = self.counters.known(member_id, at).shopper
        for name, value in terms.audience:
            if name == "languages" and shopper.language not in value:
                return False
            if name == "segments" and not shopper.segments.intersection(value):
                return False
        return True

    def step(self, terms: Terms, member_id: int, fact: Fact) -> Step | None:
        """What a fact adds under a version; None when it does not count. `terms.rule` is without what is judged once."""
        known = self.counters.known(member_id, fact.at)
        eligible = sum(fact.basket.lines, NOTHING)
        facts = Facts(fact.basket, fact.tier, fact.at, eligible, self.program, known)
        counts, _missing, over = judge(terms.rule, facts)
        amount = self._measure(terms, fact, eligible, over) if counts else NOTHING
        return Step(fact.at, local_day(fact.at, self.zone), fact.reference, amount, terms) if amount > 0 else None

    def _measure(self, terms: Terms, fact: Fact, eligible: Decimal, over: tuple[int, ...] | None) -> Decimal:
        """How much a fact adds to what the challenge measures."""
        basket = fact.basket
        if terms.measure == PIECES:
            return fact.pieces if over is None else sum((basket.goods[n].quantity for n in over), NOTHING)
        if terms.measure == AMOUNT:
            return eligible if over is None else sum((basket.lines[n] for n in over), NOTHING)
        return Decimal(fact.points) / self.unit if terms.measure == POINTS else ONE
