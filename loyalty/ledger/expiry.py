"""Expiry: points past their last valid day are written off from their lots, once, all that is left (DOMAIN 9, laws 12).

Points are gone at `expires_at` whether or not this has run (DOMAIN 2.4): the sweep only records it. It works in chunks
of the lots that are due, soonest first, each chunk in one transaction with the accounts locked first and a number of
statements that does not depend on its size; it may be stopped, repeated or run twice at once.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import BigIntegerField, Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from loyalty.common.tally import Tally
from loyalty.ledger import activation, holds, lapsing
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Hold, HoldPart, Lot, Program

CHUNK = 5000
Progress = Callable[[int, int, int], bool]


def due(program: Program, *, at: datetime) -> QuerySet[Lot]:
    """The lots of a program that have points left past their expiry at an instant, held or not."""
    return Lot.objects.filter(
        account__wallet__program=program, remaining__gt=0, expires_at__isnull=False, expires_at__lte=at
    )


def preview(program: Program, *, at: datetime) -> dict[str, int]:
    """What a sweep at this instant would expire: lots, accounts and points. Points held beyond it wait for their hold."""
    live = HoldPart.objects.filter(lot=OuterRef("id"), hold__status=Hold.Status.HELD, hold__expires_at__gt=at)
    held = Subquery(live.order_by().values("lot").annotate(points=Sum("amount")).values("points"))
    still_held = Case(When(held=0, then=0), default=Coalesce(held, 0), output_field=BigIntegerField())
    lots = due(program, at=at).annotate(still_held=still_held)
    totals = lots.filter(remaining__gt=F("still_held")).aggregate(
        lots=Count("id"), accounts=Count("account", distinct=True), points=Sum(F("remaining") - F("still_held"))
    )
    return {name: value or 0 for name, value in totals.items()}


def expire_chunk(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime,
    after: tuple[datetime | None, int] | None = None,
    size: int = CHUNK,
) -> tuple[int, int, tuple[datetime | None, int] | None]:
    """Expire the next `size` lots due at `at`; returns lots, points, and where the next chunk starts (None: no more)."""
    waiting = due(program, at=at).filter(remaining__gt=F("held")).order_by("expires_at", "id")
    if after:
        waiting = waiting.filter(
            Q(expires_at=after[0], id__gt=after[1]) | Q(expires_at__gt=after[0]), expires_at__gte=after[0]
        )
    with transaction.atomic():
        found = list(waiting.values_list("expires_at", "id", "account_id")[:size])
        if not found:
            return 0, 0, None
        accounts = lock(*(account_id for _, _, account_id in found))
        # Read again under the lock: a redemption may have been faster.
        lots = lapsing.overdue([lot_id for _, lot_id, _ in found], at=at)
        points = lapsing.lapse(accounts, lots, recorded_at=recorded_at)
    last = (found[-1][0], found[-1][1]) if len(found) == size else None
    return len(lots), points, last


def run_sweep(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = lambda found, done, skipped: True,
) -> Tally:
    """Expire everything of a program that is due at `at`; the job `expire_points`.

    `recorded_at` is when the entries are written (default: `at`). A dry run changes nothing and reports the same totals.
    """
    if not dry_run:
        holds.release_due(program, at=at)
        activation.activate_due(program, at=at)
    totals = preview(program, at=at)
    if dry_run:
        return Tally(found=totals["lots"], done=0, skipped=0, report=totals)
    done = points = 0
    after: tuple[datetime | None, int] | None = None
    while True:
        lots, gone, after = expire_chunk(program, at=at, recorded_at=recorded_at or at, after=after)
        done, points = done + lots, points + gone
        if not progress(max(totals["lots"], done), done, 0) or after is None:
            break
    report = {"lots": done, "accounts": totals["accounts"], "points": points}
    return Tally(found=max(totals["lots"], done), done=done, skipped=0, report=report)
