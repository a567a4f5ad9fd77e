"""Confirming orders: what the shop reports of an order makes the points spendable that waited for it (DOMAIN 2.5, 4.1).

An expiry policy may let the points of purchases wait for an event of their order, such as its delivery, for so many days.
An order is confirmed once per kind of event, told by (order, kind) for ever. A confirmation that comes before its purchase
waits, and is applied in the transaction that records the purchase; what an order earns only later, because something came
late, is confirmed with what it had earned before. So any order of arrival ends the same.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns import qualifying, settling
from campaigns.challenges import following, prizes
from campaigns.corrections import SETTLED, credits_of
from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger import confirming, locking
from loyalty.ledger.models import Lot, Program
from members import turns
from members.activity import CLOCK_TOLERANCE, members_of
from members.ladders import ladder
from members.models import Confirmation, Purchase, QualifyingPart

Status = Confirmation.Status


class ConfirmationConflict(Refusal):
    """The order was confirmed before, with another time."""

    code = "confirmation_conflict"


class ConfirmationAhead(Refusal):
    """It has not happened yet."""

    code = "confirmation_in_future"
    status = 422


@dataclass(frozen=True, slots=True)
class Happened:
    """What the shop reports of an order: which event of it, and when."""

    source: str
    receipt: str
    kind: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmation as it was recorded; `is_repeat` when it had been before."""

    confirmation: Confirmation
    is_repeat: bool


def confirm(program: Program, happened: Happened, *, at: datetime, actor: str) -> Confirmed:
    """Record what happened to an order, and make the points spendable that waited for it.

    The same (order, kind) with the same time returns the first result; without its purchase it waits. Points that had lapsed
    when it happened stay gone. Raises ConfirmationConflict, ConfirmationAhead; then nothing has changed.
    """
    if happened.occurred_at > at + CLOCK_TOLERANCE:
        words = _("This has not happened yet: check the time and its zone.")
        raise ConfirmationAhead(words, field="occurred_at")
    with transaction.atomic():
        bought = _purchase(program, happened)
        if bought is None:
            waiting = _wait(program, happened, at=at, actor=actor)
            if waiting is not None:
                return waiting
            bought = _purchase(program, happened)
            assert bought is not None
        return _record(program, bought, happened, at=at, actor=actor)


def find(program: Program, *, source: str, receipt: str) -> list[Confirmation]:
    """The confirmations of an order, the waiting ones too, in order of time."""
    found = Confirmation.objects.filter(program=program, source=source, receipt=receipt).select_related(
        "purchase__member"
    )
    return list(found.order_by("occurred_at", "id")[:1000])


def count_new(program: Program, purchase_ids: Collection[int]) -> dict[int, datetime]:
    """Let the points count for tiers that confirmations waited for, of purchases recorded just now: member -> from when on."""
    waiting = Confirmation.objects.filter(program=program, status=Status.WAITING)
    found = {(one.source, one.receipt, one.kind): one.occurred_at for one in waiting}
    receipts = sorted({receipt for _source, receipt, _kind in found})
    parts = QualifyingPart.objects.filter(
        purchase__any_of=list(purchase_ids), purchase__receipt__any_of=receipts, counts_at__isnull=True, is_cancelled=False
    ).select_related("purchase")  # fmt: skip
    said = [(one, found.get((one.purchase.source, one.purchase.receipt, one.waits_for))) for one in parts]
    return _count(said)


def _count(said: Iterable[tuple[QualifyingPart, datetime | None]]) -> dict[int, datetime]:
    """Parts whose event happened count from then on, where it happened in time: member -> the first instant."""
    since: dict[int, datetime] = {}
    counting = []
    for part, happened in said:
        counts_at = qualifying.in_time(part, part.purchase.occurred_at, happened)
        if counts_at is not None:
            counting.append((part.pk, counts_at))
            member_id = part.purchase.member_id
            since[member_id] = min(counts_at, since.get(member_id, counts_at))
    update_rows(QualifyingPart, "id", ("counts_at",), counting)
    return since


def settle_new(program: Program, purchase_ids: Collection[int], *, at: datetime, actor: str) -> None:
    """Apply what waited for the purchases recorded just now. The caller holds the members' locks."""
    waiting = list(Confirmation.objects.filter(program=program, status=Status.WAITING))
    receipts = sorted({one.receipt for one in waiting})
    found = Purchase.objects.filter(pk__any_of=list(purchase_ids), receipt__any_of=receipts)
    bought = {(one.source, one.receipt): one for one in found.select_related("member")}
    for one in waiting:
        if (one.source, one.receipt) in bought:
            one.purchase = bought[one.source, one.receipt]
            _apply([one], at=at, actor=actor)


def settle_again(member_ids: Collection[int], *, at: datetime, actor: str) -> None:
    """Confirm what orders of members that are confirmed already have earned since. The caller holds the members' locks.

    One query where nothing new waits, however many orders there are.
    """
    waiting = Lot.objects.filter(
        account__member_account__member__any_of=list(member_ids), remaining__gt=0, available_at__isnull=True,
        entry__reference__startswith=SETTLED,
    ).values_list("entry__reference", flat=True)  # fmt: skip
    orders = {int(reference.split(":")[1]) for reference in waiting}
    if not orders:
        return
    applied = Confirmation.objects.filter(purchase__any_of=list(orders)).select_related("purchase__member")
    _apply(list(applied.order_by("occurred_at", "id")), at=at, actor=actor)


