"""Activation: pending points whose day has come are recorded as spendable, and repay debt first (DOMAIN 4.1, 9.5).

They can be spent from that instant whether or not this has run; it records it for the caches and the debt.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet, Sum

from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.drawing import activate, release_timed_out
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Lot, Program
from loyalty.ledger.writing import write_accounts

CHUNK = 2000


def due(program: Program, *, at: datetime) -> QuerySet[Lot]:
    """The pending lots of a program whose time has come."""
    return Lot.objects.filter(account__wallet__program=program, is_pending=True, available_at__lte=at)


def activate_due(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Activate everything of a program whose time has come; the job `activate_points`.

    Works in chunks of lots, accounts locked first; may be stopped, repeated or run twice at once: what is active is no
    longer due. `recorded_at` is when repayments of debt are written (default: `at`).
    """
    if dry_run:
        waiting = due(program, at=at).aggregate(points=Sum("remaining"))
        return Tally(found=due(program, at=at).count(), report={"points": waiting["points"] or 0})
    tally = Tally(report={"points": 0})
    while True:
        lots, points, repaid = _activate_chunk(program, at=at, recorded_at=recorded_at)
        tally.found = tally.done = tally.done + lots
        tally.report["points"] += points
        if repaid:
            tally.report["repaid"] = tally.report.get("repaid", 0) + repaid
        if not lots or not progress(tally.found, tally.done, 0):
            return tally


@retried
@transaction.atomic
def _activate_chunk(program: Program, *, at: datetime, recorded_at: datetime | None) -> tuple[int, int, int]:
    """Activate the due lots of the next accounts: how many, their points, and how many of them repaid debt. Others may have been faster: look again."""
    waiting = due(program, at=at).order_by("available_at", "account_id", "id")
    while found := list(waiting.values_list("account_id", flat=True)[:CHUNK]):
        accounts = lock(*found)
        owed = sum(account.debt for account in accounts.values())
        release_timed_out(accounts, at=at, recorded_at=recorded_at)  # what was free before repays before
        lots, points = activate(accounts, at=at, recorded_at=recorded_at)
        if lots:
            write_accounts(accounts.values())
            return lots, points, owed - sum(account.debt for account in accounts.values())
    return 0, 0, 0
