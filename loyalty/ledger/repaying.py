"""Repaying debt with points that time has freed (DOMAIN 4.1, 9.5).

What becomes free repays debt in the very step that records it as free, so that nobody ever owes beside points they could spend (law 6).
The job `repay_debts` takes that step for those who owe: for points whose day has come, and for those of holds that ran out. In the night
it stands behind the activation, which has done it for its lots already.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.drawing import activate, release_timed_out
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Hold, Lot, Program
from loyalty.ledger.writing import write_accounts

CHUNK = 1000


def due(program: Program, *, at: datetime) -> QuerySet[Account]:
    """The accounts of a program that owe and have points that time has freed, recorded or not."""
    begun = Lot.objects.filter(account=OuterRef("pk"), is_pending=True, available_at__lte=at)
    over = Hold.objects.filter(account=OuterRef("pk"), status=Hold.Status.HELD, expires_at__lte=at)
    return Account.objects.filter(Exists(begun) | Exists(over), wallet__program=program, debt__gt=0)


def repay_due(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Repay what can be repaid at an instant; the job `repay_debts`. Counts accounts; the report tells points.

    Works in chunks of accounts, locked first; may be stopped, repeated or run twice at once: what is repaid is no longer owed.
    """
    if dry_run:
        return Tally(found=due(program, at=at).count())
    tally = Tally(report={"repaid": 0})
    while True:
        accounts, points = _repay_chunk(program, at=at, recorded_at=recorded_at)
        tally.found = tally.done = tally.done + accounts
        tally.report["repaid"] += points
        if not accounts or not progress(tally.found, tally.done, 0):
            return tally


@retried
@transaction.atomic
def _repay_chunk(program: Program, *, at: datetime, recorded_at: datetime | None) -> tuple[int, int]:
    """Settle the next accounts that owe: how many, and the points that repaid debt."""
    found = list(due(program, at=at).order_by("id").values_list("id", flat=True)[:CHUNK])
    if not found:
        return 0, 0
    accounts = lock(*found)
    owed = sum(account.debt for account in accounts.values())
    release_timed_out(accounts, at=at, recorded_at=recorded_at)
    activate(accounts, at=at, recorded_at=recorded_at)
    write_accounts(accounts.values())
    return len(found), owed - sum(account.debt for account in accounts.values())
