"""A stretch of time in one tier, and what its cause begins with (DOMAIN 8.2): the history says from, until, why."""

from datetime import datetime
from typing import NamedTuple

from members.ladders import INSTANT
from members.models import Tier

PURCHASE, REVIEW, GIVEN, ENDED, POLICY = "purchase:", "review:", "given:", "ended:", "policy:"
CREDIT = "entry:"


class Given(NamedTuple):
    """A tier given by hand, bought or matched, as the walk needs it."""

    pk: int
    tier_id: int
    since: datetime
    until: datetime


class Stay:
    """One stretch of time in a tier, perhaps not yet written down (`id` is None).

    `held_until` is the own end of a tier given by hand; `was` is what the database has of it.
    """

    __slots__ = ("cause", "held_until", "id", "measured", "renewed_at", "review_at", "since", "tier", "until", "was")

    def __init__(
        self,
        tier: Tier,
        since: datetime,
        until: datetime | None,
        cause: str = "",
        measured: int = 0,
        stay_id: int | None = None,
    ) -> None:
        """A stay read from the database has its id."""
        self.tier, self.since, self.until = tier, since, until
        self.cause, self.measured, self.id = cause, measured, stay_id
        self.review_at: datetime | None = None
        self.renewed_at: datetime | None = None
        self.held_until: datetime | None = None
        self.was: tuple[datetime | None, ...] = ()

    @property
    def dates(self) -> tuple[datetime | None, ...]:
        """What may change of a stay that is written down: until, the next review, and the last one that it passed."""
        return self.until, self.review_at, self.renewed_at

    def begin(self) -> datetime:
        """From when on amounts count in a window that begins with the stay: what lifted the member is used up."""
        if self.renewed_at is not None:
            return self.renewed_at
        return self.since + INSTANT if self.cause.startswith((PURCHASE, CREDIT)) else self.since
