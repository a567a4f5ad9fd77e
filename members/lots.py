"""What became of a member's points: the lots of an account with their state at an instant, and each debit with its lots.

A state is a fact of time, not of a job: a lot past its end is expired, and one that was not confirmed in time has
lapsed, whether or not a sweep has recorded it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from loyalty.ledger.models import Account, Allocation, Entry, Hold, HoldPart, Lot
from members import wording

WAITING, PENDING, OPEN, USED, EXPIRED, LAPSED = "waiting", "pending", "open", "used", "expired", "lapsed"
STATES = (WAITING, PENDING, OPEN, USED, EXPIRED, LAPSED)


@dataclass(frozen=True, slots=True)
class Fate:
    """A lot at an instant. `left` can still be spent or become so; `expired` is gone by time; `held` is set aside."""

    lot: Lot
    title: str
    state: str
    left: int
    held: int
    expired: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one entry took from a lot (negative) or gave back to it, and what the other side of it is called."""

    entry: Entry
    lot: Lot
    points: int
    title: str


def fates(account: Account, *, at: datetime, state: str = "", before: int | None = None, size: int = 50) -> list[Fate]:
    """The account's lots, newest first: `size` of them older than lot `before`, all or of one state. One query."""
    lots = _lots(account, at)
    if before is not None:
        lots = lots.filter(pk__lt=before)
    if state:
        lots = lots.filter(_condition(state, at))
    return [_fate(lot, at) for lot in lots.order_by("-pk")[:size]]


def fate(account: Account, lot_id: int, *, at: datetime) -> Fate | None:
    """One lot of the account; None when it has no such lot."""
    lot = _lots(account, at).filter(pk=lot_id).first()
    return _fate(lot, at) if lot else None


def made_by(account: Account, entry: Entry, *, at: datetime) -> Fate | None:
    """The lot a line made; None when it made none."""
    lot = _lots(account, at).filter(entry=entry).first()
    return _fate(lot, at) if lot else None


def to_come(account: Account, *, at: datetime) -> list[Fate]:
    """The lots whose points cannot be spent yet, those to come first first. One query."""
    lots = _lots(account, at).filter(_condition(WAITING, at) | _condition(PENDING, at))
    return [_fate(lot, at) for lot in lots.order_by(Coalesce("available_at", "confirm_by"), "pk")]


def moves_of(lot: Lot) -> list[Drawn]:
    """What was taken from a lot and given back to it, in order. One query."""
    moves = Allocation.objects.filter(lot=lot).select_related("entry").order_by("entry__number")
    return [Drawn(move.entry, lot, _signed(move), wording.title_beside_a_lot(move.entry)) for move in moves]


def drawn_by(entries: Iterable[Entry]) -> dict[int, list[Drawn]]:
    """By entry: the lots it drew on or gave back to, in the order of drawing, and what had made each. One query."""
    found: dict[int, list[Drawn]] = {}
    moves = Allocation.objects.filter(entry__any_of=[entry.pk for entry in entries])
    for move in moves.select_related("entry", "lot__entry").order_by("id"):
        told = Drawn(move.entry, move.lot, _signed(move), wording.title(move.lot.entry))
        found.setdefault(move.entry_id, []).append(told)
    return found


def _signed(move: Allocation) -> int:
    return move.amount if move.entry.amount > 0 else -move.amount


def _lots(account: Account, at: datetime) -> QuerySet[Lot]:
    """The account's lots with what holds that still run keep back."""
    parts = HoldPart.objects.filter(lot=OuterRef("pk"), hold__status=Hold.Status.HELD, hold__expires_at__gt=at)
    held = Subquery(parts.order_by().values("lot").annotate(points=Sum("amount")).values("points"))
    return Lot.objects.filter(account=account).select_related("entry").annotate(held_now=Coalesce(held, Value(0)))


def _condition(state: str, at: datetime) -> Q:
    """The lots in a state; the same states as `_state` tells."""
    over = Q(expires_at__isnull=False, expires_at__lte=at)
    gone = over & (Q(remaining__gt=0) | Q(expired__gt=0))
    alive = ~over & Q(remaining__gt=0)
    return {
        LAPSED: gone & Q(available_at__isnull=True),
        EXPIRED: gone & Q(available_at__isnull=False),
        USED: Q(remaining=0) & ~gone,
        WAITING: alive & Q(available_at__isnull=True),
        PENDING: alive & Q(available_at__gt=at),
        OPEN: alive & Q(available_at__lte=at),
    }[state]


def _state(lot: Lot, at: datetime) -> str:
    if lot.expires_at and lot.expires_at <= at and (lot.remaining or lot.expired):
        return EXPIRED if lot.available_at else LAPSED
    if not lot.remaining:
        return USED
    if lot.available_at is None:
        return WAITING
    return OPEN if lot.available_at <= at else PENDING


def _fate(lot: Lot, at: datetime) -> Fate:
    held = lot.held_now  # type: ignore[attr-defined]
    is_over = lot.expires_at is not None and lot.expires_at <= at
    gone = lot.remaining - held if is_over else 0
    left = lot.remaining - held - gone
    return Fate(lot, wording.title(lot.entry), _state(lot, at), left, held, lot.expired + gone)
