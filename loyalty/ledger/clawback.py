"""Claw-back: points of goods that came back are taken back (DOMAIN 6.2).

They come from that order's pending points, then from what is left of its lots, then from other lots in burn order, then
by the wallet's debt policy: not at all, written off, or owed. Points of the order that expired unused are not taken a
second time: what is taken over all refunds of an order never exceeds what was asked less what expired. A claw-back is
true from when the goods came back; what would fall into a closed month is true from the first open one (DOMAIN 13.2). Where
points ran out between that and when it is told, those it would have found are brought back for it (`exchanging.py`, DOMAIN 2.5).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Value
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger import exchanging
from loyalty.ledger.closing import begin_of_month, open_since
from loyalty.ledger.drawing import draw_up_to, settle
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Lot, Wallet
from loyalty.ledger.posting import ReferenceConflict
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines


class NothingLeftToTake(Refusal):
    """More would be taken back than was earned."""

    code = "more_than_earned"


@dataclass(slots=True)
class Taking:
    """Where the points of one claw-back come from."""

    parts: list[tuple[int, int]]
    pending: int = 0
    owed: int = 0
    written_off: int = 0
    is_late: bool = False


@transaction.atomic
def claw_back(
    origin: Entry,
    points: int,
    *,
    at: datetime,
    reference: str,
    source: str,
    actor: str,
    reason: str = "",
    effective_at: datetime | None = None,
    explanation: dict[str, Any] | None = None,
) -> Entry:
    """Take back `points` of what `origin` (an accrual) credited. A repeated reference returns the first entry.

    `effective_at` is when the goods came back (default: `at`, when it is known); `explanation` is kept beside the figures.

    The entry's amount is 0 when nothing had to move because those points had expired unused. Raises NothingLeftToTake when all refunds
    together ask for more than was earned, ReferenceConflict when the reference asked for another number.
    """
    if points <= 0:
        raise ValueError("a claw-back takes at least one point")
    account = lock(origin.account_id)[origin.account_id]
    first = Entry.objects.filter(account=account, reference=reference, kind=Entry.Kind.CLAW_BACK).first()
    if first:
        if first.explanation["asked"] != points:
            raise ReferenceConflict(
                _("This reference already stands for another number of points."), reference=reference
            )
        return first
    settle(account, at=at)
    true_from = _in_open_month(account, effective_at or at, at)
    taking = foresee(account, origin, points, at=at, since=true_from)
    told = (explanation or {}) | {"asked": points}
    entry = _write(
        account, origin, taking, told, at=at, true_from=true_from, reference=reference, source=source, actor=actor, reason=reason
    )  # fmt: skip
    if taking.is_late:
        exchanging.exchange({account.pk: account}, at=at)
    return entry


def foresee(account: Account, origin: Entry, points: int, *, at: datetime, since: datetime | None = None) -> Taking:
    """Where a claw-back of `points` would take them from; changes nothing. Sure only under the account's lock. Raises NothingLeftToTake.

    It `is_late` where points ran out since the instant it is true from: told in time, it might have found them.
    """
    ran_out: Any = Value(False)
    if since and since < at:
        ran_out = Exists(exchanging.ran_out_since(account, since, at=at))
    lot = Lot.objects.annotate(is_late=ran_out).get(entry=origin)
    asked, taken = so_far(origin)
    if asked + points > origin.amount:
        left = origin.amount - asked
        message = _("This order earned %(earned)d points, and only %(left)d of them can still be taken back.")
        raise NothingLeftToTake(message % {"earned": origin.amount, "left": left}, earned=origin.amount, left=left)
    due = max(0, asked + points - _expired(lot, at) - taken)
    taking = _take(account, lot, due, at=at)
    taking.is_late = bool(lot.is_late)
    return taking


def _in_open_month(account: Account, effective_at: datetime, at: datetime) -> datetime:
    """When the claw-back is true from. Asks the database only when it is older than the month that runs."""
    if effective_at >= begin_of_month(at, account.wallet.program.time_zone):
        return effective_at
    return max(effective_at, open_since([account.wallet_id]).get(account.wallet_id, effective_at))


def _expired(lot: Lot, at: datetime) -> int:
    """Points of the lot that are gone by time, whether or not a sweep has recorded it, less those reinstated."""
    back = lot.allocations.filter(entry__kind=Entry.Kind.REINSTATEMENT).values_list("amount", flat=True)
    return lot.expired - sum(back) + (lot.remaining - lot.held if _is_over(lot, at) else 0)


def so_far(origin: Entry) -> tuple[int, int]:
    """What earlier claw-backs of this accrual asked for, and what they took or wrote off."""
    earlier = Entry.objects.filter(corrects=origin, kind=Entry.Kind.CLAW_BACK).values_list("amount", "explanation")
    asked = sum(explanation["asked"] for _, explanation in earlier)
    return asked, sum(explanation.get("written_off", 0) - amount for amount, explanation in earlier)


def _take(account: Account, lot: Lot, due: int, *, at: datetime) -> Taking:
    """Choose the lots, and what happens to the part no lot can give."""
    policy = account.wallet.debt_policy
    own_is_open = lot.is_pending or (lot.available_at and lot.available_at <= at and not _is_over(lot, at))
    own = min(due, lot.remaining - lot.held) if own_is_open else 0
    if policy == Wallet.DebtPolicy.PENDING_ONLY and not lot.is_pending:
        own = 0
    taking = Taking([(lot.id, own)] if own else [], pending=own if lot.is_pending else 0)
    missing = due - own
    if missing and policy != Wallet.DebtPolicy.PENDING_ONLY:
        others, missing = draw_up_to(account, missing, at=at, but=lot.id)
        taking.parts += others
    if policy == Wallet.DebtPolicy.DEBT:
        limit = account.wallet.debt_limit
        room = missing if limit is None else max(0, limit - account.debt)
        taking.owed = min(missing, room)
    taking.written_off = missing - taking.owed
    return taking


def _is_over(lot: Lot, at: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at <= at


def _write(
    account: Account,
    origin: Entry,
    taking: Taking,
    told: dict[str, Any],
    *,
    at: datetime,
    true_from: datetime,
    reference: str,
    source: str,
    actor: str,
    reason: str,
) -> Entry:
    """One entry for what was taken and what is owed; the rest stands in its explanation as written off."""
    from_lots = sum(part for _, part in taking.parts)
    explanation = told | {"taken": from_lots, "owed": taking.owed, "written_off": taking.written_off}
    line = Line(
        account.id, Entry.Kind.CLAW_BACK, -(from_lots + taking.owed), true_from, at, source, reference, actor, reason, explanation, origin.id
    )  # fmt: skip
    (entry_id,) = write_lines({account.id: account}, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in taking.parts])
    update_rows(Lot, "id", ("+remaining", "+clawed_back"), [(lot_id, -part, part) for lot_id, part in taking.parts])
    account.pending -= taking.pending
    account.available -= from_lots - taking.pending
    account.debt += taking.owed
    write_accounts([account])
    return Entry.objects.get(id=entry_id)
