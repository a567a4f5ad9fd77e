"""Which lots a burn draws on, and what time has done to a locked account before it is drawn on (DOMAIN 2.4, 5.1).

Soonest expiry first, never-expiring last, then the longest available, then the oldest: total and deterministic. Points
that are pending, held or expired at that instant are never drawn, whether or not a job has recorded it.
"""

from datetime import datetime
from typing import Any

from django.db.models import F, Min, QuerySet, Sum
from django.utils.translation import ngettext

from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import debts
from loyalty.ledger.models import Account, Hold, HoldPart, Lot
from loyalty.ledger.policies import open_at

LOTS_AT_ONCE = 100
Draw = tuple[int, int]


class InsufficientPoints(Refusal):
    """The account has fewer points that can be spent now than the burn needs."""

    code = "insufficient_points"


def draw(account: Account, amount: int, *, at: datetime) -> list[Draw]:
    """Which lots give how much of a burn: (lot id, points). Reads no more lots than it needs, changes nothing.

    Raises InsufficientPoints with `missing` and `available`.
    """
    drawn, missing = draw_up_to(account, amount, at=at)
    if missing:
        message = ngettext(
            "%(missing)d point is missing for this.", "%(missing)d points are missing for this.", missing
        )
        raise InsufficientPoints(message % {"missing": missing}, missing=missing, available=amount - missing)
    return drawn


def draw_up_to(account: Account, amount: int, *, at: datetime, but: int | None = None) -> tuple[list[Draw], int]:
    """As `draw`, but as far as the points go: the draws and what is missing. `but` is a lot to leave out."""
    drawn: list[Draw] = []
    missing, start = amount, 0
    while missing and (chunk := _lots_from(start, account.id, at, but or 0)):
        for lot_id, remaining, held in chunk:
            taken = min(missing, remaining - held)
            drawn.append((lot_id, taken))
            missing -= taken
            if not missing:
                break
        start += LOTS_AT_ONCE
    return drawn, missing


def _lots_from(start: int, account_id: int, at: datetime, but: int) -> list[tuple[int, int, int]]:
    """The next lots in burn order, `start` of them passed over: id, remaining, held."""
    if start == 0:
        return _first_lots(account=account_id, at=at, but=but)
    return list(_in_burn_order(account_id, at, but)[start : start + LOTS_AT_ONCE])


def _in_burn_order(account_id: Any, at: Any, but: Any) -> QuerySet[Any, Any]:
    """The account's lots that can be drawn on at an instant, in the order of drawing, all but one."""
    lots = Lot.objects.filter(open_at(at), account=account_id, remaining__gt=F("held")).exclude(id=but)
    in_order = lots.order_by(F("expires_at").asc(nulls_last=True), "available_at", "id")
    return in_order.values_list("id", "remaining", "held")


_first_lots = Prepared(lambda: _in_burn_order(Given("account"), Given("at"), Given("but"))[:LOTS_AT_ONCE])


def settle(account: Account, *, at: datetime) -> None:
    """Record on a locked account what time has done: holds that ran out are released, pending points are activated.

    What can be spent does not depend on it. Changes the account in memory; the caller stores it.
    """
    if account.held:
        release_timed_out({account.id: account}, at=at)
    if account.pending:
        activate({account.id: account}, at=at)


def activate(accounts: dict[int, Account], *, at: datetime, recorded_at: datetime | None = None) -> tuple[int, int]:
    """Record that pending points of locked accounts whose time has come can be spent, and let them repay debt first.

    Returns how many lots and points. Changes the accounts in memory.
    """
    due = Lot.objects.filter(account__any_of=list(accounts), is_pending=True, available_at__lte=at)
    in_order = due.order_by(F("expires_at").asc(nulls_last=True), "available_at", "id")
    found = in_order.values_list("account_id", "id", "remaining", "available_at")
    lots = [(account_id, lot_id, points, since) for account_id, lot_id, points, since in found if since]
    if not lots:
        return 0, 0
    Lot.objects.filter(id__any_of=[lot[1] for lot in lots]).update(is_pending=False)
    for account_id, _, points, _ in lots:
        accounts[account_id].pending -= points
        accounts[account_id].available += points
    debts.repay_from(accounts, lots, at=at, recorded_at=recorded_at)
    return len(lots), sum(lot[2] for lot in lots)


def release_parts(hold_ids: list[int]) -> list[tuple[int, int, int, datetime]]:
    """Give the parts of holds back to their lots: (account id, lot id, points, end of the hold), in burn order.

    The caller moves the accounts' figures.
    """
    parts = HoldPart.objects.filter(hold__any_of=hold_ids).order_by(
        F("lot__expires_at").asc(nulls_last=True), "lot__available_at", "lot_id"
    )
    by_lot = parts.values_list("lot__account_id", "lot_id")
    freed = list(by_lot.annotate(points=Sum("amount"), end=Min("hold__expires_at")))
    update_rows(Lot, "id", ("+held",), [(lot_id, -points) for _, lot_id, points, _ in freed])
    return freed


def release_timed_out(accounts: dict[int, Account], *, at: datetime, recorded_at: datetime | None = None) -> int:
    """Record that holds on locked accounts are over, and let their points repay debt first; returns how many holds.

    Changes the accounts in memory.
    """
    over = Hold.objects.filter(account__any_of=list(accounts), status=Hold.Status.HELD, expires_at__lte=at)
    ids = list(over.values_list("id", flat=True))
    if not ids:
        return 0
    freed = release_parts(ids)
    Hold.objects.filter(id__any_of=ids).update(status=Hold.Status.RELEASED, ended_at=F("expires_at"))
    for account_id, _, points, _ in freed:
        accounts[account_id].held -= points
        accounts[account_id].available += points
    debts.repay_from(accounts, freed, at=at, recorded_at=recorded_at)
    return len(ids)
