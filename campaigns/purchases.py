"""Recording what members did and what they earn for it. One place computes points: `record` is a batch of one.

A retry is answered before anything is judged: same receipt and content give the first result, other content a conflict.
Each member's purchases are walked in the order they happened, so that a purchase which lifts the tier makes the next one
earn at the new tier, in the same batch too. A sale keeps its tier and rule versions for ever (DOMAIN 3.6, 8.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns import rules
from campaigns.earning import Award, Basket, ProgramTerms, rate, split
from campaigns.events import EventConflict, RecordedEvent, record_event
from loyalty.common.bulk import as_read
from loyalty.common.errors import Refusal
from loyalty.ledger import locking, posting
from loyalty.ledger.models import Account, Entry, Program
from members import activity, tiers
from members.activity import members_of, unknown_member
from members.ladders import ladder
from members.models import Member, Purchase
from members.sales import (
    MemberClosed,
    ReceiptConflict,
    Sale,
    SaleLine,
    cents,
    earning_part,
    happened_at,
    judge,
    to_cents,
)

__all__ = ["EventConflict", "Outcome", "ReceiptConflict", "Recorded", "RecordedEvent", "Sale", "SaleLine"]
__all__ += ["record", "record_event", "record_many"]


@dataclass(slots=True)
class Outcome:
    """What became of one sale of a batch: recorded, known before (`is_repeat`), or refused with the reason."""

    sale: Sale
    purchase_id: int | None = None
    points: int = 0
    entry_id: int | None = None
    explanation: dict[str, Any] | None = None
    is_repeat: bool = False
    refusal: Refusal | None = None
    row: tuple[Any, ...] = ()
    trail: tiers.Trail | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded purchase with what it earned. `standing` is known only to the call that recorded it."""

    purchase: Purchase
    entry_id: int | None
    points: int
    explanation: dict[str, Any]
    is_repeat: bool
    standing: tiers.Standing | None = None

    @property
    def entry(self) -> Entry | None:
        """The entry of the books; None when the purchase earned nothing."""
        return Entry.objects.get(pk=self.entry_id) if self.entry_id else None


def record(program: Program, sale: Sale, *, at: datetime, actor: str) -> Recorded:
    """Record one sale and credit what it earns.

    The same receipt with the same content returns the first result. Raises ReceiptConflict when the content differs, and
    the refusals of `members.activity` (PurchaseRefused and its kin, MemberUnknown, MemberClosed).
    """
    try:
        return _record(program, sale, at=at, actor=actor)
    except IntegrityError:
        # Two tills sent one receipt for two members at once: the other one won, and this one is judged against it.
        return _record(program, sale, at=at, actor=actor)


@transaction.atomic(savepoint=False)
def record_many(
    program: Program, sales: Sequence[Sale], *, at: datetime, actor: str, are_judged: bool = False
) -> list[Outcome]:
    """Record many sales with a constant number of statements; one outcome each, in the order given.

    A refused sale leaves no trace and does not hold up the others. `are_judged` says that `members.sales.judge` has let all of
    them pass at this very `at`, so that it is not asked again.
    """
    outcomes = [Outcome(sale) for sale in sales]
    members = members_of(program, {sale.member_id for sale in sales})
    locked = locking.lock(*(account_id for _, account_id in members.values()))
    fresh = _fresh(program, outcomes)
    accepted = [outcome for outcome in fresh if _accept(outcome, program, members, at, are_judged)]
    if accepted:
        accepted.sort(key=lambda outcome: outcome.sale.occurred_at)
        _write(program, accepted, members, locked, at=at, actor=actor)
    _answer_repeats(outcomes, fresh)
    return outcomes


