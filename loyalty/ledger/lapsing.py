"""Writing off what is past its end: all that is left and not held of each lot, as one expiry entry per lot (laws 12).

The sweep does it for everybody; a reversal does it for the lots it is about to give more days, so that points which are
gone by time do not come back because nothing had recorded it yet (DOMAIN 2.4). Whoever loses points that waited for an event
is told in the same transaction, by whom `SETIA_TELL_LAPSED` names: the books know no people.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils.module_loading import import_string

from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines

ACTOR = "job:expire_points"
COLUMNS = ("id", "account_id", "expires_at", "remaining", "held", "is_pending", "available_at")
# What the entry says of points whose confirming event did not come in time.
UNCONFIRMED = {"lapsed": "unconfirmed"}


def overdue(lot_ids: Sequence[int], *, at: datetime) -> list[tuple[Any, ...]]:
    """Those of some lots that have points left past their end, as COLUMNS, account by account. Read under the lock."""
    lots = Lot.objects.filter(id__any_of=list(lot_ids), remaining__gt=F("held"), expires_at__lte=at)
    return list(lots.order_by("account_id", "expires_at", "id").values_list(*COLUMNS))


def lapse(accounts: dict[int, Account], lots: Sequence[tuple[Any, ...]], *, recorded_at: datetime) -> int:
    """Write off overdue lots of locked accounts with a constant number of statements; returns the points."""
    lines, amounts = [], []
    for lot_id, account_id, expires_at, remaining, held, is_pending, available_at in lots:
        gone = remaining - held
        reference = f"expiry:{lot_id}:{accounts[account_id].last_number + 1}"
        line = Line(account_id, Entry.Kind.EXPIRY, -gone, expires_at, recorded_at, "expiry", reference, ACTOR)
        if available_at is None:
            line.explanation = UNCONFIRMED
        lines.append(line)
        amounts.append(gone)
        if is_pending:
            accounts[account_id].pending -= gone
        else:
            accounts[account_id].available -= gone
    entry_ids = write_lines(accounts, lines)
    write_allocations(zip(entry_ids, (lot[0] for lot in lots), amounts, strict=True))
    Lot.objects.filter(id__any_of=[lot[0] for lot in lots]).update(
        expired=F("expired") + F("remaining") - F("held"), remaining=F("held")
    )
    write_accounts([accounts[account_id] for account_id in {lot[1] for lot in lots}])
    tell(
        [entry for entry, line in zip(entry_ids, lines, strict=True) if line.explanation == UNCONFIRMED], at=recorded_at
    )
    return sum(amounts)


def tell(unconfirmed: Sequence[int], *, at: datetime) -> None:
    """Tell members of expiry entries of points that waited for an event which did not come."""
    if unconfirmed:
        import_string(settings.SETIA_TELL_LAPSED)(list(unconfirmed), at=at)
