"""Points that wait for a confirming event: it makes them spendable; without it they lapse (DOMAIN 4.1).

An accrual with `confirm_by` makes a lot without a beginning. The event counts by when it happened: from then on the
points can be spent and their expiry runs. At `confirm_by` an unconfirmed lot is gone as a fact of time, whether or not
a sweep has recorded it; an event that happened before and is told of late brings the points back, less what goods that
came back meanwhile would have taken. Waiting points of any kind can be cancelled while they wait, which is a claw-back of
what is left of them.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger import clawback, debts, exchanging, idling
from loyalty.ledger.lapsing import lapse, overdue
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Entry, Lot
from loyalty.ledger.policies import terms_of
from loyalty.ledger.posting import ReferenceConflict
from loyalty.ledger.redating import confirmation, confirmed, extension
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_line


class NotWaiting(Refusal):
    """These points wait for nothing: they can be spent, are gone, or become spendable by themselves."""

    code = "not_waiting"


class ConfirmationLate(Refusal):
    """The event happened when the points had already lapsed."""

    code = "confirmation_late"


@transaction.atomic
def confirm(
    origin: Entry, *, at: datetime, reference: str, source: str, actor: str, occurred_at: datetime | None = None
) -> Entry:
    """Confirm the points that `origin` credited by an event that happened at `occurred_at` (default: now).

    Returns a line of amount 0 with the new dates, or, where the lapse was on record already, the reinstatement. A
    confirmed lot is answered with its first confirmation. Raises NotWaiting, ConfirmationLate, ReferenceConflict.
    """
    happened = occurred_at or at
    if happened > at:
        raise ValueError("an event is confirmed when it has happened")
    account = lock(origin.account_id)[origin.account_id]
    lot = _lot_of(origin)
    first = _first(lot, reference)
    if first:
        return first
    if lot.confirm_by is None:
        raise NotWaiting(_("These points wait for no confirmation."))
    if happened >= lot.confirm_by:
        message = _("These points had to be confirmed before %(end)s; by then they were gone.")
        raise ConfirmationLate(message % {"end": lot.confirm_by.isoformat()}, confirm_by=lot.confirm_by.isoformat())
    asked, taken = clawback.so_far(origin)
    if asked > taken and lot.confirm_by <= at:
        # Goods came back when the points were gone already, so nothing was taken. Now that they were not gone, it is.
        lapse({account.pk: account}, overdue([lot.pk], at=at), recorded_at=at)
        lot.refresh_from_db()
    words = (source, reference, actor)
    begins_at = max(happened, lot.granted_at)
    is_late = exchanging.is_behind(account, begins_at)
    entry = _write(account, lot, begins_at, at, words, missed=asked - taken)
    write_accounts([account])
    idling.settle_ends(account, [lot.pk], recorded_at=at)
    if is_late:
        exchanging.exchange({account.pk: account}, at=at)
    return entry


@transaction.atomic
def cancel(origin: Entry, *, at: datetime, reference: str, source: str, actor: str, reason: str = "") -> Entry:
    """Take back what is left of points that still wait, whatever for. A repeated reference returns the first entry.

    Raises NotWaiting when they can be spent already or are gone.
    """
    account = lock(origin.account_id)[origin.account_id]
    first = Entry.objects.filter(account=account, reference=reference, kind=Entry.Kind.CLAW_BACK).first()
    if first:
        if first.corrects_id != origin.pk:
            raise ReferenceConflict(_("This reference already stands for something else."), reference=reference)
        return first
    lot = _lot_of(origin)
    if not is_waiting(lot, at=at):
        raise NotWaiting(_("These points wait for nothing any more, so there is nothing to cancel."))
    return clawback.claw_back(
        origin, lot.remaining, at=at, reference=reference, source=source, actor=actor, reason=reason
    )


def is_waiting(lot: Lot, *, at: datetime) -> bool:
    """Whether a lot has points that cannot be spent yet and are not gone either: a fact of time."""
    is_over = lot.expires_at is not None and lot.expires_at <= at
    return lot.remaining > 0 and not is_over and (lot.available_at is None or lot.available_at > at)


def _lot_of(origin: Entry) -> Lot:
    """The lot of a credit. Raises NotWaiting for an entry that made none."""
    lot = Lot.objects.select_related("expiry_policy", "entry").filter(entry=origin).first()
    if lot is None:
        raise NotWaiting(_("This entry gave no points, so nothing waits."))
    return lot


def _first(lot: Lot, reference: str) -> Entry | None:
    """The entry that confirmed a lot before. Raises ReferenceConflict when the reference confirmed another one."""
    kinds = [Entry.Kind.EXTENSION, Entry.Kind.REINSTATEMENT]
    known = Entry.objects.filter(account=lot.account_id, reference=reference, kind__in=kinds).first()
    if known and lot.pk not in confirmed(known.explanation):
        raise ReferenceConflict(_("This reference already stands for something else."), reference=reference)
    if known or lot.available_at is None or lot.confirm_by is None:
        return known
    earlier = Entry.objects.filter(account=lot.account_id, kind__in=kinds).exclude(explanation={}).order_by("number")
    return next((entry for entry in earlier if lot.pk in confirmed(entry.explanation)), None)


def _write(
    account: Account, lot: Lot, available_at: datetime, at: datetime, words: tuple[str, str, str], *, missed: int
) -> Entry:
    """Give the lot its dates, the account its points, and write the line that says so.

    Of points whose lapse is on record, what claw-backs have `missed` stays gone.
    """
    expires_at = _end(account, lot, available_at)
    told = extension({lot.pk: (lot.expires_at, expires_at)}) | confirmation(lot.pk, available_at)
    source, reference, actor = words
    lapsed = Allocation.objects.filter(lot=lot, entry__kind=Entry.Kind.EXPIRY).select_related("entry").first()
    back = max(0, lapsed.amount - missed) if lapsed else 0
    kind = Entry.Kind.REINSTATEMENT if back else Entry.Kind.EXTENSION
    corrects = lapsed.entry_id if lapsed and back else lot.entry_id
    effective_at = at if lapsed else available_at
    line = Line(account.id, kind, back, effective_at, at, source, reference, actor, "", told, corrects)
    entry = write_line(account, line)
    if back:
        write_allocations([(entry.id, lot.pk, back)])
        update_rows(Lot, "id", ("+remaining", "+returned"), [(lot.pk, back, back)])
    Lot.objects.filter(id=lot.pk).update(available_at=available_at, expires_at=expires_at, is_pending=False)
    account.pending -= lot.remaining
    account.available += lot.remaining + back
    if account.debt:
        debts.repay(account, [(lot.pk, lot.remaining + back)], at=at)
    return entry


def _end(account: Account, lot: Lot, available_at: datetime) -> datetime | None:
    """When confirmed points end: by the policy they were granted under, or as given by hand with them."""
    if lot.expiry_policy:
        return terms_of([account.wallet_id])[account.wallet_id].expires_at(available_at, lot.expiry_policy_id)
    given = lot.entry.explanation.get("lot", {}).get("expires_at")
    return datetime.fromisoformat(given) if given else None
