"""Holds: points reserved for a time, then captured as a redemption or released (DOMAIN 5.3).

A hold past its end reserves nothing and cannot be captured, whether or not anything has recorded that. Points stay
reserved for a capture in time even when their lot expires meanwhile.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger.drawing import draw, release_parts, settle
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Hold, HoldPart, Lot, Program
from loyalty.ledger.posting import ReferenceConflict
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines

MINUTES = 15


class HoldOver(Refusal):
    """The hold was released or ran out of time; its points are free again."""

    code = "hold_over"


class HoldCaptured(Refusal):
    """A captured hold is a redemption, and cannot be released."""

    code = "hold_captured"


@transaction.atomic
def hold(
    account_id: int, amount: int, *, at: datetime, reference: str, source: str, actor: str, minutes: int = MINUTES
) -> Hold:
    """Reserve points for some minutes. A repeated reference returns the first hold.

    Raises InsufficientPoints, and ReferenceConflict when the reference stands for another amount.
    """
    if amount <= 0:
        raise ValueError("a hold reserves at least one point")
    account = lock(account_id)[account_id]
    first = Hold.objects.filter(account=account, reference=reference).first()
    if first:
        if first.amount != amount:
            raise ReferenceConflict(_("This reference already stands for another amount."), reference=reference)
        return first
    settle(account, at=at)
    drawn = draw(account, amount, at=at)
    held = Hold.objects.create(
        account=account,
        reference=reference,
        amount=amount,
        held_at=at,
        expires_at=at + timedelta(minutes=minutes),
        source=source,
        actor=actor,
    )
    insert_rows(HoldPart, ("hold", "lot", "amount"), [(held.id, lot_id, part) for lot_id, part in drawn])
    update_rows(Lot, "id", ("+held",), drawn)
    account.available -= amount
    account.held += amount
    write_accounts([account])
    return held


@transaction.atomic
def capture(held: Hold, *, at: datetime, actor: str, amount: int | None = None, reason: str = "") -> Entry:
    """Turn a hold into a redemption of `amount` (all of it by default); the rest is free again.

    Capturing twice returns the first entry. Raises HoldOver when it was released or ran out of time.
    """
    account, held = _locked(held)
    if held.entry:
        return held.entry
    settle(account, at=at)
    if held.status == Hold.Status.RELEASED or held.expires_at <= at:
        raise HoldOver(_("This hold is over: its points are free again. Please start once more."))
    wanted = held.amount if amount is None else amount
    if not 0 < wanted <= held.amount:
        raise ValueError("a capture takes between one point and all that is held")
    release_parts(account, [held.id])
    taken = _first_of(list(held.parts.order_by("id").values_list("lot_id", "amount")), wanted)
    reference = f"hold:{held.reference}"
    line = Line(account.id, Entry.Kind.REDEMPTION, -wanted, at, at, held.source, reference, actor, reason)
    (entry_id,) = write_lines({account.id: account}, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in taken])
    update_rows(Lot, "id", ("+remaining", "+redeemed"), [(lot_id, -part, part) for lot_id, part in taken])
    account.held -= held.amount
    account.available += held.amount - wanted
    write_accounts([account])
    Hold.objects.filter(id=held.id).update(status=Hold.Status.CAPTURED, ended_at=at, entry_id=entry_id)
    return Entry.objects.get(id=entry_id)


@transaction.atomic
def release(held: Hold, *, at: datetime) -> Hold:
    """Give a hold's points free. Releasing twice changes nothing. Raises HoldCaptured."""
    account, held = _locked(held)
    if held.status == Hold.Status.CAPTURED:
        raise HoldCaptured(_("This hold was captured: cancel the redemption instead."))
    if held.status == Hold.Status.HELD:
        _release(account, [held], at=at)
        write_accounts([account])
        held.refresh_from_db()
    return held


def release_due(program: Program, *, at: datetime) -> int:
    """Record the holds of a program that ran out of time; returns how many."""
    over = Hold.objects.filter(account__wallet__program=program, status=Hold.Status.HELD, expires_at__lte=at)
    released = 0
    for account_id in list(over.order_by("account_id").values_list("account_id", flat=True).distinct()):
        with transaction.atomic():
            account = lock(account_id)[account_id]
            released += over.filter(account=account).count()
            settle(account, at=at)
            write_accounts([account])
    return released


def _locked(held: Hold) -> tuple[Account, Hold]:
    account = lock(held.account_id)[held.account_id]
    return account, Hold.objects.select_related("entry").get(id=held.id)


def _release(account: Account, holds: list[Hold], *, at: datetime) -> None:
    points = release_parts(account, [held.id for held in holds])
    for held in holds:
        Hold.objects.filter(id=held.id, status=Hold.Status.HELD).update(status=Hold.Status.RELEASED, ended_at=at)
    account.held -= points
    account.available += points


def _first_of(parts: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """The first `wanted` points of the parts, in burn order."""
    taken = []
    for lot_id, amount in parts:
        part = min(amount, wanted)
        if part:
            taken.append((lot_id, part))
            wanted -= part
    return taken
