"""Which members are in which segments: the one place where rules ask. Who answers is named in the settings (SETIA_SEGMENTS_OF)."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from loyalty.ledger.models import Program

# The stretches of time in which a member is in segments: (short name, since, until); until is exclusive, None: still.
Stay = tuple[str, datetime, datetime | None]


def has_segments() -> bool:
    """Whether this installation has segments that rules can ask about."""
    return bool(getattr(settings, "SETIA_SEGMENTS_OF", ""))


def stays_of(program: Program, slugs: Iterable[str], member_ids: Iterable[int]) -> dict[int, list[Stay]]:
    """For each of these members the stretches of time in the segments among `slugs`; without segments nobody is in any.

    The function named in the settings takes the same arguments, and answers with a constant number of statements. What is
    past never changes in its answer: what was rated once is rated again to the same.
    """
    if not has_segments():
        return {}
    found: dict[int, list[Stay]] = import_string(settings.SETIA_SEGMENTS_OF)(program, slugs, member_ids)
    return found


def segments_at(stays: Iterable[Stay], at: datetime) -> frozenset[str]:
    """The segments a member was in at an instant."""
    return frozenset(slug for slug, since, until in stays if since <= at and (until is None or at < until))
