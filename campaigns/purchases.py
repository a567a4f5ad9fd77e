"""Recording what members did and what they earn for it. One place computes points: `record` is a batch of one.

A retry is answered before anything is judged: same receipt and content give the first result, other content a conflict.
Each member's purchases are walked in the order they happened, so that a purchase which lifts the tier makes the next one
earn at the new tier, in the same batch too. A sale keeps its tier and rule versions for ever (DOMAIN 3.6, 8.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns import qualifying, rules, settling
from campaigns.challenges import following
from campaigns.earning import Award
from campaigns.events import EventConflict, RecordedEvent, record_event
from campaigns.lasting import Lasting
from campaigns.rating import Rating, basket_of, parts_of
from campaigns.waiting import settle_batch
from loyalty.common.bulk import as_read
from loyalty.common.errors import Refusal
from loyalty.common.retrying import atomic, is_undone_whole, retried
from loyalty.ledger import locking, posting
from loyalty.ledger.models import Account, Entry, Program
from members import activity, liveliness, tiers
from members.activity import unknown_member
from members.ladders import ladder
from members.models import Member, Purchase, QualifyingPart
from members.sales import (
    GOODS,
    NOTHING,
    MemberClosed,
    ReceiptConflict,
    Sale,
    SaleLine,
    earning_part,
    happened_at,
    judge,
    to_cents,
)
from rewards import paying

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
    later: list[QualifyingPart] = field(default_factory=list)
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
        if is_undone_whole():
            raise  # to who tries all of it again
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
    members, alive = liveliness.present(program, {sale.member_id for sale in sales})
    locked = locking.lock(*(account_id for _, account_id in members.values()), *chain.from_iterable(alive.values()))
    fresh = _fresh(program, outcomes)
    accepted = [outcome for outcome in fresh if _accept(outcome, program, members, at, are_judged)]
    if accepted:
        accepted.sort(key=lambda outcome: (outcome.sale.occurred_at, outcome.sale.source, outcome.sale.receipt))
        book = _write(program, accepted, members, locked, at=at, actor=actor)
        locked = locking.lock(*locked) if alive else locked  # what settling wrote moved them on
        bought = [(outcome.sale.member_id, outcome.sale.occurred_at) for outcome in accepted]
        liveliness.note(bought, "purchase", alive, locked, recorded_at=at)
        if book.has_challenges:
            following.follow(program, dict(reversed(bought)), at=at, actor=actor)  # the earliest of each member
    _answer_repeats(outcomes, fresh)
    return outcomes


@retried
@atomic
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
        purchase,
        entry.pk if entry else None,
        purchase.points,
        (entry.explanation if entry else purchase.explanation) or {},
        outcome.is_repeat,
    )


def _just_recorded(outcome: Outcome, trail: tiers.Trail, at: datetime) -> Recorded:
    """What was written a moment ago, without reading it again."""
    purchase = as_read(Purchase, ("id", *activity.PURCHASE_FIELDS), (outcome.purchase_id, *outcome.row))
    purchase.total, purchase.eligible = to_cents(purchase.total), to_cents(purchase.eligible)
    purchase.tier, purchase.store = trail.ladder.by_id[purchase.tier_id], outcome.sale.store
    standing = None
    if outcome.sale.member is not None:
        purchase.member = outcome.sale.member
        trail = tiers.as_settled(trail, purchase.member.pk, at=at)
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
    program: Program, accepted: list[Outcome], members: dict[int, tuple[str, int]], locked: dict[int, Account],
    *, at: datetime, actor: str,
) -> rules.RuleBook:  # fmt: skip
    """Rate the accepted sales in order of time and write purchases, points and tier stays; returns the rules that counted."""
    steps = ladder(program)
    earliest = min(accepted[0].sale.occurred_at, at)
    walked = tiers.trails(steps, {outcome.sale.member_id for outcome in accepted}, earliest=earliest)
    book, bought = rules.book(program), [(one.sale.member_id, happened_at(one.sale, at=at)) for one in accepted]
    late = settling.late(walked, bought, book, at=at)
    until, is_late = (at, True) if late or steps.refunds_wait else (bought[-1][1], False)
    rating = Rating(program, decimals=steps.decimals, since=earliest, until=until, book=book, is_late=is_late)
    rating.read(walked, at=at)
    lasting = Lasting(program.pk)
    paid = paying.captured(program, [one.sale for one in accepted]) if book.points_pay else {}
    rows, lines, accruals, earning, apart = [], [], [], [], []
    for outcome in accepted:
        sale, trail = outcome.sale, walked[outcome.sale.member_id]
        occurred_at = happened_at(sale, at=at)
        tier = trail.tier_at(occurred_at)
        eligible = earning_part(sale, program, by_points=paid.get((sale.source, sale.receipt), NOTHING))
        parts = parts_of(sale, eligible)
        award = rating.award(sale.member_id, basket_of(sale, parts), tier.slug, occurred_at, reference=sale.reference)
        outcome.later = qualifying.parts_of(award, lasting, occurred_at) if steps.delays else []
        counted = steps.amount(award.qualifying, eligible)
        trail.add(occurred_at, counted, sale.reference, qualifying.later_of(outcome.later))
        outcome.row, outcome.trail = _row(program, sale, occurred_at, at, eligible, tier.pk, award), trail
        rows.append(outcome.row)
        lines.append(_line_rows(sale, parts, award))
        outcome.points, outcome.explanation = award.points, lasting.told(award, occurred_at, waits=True)
        if award.points:
            earning.append(outcome)
            first, *others = lasting.credits(_accrual(members[sale.member_id][1], outcome, occurred_at, award, actor))
            accruals.append(first)
            apart += [(outcome, other) for other in others]
    entry_ids = posting.accrue_many(accruals, recorded_at=at, locked=locked)
    for outcome, entry_id in zip(earning, entry_ids, strict=True):
        outcome.entry_id = entry_id
    for outcome, purchase_id in zip(accepted, activity.write_purchases(rows, lines), strict=True):
        outcome.purchase_id = purchase_id
    others = [replace(credit, reference=f"settled:{one.purchase_id}:{credit.reference}") for one, credit in apart]
    posting.accrue_many(others, recorded_at=at, locked=locked) if others else None
    rating.write()
    steps.has_parts |= any(one.later for one in accepted)
    qualifying.keep([(one.purchase_id, one.later) for one in accepted if one.purchase_id], program.pk)
    tiers.write_on({member: trail for member, trail in walked.items() if member not in late}, at=at)
    recorded = [outcome.purchase_id for outcome in accepted if outcome.purchase_id]
    settle_batch(program, recorded, late, steps=steps, book=book, at=at, actor=actor)
    return book


def _accrual(account_id: int, outcome: Outcome, occurred_at: datetime, award: Award, actor: str) -> posting.Accrual:
    """The credit of a sale."""
    sale, told = outcome.sale, outcome.explanation or {}
    return posting.Accrual(
        account_id, award.points, occurred_at, sale.reference, sale.source, actor, told, award.rule_version, waits=True
    )


def _row(
    program: Program, sale: Sale, occurred_at: datetime, at: datetime, eligible: Decimal, tier_id: int, award: Award
) -> tuple[Any, ...]:
    """A purchase as `activity.PURCHASE_FIELDS` has it."""
    items = sale.items or int(sum(line.quantity for line in sale.lines))
    return (
        program.pk, sale.member_id, sale.source, sale.receipt, occurred_at, at, sale.store.pk if sale.store else None,
        sale.channel, sale.currency, items, sale.total, eligible, tier_id, award.points, award.qualifying, eligible,
        NOTHING, 0, sale.digest(), sale.payment, None if award.points else award.explanation,
    )  # fmt: skip


def _line_rows(sale: Sale, parts: Sequence[Decimal], award: Award) -> list[tuple[Any, ...]]:
    """The lines of a purchase as `activity.LINE_FIELDS` has them, without purchase and number."""
    return [
        (*(getattr(line, name) for name in GOODS), line.quantity, line.amount, part, points)
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
