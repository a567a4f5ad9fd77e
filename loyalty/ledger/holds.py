"""Holds: points reserved for a time, then captured as a redemption or released (DOMAIN 5.3).

A hold past its end reserves nothing and cannot be captured, whether or not anything has recorded that. Points stay
reserved for a capture in time even when their lot expires meanwhile.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, update_rows
from loyalty.common.errors import Refusal
from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger import debts, idling
from loyalty.ledger.drawing import draw, release_parts, release_timed_out, settle
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Hold, HoldPart, Lot, Program
from loyalty.ledger.posting import ReferenceConflict
from loyalty.ledger.trails import REDEEM, Act
from loyalty.ledger.writing import Line, note_draw, write_accounts, write_allocations, write_lines

MINUTES = 15
CHUNK = 1000


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
    note_draw(account, at)
    write_accounts([account])
    return held


@transaction.atomic
def capture(
    held: Hold, *, at: datetime, actor: str, amount: int | None = None, reason: str = "",
    explanation: dict[str, Any] | None = None,
) -> Entry:  # fmt: skip
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
    freed = [(lot_id, points) for _, lot_id, points, _ in release_parts([held.id])]
    taken = _first_of(freed, wanted)
    reference = f"hold:{held.reference}"
    told = explanation or {}
    line = Line(account.id, Entry.Kind.REDEMPTION, -wanted, at, at, held.source, reference, actor, reason, told)
    (entry_id,) = write_lines({account.id: account}, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in taken])
    update_rows(Lot, "id", ("+remaining", "+redeemed"), [(lot_id, -part, part) for lot_id, part in taken])
    account.held -= held.amount
    account.available += held.amount - wanted
    if account.debt:
        used = dict(taken)
        debts.repay(account, [(lot_id, points - used.get(lot_id, 0)) for lot_id, points in freed], at=at)
    write_accounts([account])
    Hold.objects.filter(id=held.id).update(status=Hold.Status.CAPTURED, ended_at=at, entry_id=entry_id)
    idling.keep_alive({account.id: account}, [Act(account.id, REDEEM, at)], recorded_at=at)
    return Entry.objects.get(id=entry_id)


@transaction.atomic
def release(held: Hold, *, at: datetime) -> Hold:
    """Give a hold's points free. Releasing twice changes nothing. Raises HoldCaptured."""
    account, held = _locked(held)
    if held.status == Hold.Status.CAPTURED:
        raise HoldCaptured(_("This hold was captured: cancel the redemption instead."))
    if held.status == Hold.Status.HELD:
        freed = release_parts([held.id])
        Hold.objects.filter(id=held.id, status=Hold.Status.HELD).update(
            status=Hold.Status.RELEASED, ended_at=min(at, held.expires_at)
        )
        account.held -= held.amount
        account.available += held.amount
        debts.repay(account, [(lot_id, points) for _, lot_id, points, _ in freed], at=at)
        write_accounts([account])
        held.refresh_from_db()
    return held


def state(held: Hold, *, at: datetime) -> tuple[str, datetime | None]:
    """What became of a hold by an instant, and when: `held`, `captured`, `released` or `timed_out`, recorded or not."""
    is_recorded = held.status == Hold.Status.RELEASED and held.ended_at == held.expires_at
    if is_recorded or (held.status == Hold.Status.HELD and held.expires_at <= at):
        return "timed_out", held.expires_at
    return held.status, held.ended_at


def release_due(
    program: Program | None = None,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Record the holds that ran out of time, of a program or of all; the job `release_holds`.

    Accounts first, in chunks; may be stopped, repeated or run twice at once: what is recorded is no longer due.
    """
    over = Hold.objects.filter(status=Hold.Status.HELD, expires_at__lte=at)
    if program:
        over = over.filter(account__wallet__program=program)
    if dry_run:
        return Tally(found=over.count())
    tally = Tally()
    while released := _release_chunk(over, at=at, recorded_at=recorded_at):
        tally.found = tally.done = tally.done + released
        if not progress(tally.found, tally.done, 0):
            break
    return tally


@retried
@transaction.atomic
def _release_chunk(over: QuerySet[Hold], *, at: datetime, recorded_at: datetime | None) -> int:
    """Release the holds of the next accounts; returns how many. Others may have been faster: then look again."""
    while found := set(over.order_by("expires_at", "id").values_list("account_id", flat=True)[:CHUNK]):
        accounts = lock(*found)
        released = release_timed_out(accounts, at=at, recorded_at=recorded_at)
        if released:
            write_accounts(accounts.values())
            return released
    return 0


def _locked(held: Hold) -> tuple[Account, Hold]:
    account = lock(held.account_id)[held.account_id]
    return account, Hold.objects.select_related("entry").get(id=held.id)


def _first_of(parts: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """The first `wanted` points of the parts, in burn order."""
    taken = []
    for lot_id, amount in parts:
        part = min(amount, wanted)
        if part:
            taken.append((lot_id, part))
            wanted -= part
    return taken
