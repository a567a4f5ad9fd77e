"""What a member may earn at most in a wallet per day, week, month and year, whatever the rules say (DOMAIN 3.3).

Limits are kept with the instant they begin at, and hold for what happens from then on: what was earned before stands, and is not counted.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.ledger.models import Wallet

PERIODS = ("day", "week", "month", "year")

Stored = Sequence[Mapping[str, Any]]


def in_force(stored: Stored, at: datetime) -> dict[str, int]:
    """The limits that hold at an instant, by period, in the wallet's smallest unit; a period without one is left out."""
    found: Mapping[str, Any] = {}
    for version in stored:
        if datetime.fromisoformat(version["since"]) <= at:
            found = version
    return {period: found[period] for period in PERIODS if found.get(period)}


def changed(stored: Stored, limits: Mapping[str, int | None], *, at: datetime) -> list[dict[str, Any]]:
    """The versions with these limits in force from `at`; the same limits again change nothing."""
    wanted = {period: limits[period] for period in PERIODS if limits.get(period)}
    versions = [dict(version) for version in stored]
    return versions if wanted == in_force(stored, at) else [*versions, {"since": at.isoformat(), **wanted}]


@transaction.atomic
def limit(wallet: Wallet, limits: Mapping[str, int | None], *, at: datetime) -> Wallet:
    """Set what a member may earn in a wallet per period from `at` on; empty for no limit. The same limits again change nothing."""
    locked = Wallet.objects.select_for_update().get(pk=wallet.pk)
    wallet.earning_limits = changed(locked.earning_limits, limits, at=at)
    wallet.save(update_fields=["earning_limits"])
    return wallet