@transaction.atomic
def _record(program: Program, sale: Sale, *, at: datetime, actor: str) -> Recorded:
    """One sale through the batch, with its records."""
    (outcome,) = record_many(program, [sale], at=at, actor=actor)
    if outcome.refusal:
        raise outcome.refusal
    if outcome.trail is not None:
        return _just_recorded(outcome, outcome.trail, at)
    purchase = Purchase.objects.select_related("member", "tier", "store").get(
        program=program, source=sale.source, receipt=sale.receipt
    )
    entry = Entry.objects.filter(
        account__member_account__member=purchase.member_id, reference=sale.reference, kind=Entry.Kind.ACCRUAL
    ).first()
    return Recorded(
        purchase, entry.pk if entry else None, purchase.points, entry.explanation if entry else {}, outcome.is_repeat
    )


def _just_recorded(outcome: Outcome, trail: tiers.Trail, at: datetime) -> Recorded:
    """What was written a moment ago, without reading it again."""
    purchase = as_read(Purchase, ("id", *activity.PURCHASE_FIELDS), (outcome.purchase_id, *outcome.row))
    purchase.total, purchase.eligible = to_cents(purchase.total), to_cents(purchase.eligible)
    purchase.tier, purchase.store = trail.ladder.by_id[purchase.tier_id], outcome.sale.store
    standing = None
    if outcome.sale.member is not None:
        purchase.member = outcome.sale.member
        purchase.member.tier = trail.stays[-1].tier if trail.stays else purchase.member.tier
        standing = tiers.standing_on(trail, purchase.member.enrolled_at, at=at)
    return Recorded(purchase, outcome.entry_id, outcome.points, outcome.explanation or {}, False, standing)


