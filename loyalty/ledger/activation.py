"""Activation: pending points whose day has come are recorded as spendable, and repay debt first (DOMAIN 4.1, 9.5).

They can be spent from that instant whether or not this has run; it records it for the caches and the debt.
"""

from datetime import datetime

from django.db import transaction

from loyalty.ledger.drawing import activate
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Lot, Program
from loyalty.ledger.writing import write_accounts

CHUNK = 2000


def activate_due(program: Program, *, at: datetime) -> int:
    """Activate everything of a program whose day has come; returns the points. Chunked, repeatable, resumable."""
    points = 0
    while True:
        activated, more = _activate_chunk(program, at=at)
        points += activated
        if not more:
            return points


@transaction.atomic
def _activate_chunk(program: Program, *, at: datetime) -> tuple[int, bool]:
    waiting = Lot.objects.filter(account__wallet__program=program, is_pending=True, available_at__lte=at)
    found = list(waiting.order_by("available_at", "account_id").values_list("account_id", flat=True)[:CHUNK])
    accounts = lock(*found) if found else {}
    points = sum(activate(account, at=at) for account in accounts.values() if account.pending)
    write_accounts(accounts.values())
    return points, len(found) == CHUNK
