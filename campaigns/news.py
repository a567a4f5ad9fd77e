"""What members read about campaigns: those that run now, soonest to end first."""

from datetime import datetime

from campaigns.models import Campaign
from loyalty.ledger.models import Program


def running(program: Program, *, at: datetime) -> list[Campaign]:
    """The live campaigns of a program at an instant that have something to tell members, three at most."""
    live = Campaign.objects.filter(program=program, status=Campaign.Status.LIVE, since__lte=at, until__gt=at)
    return list(live.exclude(summary="").order_by("until", "id")[:3])