def _fresh(program: Program, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of sales never seen before; the others are answered from what is recorded."""
    known = activity.known_receipts(program, (outcome.sale for outcome in outcomes))
    fresh: dict[tuple[str, str], Outcome] = {}
    for outcome in outcomes:
        key = (outcome.sale.source, outcome.sale.receipt)
        if key in known:
            purchase_id, digest, points = known[key]
            if digest == outcome.sale.digest():
                outcome.purchase_id, outcome.points, outcome.is_repeat = purchase_id, points, True
            else:
                outcome.refusal = _conflict(outcome.sale)
        elif key not in fresh:
            fresh[key] = outcome
        elif fresh[key].sale.digest() == outcome.sale.digest():
            outcome.is_repeat = True
        else:
            outcome.refusal = _conflict(outcome.sale)
    return list(fresh.values())


def _accept(
    outcome: Outcome, program: Program, members: dict[int, tuple[str, int]], at: datetime, is_judged: bool
) -> bool:
    """Whether a sale can be recorded; if not, its outcome says why."""
    sale = outcome.sale
    try:
        if not is_judged:
            judge(sale, program, at=at)
        if sale.member_id not in members:
            raise unknown_member()
        if members[sale.member_id][0] == Member.Status.CLOSED:
            raise MemberClosed(_("This member has left the program."))
    except Refusal as refusal:
        outcome.refusal = refusal
        return False
    return True


def _write(
    program: Program,
    accepted: list[Outcome],
    members: dict[int, tuple[str, int]],
    locked: dict[int, Account],
    *,
    at: datetime,
    actor: str,
) -> None:
    """Rate the accepted sales in order of time and write purchases, points and tier stays."""
    steps = ladder(program)
    rating = _Rating(rules.book(program), rules.program_terms(program, steps.decimals))
    earliest = min(accepted[0].sale.occurred_at, at)
    walked = tiers.trails(steps, {outcome.sale.member_id for outcome in accepted}, earliest=earliest)
    rows, lines, accruals, earning = [], [], [], []
    for outcome in accepted:
        sale = outcome.sale
        occurred_at = happened_at(sale, at=at)
        trail = walked[sale.member_id]
        tier = trail.tier_at(occurred_at)
        eligible = earning_part(sale, program)
        parts = _line_parts(sale, eligible)
        award = rating.award(parts, sale.channel, tier.slug, occurred_at)
        trail.add(occurred_at, steps.amount(award.qualifying, eligible), sale.reference)
        outcome.row, outcome.trail = _row(program, sale, occurred_at, at, eligible, tier.pk, award), trail
        rows.append(outcome.row)
        lines.append(_line_rows(sale, parts, award))
        outcome.points, outcome.explanation = award.points, award.explanation
        if award.points:
            earning.append(outcome)
            accruals.append(_accrual(members[sale.member_id][1], sale, occurred_at, award, actor))
    entry_ids = posting.accrue_many(accruals, recorded_at=at, locked=locked)
    for outcome, entry_id in zip(earning, entry_ids, strict=True):
        outcome.entry_id = entry_id
    for outcome, purchase_id in zip(accepted, activity.write_purchases(rows, lines), strict=True):
        outcome.purchase_id = purchase_id
    tiers.write_stays(walked, recorded_at=at)


class _Rating:
    """The arithmetic for one batch: equal baskets under equal rules are computed once."""

    def __init__(self, book: rules.RuleBook, terms: ProgramTerms) -> None:
        """Nothing is computed yet."""
        self.book, self.terms = book, terms
        self.known: dict[tuple[Any, ...], Award] = {}

    def award(self, parts: list[Decimal], channel: str, tier: str, occurred_at: datetime) -> Award:
        """The award of a basket bought at an instant."""
        counting = self.book.at(occurred_at)
        key = (*parts, channel, tier, id(counting))
        if key not in self.known:
            self.known[key] = rate(Basket(parts, channel), tier, counting, occurred_at, self.terms)
        return self.known[key]


def _line_parts(sale: Sale, eligible: Decimal) -> list[Decimal]:
    """The earning part of each line: the whole for a sale without lines, else laid over them by largest remainder."""
    if len(sale.lines) < 2:
        return [eligible]
    shares = split(cents(eligible), [cents(line.amount) for line in sale.lines])
    return [Decimal(share).scaleb(-2) for share in shares]


def _accrual(account_id: int, sale: Sale, occurred_at: datetime, award: Award, actor: str) -> posting.Accrual:
    """The credit of a sale."""
    return posting.Accrual(
        account_id, award.points, occurred_at, sale.reference, sale.source, actor, award.explanation, award.rule_version
    )


def _row(
    program: Program, sale: Sale, occurred_at: datetime, at: datetime, eligible: Decimal, tier_id: int, award: Award
) -> tuple[Any, ...]:
    """A purchase as `activity.PURCHASE_FIELDS` has it."""
    items = sale.items or int(sum(line.quantity for line in sale.lines))
    return (
        program.pk, sale.member_id, sale.source, sale.receipt, occurred_at, at, sale.store.pk if sale.store else None,
        sale.channel, sale.currency, items, sale.total, eligible, tier_id, award.points, award.qualifying, eligible,
        sale.digest(),
    )  # fmt: skip


def _line_rows(sale: Sale, parts: Sequence[Decimal], award: Award) -> list[tuple[Any, ...]]:
    """The lines of a purchase as `activity.LINE_FIELDS` has them, without purchase and number."""
    return [
        (line.product, line.category, line.quantity, line.amount, part, points)
        for line, part, points in zip(sale.lines, parts, award.shares, strict=False)
    ]


def _answer_repeats(outcomes: Sequence[Outcome], fresh: Sequence[Outcome]) -> None:
    """A sale that stands twice in one batch gets the answer of its first standing."""
    first = {(outcome.sale.source, outcome.sale.receipt): outcome for outcome in fresh}
    for outcome in outcomes:
        if outcome.is_repeat and outcome.purchase_id is None:
            answer = first[outcome.sale.source, outcome.sale.receipt]
            outcome.purchase_id, outcome.points, outcome.refusal = answer.purchase_id, answer.points, answer.refusal
            outcome.entry_id, outcome.explanation = answer.entry_id, answer.explanation
            outcome.is_repeat = answer.refusal is None


def _conflict(sale: Sale) -> ReceiptConflict:
    """The receipt is known with other content."""
    return ReceiptConflict(
        _("Receipt %(receipt)s was recorded before with other content. Nothing was changed.")
        % {"receipt": sale.receipt[:100]},
        receipt=sale.receipt,
    )
