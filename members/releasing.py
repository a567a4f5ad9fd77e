"""Waiting points confirmed or cancelled lot by lot; what they count for follows in the same transaction (DOMAIN 4.1, 8.1).

What they were earned by is known on an upper floor, which is asked by name.
"""

from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.db import transaction

from loyalty.ledger import confirming
from loyalty.ledger.models import Entry


@transaction.atomic
def confirm(
    origin: Entry, *, at: datetime, reference: str, source: str, actor: str, occurred_at: datetime | None = None
) -> Entry:
    """As `loyalty.ledger.confirming.confirm`; the points count for tiers from the event on. Raises what that raises."""
    floor = import_module(settings.SETIA_POINTS_RELEASED)
    floor.hold(origin)
    entry = confirming.confirm(origin, at=at, reference=reference, source=source, actor=actor, occurred_at=occurred_at)
    floor.released(origin, at=at, actor=actor)
    return entry


@transaction.atomic
def cancel(origin: Entry, *, at: datetime, reference: str, source: str, actor: str, reason: str = "") -> Entry:
    """As `loyalty.ledger.confirming.cancel`; the points never count for tiers. Raises what that raises."""
    floor = import_module(settings.SETIA_POINTS_RELEASED)
    floor.hold(origin)
    entry = confirming.cancel(origin, at=at, reference=reference, source=source, actor=actor, reason=reason)
    floor.released(origin, at=at, actor=actor)
    return entry
