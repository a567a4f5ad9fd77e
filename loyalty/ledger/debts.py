"""Debt: what a member owes after goods came back whose points were already spent (DOMAIN 6.2).

Debt never expires and is repaid first from what is earned next. A repayment is a claw-back line of amount 0 whose
allocations take from the new lots what earlier claw-backs could not: the sum of the entries moved when the debt was
made, and does not move again when it is repaid.
"""

from collections.abc import Sequence
from datetime import datetime

from loyalty.common.bulk import update_rows
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.policies import open_at
from loyalty.ledger.writing import Line, write_allocations, write_lines

ACTOR = "books"


def repayment_line(account: Account, repaid: int, *, at: datetime, effective_at: datetime | None = None) -> Line:
    """The line that says how much of the debt was repaid."""
    return Line(
        account.id,
        Entry.Kind.CLAW_BACK,
        0,
        effective_at or at,
        at,
        "books",
        f"repayment:{account.last_number + 1}",
        ACTOR,
        explanation={"repaid": repaid, "debt": account.debt - repaid},
    )


def repay(account: Account, lots: Sequence[tuple[int, int]], *, at: datetime) -> int:
    """Let lots repay the debt of a locked account: (lot id, points new in it). Returns the points.

    Lots that cannot be spent at that instant repay nothing. Changes the account in memory, the lots in the database.
    """
    can_pay = set(Lot.objects.filter(open_at(at), id__any_of=[lot for lot, _ in lots]).values_list("id", flat=True))
    taken: list[tuple[int, int]] = []
    owed = account.debt
    for lot_id, points in lots:
        part = min(owed, points) if lot_id in can_pay else 0
        if part:
            taken.append((lot_id, part))
            owed -= part
    repaid = account.debt - owed
    if not repaid:
        return 0
    (entry_id,) = write_lines({account.id: account}, [repayment_line(account, repaid, at=at)])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in taken])
    update_rows(Lot, "id", ("+remaining", "+clawed_back"), [(lot_id, -part, part) for lot_id, part in taken])
    account.debt -= repaid
    account.available -= repaid
    return repaid
