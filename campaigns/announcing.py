"""Telling members of a campaign: what the draft of a mailing about it begins with. Nobody is written to before staff send it."""

from datetime import datetime
from typing import Any

from campaigns.models import Campaign, RuleVersion
from members.segments.models import Segment


def beginning(campaign: Campaign, *, at: datetime) -> dict[str, Any]:
    """The fields of a new mailing: its campaign, and the segment and the start where they are known.

    Terms that ask for one segment name the audience; with none or several, staff choose it. A campaign that is yet to come is told
    of when it begins.
    """
    told: dict[str, Any] = {"name": campaign.name, "campaign": campaign.pk}
    latest = RuleVersion.objects.filter(rule__campaign=campaign).order_by("-number").first()
    slugs = latest.definition.get("conditions", {}).get("segments", []) if latest else []
    if len(slugs) == 1:
        segment = Segment.objects.filter(program=campaign.program_id, slug=slugs[0], archived_at__isnull=True).first()
        told |= {"segment": segment.pk} if segment else {}
    if campaign.since > at:
        told["starts_at"] = campaign.since.isoformat()
    return told
