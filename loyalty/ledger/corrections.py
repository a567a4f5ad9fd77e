"""Corrections by people: adjustments, forgiven debt, reinstated and extended points. Every one has a reason.

Who may do it, and when a second person must agree, is decided by the door (DOMAIN 12.4); here is what moves.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger import bringing_back, debts
from loyalty.ledger.drawing import draw, settle
from loyalty.ledger.lapsing import lapse, overdue
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Entry, Lot
from loyalty.ledger.posting import BY_POLICY, Accrual, ReferenceConflict, accrue_many
from loyalty.ledger.redating import extension
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines


class ReasonMissing(Refusal):
    """A correction needs a reason in words."""

    code = "reason_missing"
    status = 422


class NoSuchDebt(Refusal):
    """The member owes less than that."""

    code = "no_such_debt"


class NotExpired(Refusal):
    """Only expired points can be reinstated, and only once."""

    code = "not_expired"


@transaction.atomic
def adjust(
    account_id: int,
    amount: int,
    *,
    at: datetime,
    reference: str,
    actor: str,
    reason: str,
    expires_at: datetime | None = BY_POLICY,
) -> Entry:
    """Add or take points by hand. Added points live as the wallet's policy says, unless `expires_at` is given.

    A repeated reference returns the first entry. Raises ReasonMissing, InsufficientPoints, ReferenceConflict.
    """
    _need(reason)
    if amount == 0:
        raise ValueError("an adjustment moves at least one point")
    account = lock(account_id)[account_id]
    first = _earlier(account, reference, Entry.Kind.ADJUSTMENT, amount)
    if first:
        return first
    if amount > 0:
        credit = Accrual(
            account_id,
            amount,
            at,
            reference,
            "desk",
            actor,
            reason=reason,
            expires_at=expires_at,
            kind=Entry.Kind.ADJUSTMENT,
        )
        accrue_many([credit], recorded_at=at)
        return Entry.objects.get(account=account_id, reference=reference, kind=Entry.Kind.ADJUSTMENT)
    settle(account, at=at)
    drawn = draw(account, -amount, at=at)
    line = Line(account_id, Entry.Kind.ADJUSTMENT, amount, at, at, "desk", reference, actor, reason)
    (entry_id,) = write_lines({account_id: account}, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in drawn])
    update_rows(Lot, "id", ("+remaining", "+forfeited"), [(lot_id, -part, part) for lot_id, part in drawn])
    account.available += amount
    write_accounts([account])
    return Entry.objects.get(id=entry_id)


@transaction.atomic
def write_off(account_id: int, amount: int, *, at: datetime, reference: str, actor: str, reason: str) -> Entry:
    """Forgive part or all of a debt. Raises ReasonMissing, NoSuchDebt, ReferenceConflict."""
    _need(reason)
    if amount <= 0:
        raise ValueError("a write-off forgives at least one point")
    account = lock(account_id)[account_id]
    first = _earlier(account, reference, Entry.Kind.WRITE_OFF, amount)
    if first:
        return first
    if amount > account.debt:
        raise NoSuchDebt(_("The member owes only %(debt)d.") % {"debt": account.debt}, debt=account.debt)
    line = Line(account_id, Entry.Kind.WRITE_OFF, amount, at, at, "desk", reference, actor, reason)
    (entry_id,) = write_lines({account_id: account}, [line])
    account.debt -= amount
    write_accounts([account])
    return Entry.objects.get(id=entry_id)


@transaction.atomic
def reinstate(expiry: Entry, *, at: datetime, until: datetime | None, reference: str, actor: str, reason: str) -> Entry:
    """Give back what an expiry entry took: the points return to their lot and live until `until` (None: for ever).

    Once per expiry; doing it again returns the first. What was brought back already for a refund told late stays with it.
    Raises ReasonMissing, NotExpired.
    """
    _need(reason)
    if expiry.kind != Entry.Kind.EXPIRY:
        raise NotExpired(_("Only points that expired can be reinstated."))
    if Lot.objects.filter(allocations__entry=expiry, available_at__isnull=True).exists():
        raise NotExpired(_("These points were never confirmed: confirm them instead."))
    account = lock(expiry.account_id)[expiry.account_id]
    late, otherwise = bringing_back.answered([expiry.id])
    if otherwise:
        back = Entry.objects.filter(corrects=expiry, kind=Entry.Kind.REINSTATEMENT)
        return back.exclude(explanation__has_key=bringing_back.TOLD).earliest("id")
    points = -expiry.amount - late.get(expiry.id, 0)
    if not points:
        raise NotExpired(_("A refund that was told late has used all of these points already."))
    left = F("amount") - late.get(expiry.id, 0)
    parts = Allocation.objects.filter(entry=expiry).annotate(left=left)
    taken = list(parts.values_list("lot_id", "left", "lot__expires_at"))
    longer = {lot: (was, until) for lot, _, was in taken if _is_longer(was, until)}
    lapse({account.id: account}, overdue(list(longer), at=at), recorded_at=at)
    line = Line(
        account.id, Entry.Kind.REINSTATEMENT, points, at, at, "desk", reference, actor, reason, extension(longer), expiry.id
    )  # fmt: skip
    (entry_id,) = write_lines({account.id: account}, [line])
    write_allocations([(entry_id, lot_id, amount) for lot_id, amount, _ in taken])
    update_rows(Lot, "id", ("+remaining", "+returned"), [(lot_id, amount, amount) for lot_id, amount, _ in taken])
    Lot.objects.filter(id__any_of=list(longer)).update(expires_at=until)
    account.available += points
    if account.debt:
        debts.repay(account, [(lot_id, amount) for lot_id, amount, _ in taken], at=at)
    write_accounts([account])
    return Entry.objects.get(id=entry_id)


@transaction.atomic
def extend(
    account_ids: Iterable[int],
    *,
    until: datetime,
    before: datetime,
    at: datetime,
    reference: str,
    actor: str,
    reason: str,
) -> int:
    """Let open points that would expire before `before` live until `until`; the longest wins. Returns the lots moved.

    One line of amount 0 per account says which lots, from when to when. Points already past their end stay gone.
    """
    _need(reason)
    accounts = lock(*account_ids)
    done = Entry.objects.filter(account__any_of=accounts, reference=reference, kind=Entry.Kind.EXTENSION)
    again = set(done.values_list("account_id", flat=True))
    lots = Lot.objects.filter(
        account__any_of=[a for a in accounts if a not in again],
        remaining__gt=0,
        available_at__isnull=False,
        expires_at__gt=at,
        expires_at__lt=min(before, until),
    )
    moved: dict[int, dict[int, tuple[datetime | None, datetime | None]]] = {}
    for lot_id, account_id, was in lots.order_by("account_id", "id").values_list("id", "account_id", "expires_at"):
        moved.setdefault(account_id, {})[lot_id] = (was, until)
    lines = [
        Line(
            account_id, Entry.Kind.EXTENSION, 0, at, at, "desk", reference, actor, reason, extension(changes)
        )
        for account_id, changes in moved.items()
    ]  # fmt: skip
    write_lines(accounts, lines)
    ids = [lot for changes in moved.values() for lot in changes]
    Lot.objects.filter(id__any_of=ids).update(expires_at=until)
    write_accounts([accounts[account_id] for account_id in moved])
    return len(ids)


def _need(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing(_("Please say why, in a few words: the reason stays with the entry."))


def _earlier(account: Account, reference: str, kind: str, amount: int) -> Entry | None:
    first = Entry.objects.filter(account=account, reference=reference, kind=kind).first()
    if first and first.amount != amount:
        raise ReferenceConflict(_("This reference already stands for another amount."), reference=reference)
    return first


def _is_longer(was: datetime | None, until: datetime | None) -> bool:
    return was is not None and (until is None or until > was)