def _purchase(program: Program, happened: Happened) -> Purchase | None:
    found = Purchase.objects.filter(program=program, source=happened.source, receipt=happened.receipt)
    return found.select_related("member").first()


def _wait(program: Program, happened: Happened, *, at: datetime, actor: str) -> Confirmed | None:
    """Let a confirmation wait for its purchase; None when that has come meanwhile, and the turn is given back."""
    with transaction.atomic():
        turns.take_alone(program)
        if _purchase(program, happened) is not None:
            transaction.set_rollback(True)
            return None
        known = _known(program, happened)
        if known:
            return Confirmed(known, is_repeat=True)
        made = _made(program, happened, at=at, actor=actor)
        made.status = Status.WAITING
        made.save(force_insert=True)
        return Confirmed(made, is_repeat=False)


def _record(program: Program, bought: Purchase, happened: Happened, *, at: datetime, actor: str) -> Confirmed:
    """Record the confirmation of a purchase that is known, and confirm its points."""
    ((_status, account_id),) = members_of(program, {bought.member_id}).values()
    locking.lock(account_id)
    known = _known(program, happened)
    if known:
        return Confirmed(known, is_repeat=True)
    made = _made(program, happened, at=at, actor=actor)
    made.purchase = bought
    made.save(force_insert=True)
    parts = bought.qualifying_parts.filter(counts_at__isnull=True, is_cancelled=False, waits_for=made.kind)
    steps = ladder(program)
    if steps.has_parts or steps.counts_wallet:  # vouchers that were prizes come before the lots
        prizes.hold_vouchers([bought.member_id])
    since = _count((part, made.occurred_at) for part in parts.select_related("purchase"))
    if since:  # the tiers first: settling may lock budgets, and those come before the lots
        settling.settle(program, since, at=at, actor=actor)
    _apply([made], at=at, actor=actor)
    if not since and steps.counts_wallet:  # credits count from when they can be spent, which is known by now
        since = {bought.member_id: made.occurred_at}
        settling.settle(program, since, at=at, actor=actor)
    if since:
        settle_again(since, at=at, actor=actor)
        following.follow(program, since, at=at, actor=actor)
    return Confirmed(made, is_repeat=False)


def _apply(confirmations: Sequence[Confirmation], *, at: datetime, actor: str) -> None:
    """Confirm what waits for each of these, and keep what became of it."""
    for one in confirmations:
        assert one.purchase is not None
        points, is_late = _confirm_lots(one, _waiting_lots(one), at=at, actor=actor)
        one.points += points
        one.status = Status.LATE if is_late and not one.points else Status.APPLIED
        one.save(update_fields=["purchase", "status", "points"])


def _waiting_lots(one: Confirmation) -> list[Lot]:
    """The unconfirmed lots of an order that wait for this kind of event, in the order of their entries."""
    assert one.purchase is not None
    ((_status, account_id),) = members_of(one.purchase.program, {one.purchase.member_id}).values()
    credits = [entry.pk for entry in credits_of(one.purchase, account_id)]
    named = Q(expiry_policy__confirmed_by=one.kind)
    lots = Lot.objects.filter(
        named, entry__any_of=credits, confirm_by__isnull=False, available_at__isnull=True
    ).select_related("entry")
    return list(lots.order_by("id"))


def _confirm_lots(one: Confirmation, lots: Iterable[Lot], *, at: datetime, actor: str) -> tuple[int, bool]:
    """Confirm these lots: the points that can be spent by it, and whether any had lapsed before it happened."""
    points, is_late = 0, False
    for lot in lots:
        if lot.confirm_by is not None and one.occurred_at >= lot.confirm_by:
            is_late = True
            continue
        told = {"reference": f"{one.reference}:{lot.entry_id}", "source": one.source, "actor": actor}
        entry = confirming.confirm(lot.entry, at=at, occurred_at=min(one.occurred_at, at), **told)
        lot.refresh_from_db(fields=["remaining"])
        points += max(lot.remaining, entry.amount)
    return points, is_late


def _known(program: Program, happened: Happened) -> Confirmation | None:
    """The confirmation of this order and kind, if there is one. Raises ConfirmationConflict when its time was another."""
    found = Confirmation.objects.filter(
        program=program, source=happened.source, receipt=happened.receipt, kind=happened.kind
    ).select_related("purchase__member").first()  # fmt: skip
    said = happened.occurred_at
    if found and found.recorded_at < said <= found.recorded_at + CLOCK_TOLERANCE:
        said = found.recorded_at  # as it was taken then: the clock of the shop is a little ahead
    if found and said != found.occurred_at:
        raise ConfirmationConflict(
            _("“%(kind)s” was reported of %(receipt)s before, with another time. Nothing was changed.")
            % {"kind": happened.kind, "receipt": happened.receipt[:100]},
            kind=happened.kind,
            receipt=happened.receipt,
        )
    return found


def _made(program: Program, happened: Happened, *, at: datetime, actor: str) -> Confirmation:
    """The record of a confirmation, with what it says."""
    return Confirmation(
        program=program,
        source=happened.source,
        receipt=happened.receipt,
        kind=happened.kind,
        occurred_at=min(happened.occurred_at, at),
        recorded_at=at,
        recorded_by=actor,
    )
