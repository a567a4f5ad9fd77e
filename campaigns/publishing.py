"""Marketing's pen: campaigns and standing rules are written in plain fields, and each change of terms is a new version.

A campaign has one rule, a multiplier. Its version counts from the moment it is saved; the campaign's own dates say when
it counts at all, so a version made before the campaign begins may be replaced as often as one likes.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import rules
from campaigns.models import Campaign, Rule, RuleVersion
from loyalty.common.errors import Refusal


class StatusChanged(Refusal):
    """Somebody else changed the campaign's status meanwhile."""

    code = "campaign_status_changed"


@transaction.atomic
def publish_campaign(campaign: Campaign, definition: dict[str, Any], *, at: datetime, actor: str) -> RuleVersion | None:
    """Make a new version of the campaign's rule when its terms changed; None when they did not. Raises RuleRefused."""
    rule = campaign.rules.order_by("id").first()
    if rule is None:
        taken = Rule.objects.filter(program=campaign.program, slug=campaign.slug).exists()
        slug = f"{campaign.slug}-campaign"[:50] if taken else campaign.slug
        rule = Rule.objects.create(
            program=campaign.program,
            campaign=campaign,
            slug=slug,
            name=campaign.name,
            name_id=campaign.name_id,
            name_ms=campaign.name_ms,
        )
    first = min(at, campaign.since)
    return publish_change(rule, definition, since=at if rule.versions.exists() else first, at=at, actor=actor)


def publish_change(
    rule: Rule, definition: dict[str, Any], *, since: datetime, at: datetime, actor: str
) -> RuleVersion | None:
    """Publish a definition unless it says what the latest version says already."""
    latest = rule.versions.order_by("-number").first()
    if latest and latest.definition == definition:
        return None
    return rules.publish(rule, definition, since=since, at=at, actor=actor)


def set_status(campaign: Campaign, status: str, *, was: str) -> Campaign:
    """Change a campaign from one status to another. Raises StatusChanged when it has another one by now."""
    if not Campaign.objects.filter(pk=campaign.pk, status=was).update(status=status):
        raise StatusChanged(_("Somebody else changed this campaign meanwhile. Look at it again."))
    campaign.refresh_from_db()
    return campaign
