"""Expiry: points past their last valid day are written off from their lots, once, all that is left (DOMAIN 9, laws 12).

Points are gone at `expires_at` whether or not this has run (DOMAIN 2.4): the sweep only records it. It works in chunks
of the lots that are due, soonest first, each chunk in one transaction with the accounts locked first and a number of
statements that does not depend on its size; it may be stopped, repeated or run twice at once.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import BigIntegerField, Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from loyalty.common.bulk import is_postgresql
from loyalty.common.retrying import retried
from loyalty.common.tally import Tally
from loyalty.ledger import activation, holds, lapsing, sweeping
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Hold, HoldPart, Lot, Program
from loyalty.ledger.sweeping import Place

CHUNK = 5000
# On PostgreSQL a redemption waits for the chunk that its account is in: fewer at once are hardly slower there.
LOCKED_AT_ONCE = 1000
CHUNKS_AT_ONCE = 100
Progress = Callable[[int, int, int], bool]


def due(program: Program, *, at: datetime) -> QuerySet[Lot]:
    """The lots of a program that have points left past their expiry at an instant, held or not."""
    return Lot.objects.filter(
        account__wallet__program=program, remaining__gt=0, expires_at__isnull=False, expires_at__lte=at
    )


def preview(program: Program, *, at: datetime, spared: QuerySet[Lot] | None = None) -> dict[str, int]:
    """What a sweep at this instant would expire: lots, accounts and points. Points held beyond it wait for their hold.

    `spared` are lots that get more time before anything is swept.
    """
    live = HoldPart.objects.filter(lot=OuterRef("id"), hold__status=Hold.Status.HELD, hold__expires_at__gt=at)
    held = Subquery(live.order_by().values("lot").annotate(points=Sum("amount")).values("points"))
    still_held = Case(When(held=0, then=0), default=Coalesce(held, 0), output_field=BigIntegerField())
    lots = due(program, at=at).annotate(still_held=still_held)
    if spared is not None:
        lots = lots.exclude(pk__in=spared.values("pk"))
    totals = lots.filter(remaining__gt=F("still_held")).aggregate(
        lots=Count("id"), accounts=Count("account", distinct=True), points=Sum(F("remaining") - F("still_held"))
    )
    return {name: value or 0 for name, value in totals.items()}


@retried
def expire_chunk(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime,
    after: Place | None = None,
    size: int | None = None,
) -> tuple[int, int, Place | None]:
    """Expire the next `size` (default: CHUNK) lots due at `at`; returns lots, points, and where the next chunk starts (None: no more)."""
    size = size or CHUNK
    if is_postgresql():
        found = _find(program, at=at, after=after, size=size, chunks=1)
        lots, points = _write_off(found.chunks[0], at=at, recorded_at=recorded_at) if found.chunks else (0, 0)
        return lots, points, found.after
    waiting = due(program, at=at).filter(remaining__gt=F("held")).order_by("expires_at", "id")
    if after:
        waiting = waiting.filter(
            Q(expires_at=after[0], id__gt=after[1]) | Q(expires_at__gt=after[0]), expires_at__gte=after[0]
        )
    with transaction.atomic():  # on SQLite this is the lock, and nothing is faster than what is read now
        rows = list(waiting.values_list(*lapsing.COLUMNS)[:size])
        if not rows:
            return 0, 0, None
        due_lots = sorted(rows, key=lambda lot: (lot[1], lot[2], lot[0]))  # account by account, as they ended
        points = lapsing.lapse(lock(*(lot[1] for lot in due_lots)), due_lots, recorded_at=recorded_at)
    return len(rows), points, (rows[-1][2], rows[-1][0]) if len(rows) == size else None


@retried
@transaction.atomic
def _write_off(lots: str, *, at: datetime, recorded_at: datetime) -> tuple[int, int]:
    """One chunk with the statements of PostgreSQL, in a transaction of its own."""
    return sweeping.write_off(lots, at=at, recorded_at=recorded_at)


def _find(program: Program, *, at: datetime, after: Place | None, size: int, chunks: int) -> sweeping.Found:
    """The next chunks on PostgreSQL."""
    with transaction.atomic():
        return sweeping.find(program, at=at, after=after, size=size, chunks=chunks)


def _chunks(program: Program, *, at: datetime, recorded_at: datetime) -> Iterator[tuple[int, int]]:
    """Expire chunk after chunk: the lots and points of each."""
    after: Place | None = None
    while True:
        if is_postgresql():
            found = _find(program, at=at, after=after, size=min(CHUNK, LOCKED_AT_ONCE), chunks=CHUNKS_AT_ONCE)
            after = found.after
            for lots in found.chunks:
                yield _write_off(lots, at=at, recorded_at=recorded_at)
        else:
            lots_gone, points, after = expire_chunk(program, at=at, recorded_at=recorded_at, after=after)
            yield lots_gone, points
        if after is None:
            return


def run_sweep(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    spared: QuerySet[Lot] | None = None,
    progress: Progress = lambda found, done, skipped: True,
) -> Tally:
    """Expire everything of a program that is due at `at`; the job `expire_points`.

    `recorded_at` is when the entries are written (default: `at`). A dry run changes nothing and reports the same totals, without
    what is `spared`: lots that get more time before.
    """
    if not dry_run:
        # The order of DOMAIN 9.5, also when the sweep runs alone: what becomes active repays debt before it can run out.
        holds.release_due(program, at=at, recorded_at=recorded_at)
        activation.activate_due(program, at=at, recorded_at=recorded_at)
    totals = preview(program, at=at, spared=spared)
    if dry_run:
        return Tally(found=totals["lots"], done=0, skipped=0, report=totals)
    done = points = 0
    for lots, gone in _chunks(program, at=at, recorded_at=recorded_at or at):
        done, points = done + lots, points + gone
        if not progress(max(totals["lots"], done), done, 0):
            break
    report = {"lots": done, "accounts": totals["accounts"], "points": points}
    return Tally(found=max(totals["lots"], done), done=done, skipped=0, report=report)
