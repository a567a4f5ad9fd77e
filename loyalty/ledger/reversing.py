"""Undoing a redemption, wholly or in part: its points return to the lots they came from, with the end those have (DOMAIN 7.2, laws 14).

A part gives back what was drawn last first, so that the parts of a redemption, one after the other, are the whole of it.
Where an end has passed meanwhile, the lot lives some days of grace more; what else was left on it stays gone. Grace is given
once: what was redeemed from a lot that lived by days of grace returns with the end which they gave it. A redemption
from before them was never given any, and gets its own. An end that something else gave since is an end like any other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger import debts, idling
from loyalty.ledger.drawing import settle
from loyalty.ledger.lapsing import lapse, overdue
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Entry, Lot
from loyalty.ledger.redating import extension, redated
from loyalty.ledger.writing import Line, ReferenceConflict, write_accounts, write_allocations, write_line

# What one redemption drew from one lot: the lot, the points, when the lot ends.
Taken = tuple[int, int, datetime | None]


class NotReversible(Refusal):
    """Only a redemption can be reversed."""

    code = "not_reversible"


@transaction.atomic
def reverse(
    entry: Entry, *, at: datetime, reference: str, source: str, actor: str, reason: str = "", grace_days: int = 0
) -> Entry:
    """Undo a redemption: its points return to the lots they came from, with the expiry those had (DOMAIN 7.2).

    A lot that has expired meanwhile lives `grace_days` more days; with 0 its points are back and gone at once. What was
    drawn from a lot while it lived by such days gets none again. Reversing twice returns the first reversal; after parts,
    the rest is given back. Raises NotReversible for an entry that is no redemption.
    """
    account = _locked(entry)
    before = list(Entry.objects.filter(corrects=entry, kind=Entry.Kind.REVERSAL))
    amount = -entry.amount - sum(one.amount for one in before)
    if not amount:
        return before[0]
    line = Line(account.id, Entry.Kind.REVERSAL, amount, at, at, source, reference, actor, reason, {}, entry.id)
    return _put_back(account, line, entry, grace_days=grace_days)


@transaction.atomic
def reverse_part(
    entry: Entry, amount: int, *, at: datetime, reference: str, source: str, actor: str, reason: str = "",
    explanation: dict[str, Any] | None = None, grace_days: int = 0,
) -> Entry:  # fmt: skip
    """Undo `amount` points of a redemption, those drawn last first; days of grace as in `reverse`.

    A repeated reference returns the first entry. Raises ReferenceConflict when it stands for another amount, NotReversible
    for an entry that is no redemption or has fewer points left to give back (`left`).
    """
    if amount <= 0:
        raise ValueError("at least one point is given back")
    account = _locked(entry)
    first = Entry.objects.filter(account=account, reference=reference, kind=Entry.Kind.REVERSAL).first()
    if first:
        if (first.amount, first.corrects_id) != (amount, entry.id):
            message = _("This reference already stands for another number of points.")
            raise ReferenceConflict(message, reference=reference, amount=first.amount)
        return first
    back = Entry.objects.filter(corrects=entry, kind=Entry.Kind.REVERSAL).aggregate(sum=Sum("amount"))["sum"] or 0
    if back + amount > -entry.amount:
        raise NotReversible(_("Fewer points than that are left to give back."), left=-entry.amount - back)
    told = dict(explanation or {})
    line = Line(account.id, Entry.Kind.REVERSAL, amount, at, at, source, reference, actor, reason, told, entry.id)
    return _put_back(account, line, entry, grace_days=grace_days)


def _locked(entry: Entry) -> Account:
    """The account of a redemption, locked. Raises NotReversible for any other entry."""
    if entry.kind != Entry.Kind.REDEMPTION:
        raise NotReversible(_("Only a redemption can be cancelled and its points given back."), kind=entry.kind)
    return lock(entry.account_id)[entry.account_id]


def _put_back(account: Account, line: Line, entry: Entry, *, grace_days: int) -> Entry:
    """Write the reversal with its allocations and the figures of lots and account."""
    at, amount = line.effective_at, line.amount
    settle(account, at=at)
    if account.has_idle_lots:
        touched = Allocation.objects.filter(entry=entry).values_list("lot_id", flat=True)
        idling.settle_ends(account, list(touched), recorded_at=at)
    taken = _last_drawn(entry, amount)
    over = {lot: end for lot, _, end in taken if grace_days and end and end <= at}
    spared = _drawn_in_grace(entry, over) if over else ()
    graced = {lot: end for lot, end in over.items() if lot not in spared}
    # What is left on these lots has run out, recorded or not: only what comes back now gets the days of grace.
    lapse({account.id: account}, overdue(list(graced), at=at) if graced else [], recorded_at=at)
    zone = account.wallet.program.time_zone
    until = day_start(local_day(at, zone) + timedelta(days=grace_days + 1), zone)
    line.explanation = line.explanation | extension({lot: (end, until) for lot, end in graced.items()})
    undone = write_line(account, line)
    write_allocations([(undone.id, lot_id, part) for lot_id, part, _ in taken])
    update_rows(Lot, "id", ("+remaining", "+returned"), [(lot_id, part, part) for lot_id, part, _ in taken])
    if graced:
        Lot.objects.filter(id__any_of=list(graced)).update(expires_at=until)
    account.available += amount
    if account.debt:
        debts.repay(account, [(lot_id, part) for lot_id, part, _ in taken], at=at)
    write_accounts([account])
    return undone


def _last_drawn(entry: Entry, amount: int) -> Sequence[Taken]:
    """What `amount` points give back to which lot: all that was drawn, or the last drawn first, less what is back."""
    drawn: list[Taken] = list(
        Allocation.objects.filter(entry=entry).order_by("id").values_list("lot_id", "amount", "lot__expires_at")
    )
    if amount == -entry.amount:
        return drawn
    given = Allocation.objects.filter(entry__corrects=entry, entry__kind=Entry.Kind.REVERSAL).order_by()
    back = dict(given.values("lot_id").annotate(sum=Sum("amount")).values_list("lot_id", "sum"))
    found = []
    for lot_id, part, end in reversed(drawn):
        wanted = min(part - back.get(lot_id, 0), amount)
        if wanted > 0:
            found.append((lot_id, wanted, end))
            amount -= wanted
    return found


def _drawn_in_grace(entry: Entry, ends: Mapping[int, datetime]) -> set[int]:
    """Those of some lots, given with their ends, that lived by days of grace when the redemption drew on them, and by nothing else since."""
    rows = Allocation.objects.filter(
        lot__any_of=list(ends), entry__kind=Entry.Kind.REVERSAL, entry__account=entry.account_id
    ).exclude(entry__explanation={})
    before: set[int] = set()
    given: dict[int, set[datetime | None]] = {}
    for number, explanation in rows.order_by("entry__number").values_list("entry__number", "entry__explanation"):
        for lot, _was, until in redated(explanation):
            given.setdefault(lot, set()).add(until)
            if number < entry.number:
                before.add(lot)
    return {lot for lot, end in ends.items() if lot in before and end in given[lot]}
