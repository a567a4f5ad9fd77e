"""What members read about campaigns: those that run now, soonest to end first."""

from datetime import datetime, timedelta

from campaigns.models import Campaign
from members.models import Member

MOST = 3


def running(member: Member, *, at: datetime) -> list[Campaign]:
    """The live campaigns at an instant that have something to tell the member, three at most; early ones for the tiers they open for."""
    live = Campaign.objects.filter(program=member.program_id, status=Campaign.Status.LIVE, until__gt=at)
    told = live.exclude(summary="").order_by("until", "id")
    return [one for one in told if one.since - timedelta(days=one.early.get(member.tier.slug, 0)) <= at][:MOST]
