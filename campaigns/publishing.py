"""Marketing's pen: campaigns and standing rules are written in plain fields, and each change of terms is a new version.

A campaign in the desk has one rule. Its version counts from the moment it is saved; the campaign's own dates say when it
counts at all, so a version made before the campaign begins may be replaced as often as one likes. A campaign is a draft, then
live (scheduled until it begins), may be paused and resumed, and is ended for good by its date or by hand.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import rules, short_names
from campaigns.models import Campaign, Challenge, Rule, RuleVersion
from loyalty.common.errors import Refusal
from members.models import Tier

Status = Campaign.Status
# Campaigns and challenges run the same course.
Course = TypeVar("Course", Campaign, Challenge)
DRAFT, SCHEDULED, LIVE, PAUSED, ENDED = "draft", "scheduled", "live", "paused", "ended"


class StatusChanged(Refusal):
    """Somebody else changed the campaign's status meanwhile."""

    code = "campaign_status_changed"


class NothingToSay(Refusal):
    """A campaign without terms cannot be set live."""

    code = "campaign_without_terms"
    status = 422


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


def state_at(campaign: Campaign | Challenge, at: datetime) -> str:
    """draft, scheduled, live, paused or ended: what is written, and what the dates say at an instant (DOMAIN 2.4)."""
    if campaign.status == Status.DRAFT:
        return DRAFT
    if campaign.status == Status.ENDED or at >= campaign.until:
        return ENDED
    if campaign.status == Status.PAUSED:
        return PAUSED
    return SCHEDULED if at < campaign.since else LIVE


def go_live(campaign: Campaign, *, at: datetime, actor: str) -> Campaign:
    """Set a draft live: it counts between its dates. Raises StatusChanged, NothingToSay."""
    if not RuleVersion.objects.filter(rule__campaign=campaign).exists():
        raise NothingToSay(_("This campaign says nothing yet. Write its terms and save them first."))
    tiers = Tier.objects.filter(program=campaign.program, early_access_days__gt=0) if campaign.opens_early else ()
    return _move(campaign, Status.DRAFT, Status.LIVE, early={tier.slug: tier.early_access_days for tier in tiers})


def pause(campaign: Course, *, at: datetime, actor: str) -> Course:
    """Stop a campaign from an instant on, until it is resumed. Raises StatusChanged."""
    pauses = [*campaign.pauses, [_written(at), None]]
    return _move(campaign, Status.LIVE, Status.PAUSED, pauses=pauses)


def resume(campaign: Course, *, at: datetime, actor: str) -> Course:
    """Let a paused campaign count again from an instant on. Raises StatusChanged."""
    closed = [[begin, end or _written(at)] for begin, end in campaign.pauses]
    return _move(campaign, Status.PAUSED, Status.LIVE, pauses=closed)


def end(campaign: Course, *, at: datetime, actor: str) -> Course:
    """End a campaign for good: what happens from an instant on earns nothing by it. Raises StatusChanged."""
    ended = max(at, campaign.since + timedelta(microseconds=1))
    changes: dict[str, Any] = {"until": ended} if ended < campaign.until else {}
    if at <= campaign.since:
        changes = {"pauses": [[_written(at), None]]}
    return _move(campaign, campaign.status, Status.ENDED, **changes)


@transaction.atomic
def duplicate(campaign: Campaign, *, at: datetime, actor: str) -> Campaign:
    """Another draft with the same texts, dates and terms, under a free short name."""
    taken = set(Campaign.objects.filter(program=campaign.program).values_list("slug", flat=True))
    slug = short_names.free(taken, campaign.slug)
    copied = ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms", "since", "until", "opens_early", "budget_points", "budget_money")  # fmt: skip
    made = Campaign.objects.create(
        program=campaign.program, slug=slug, **{field: getattr(campaign, field) for field in copied}
    )
    version = RuleVersion.objects.filter(rule__campaign=campaign).order_by("rule_id", "-number").first()
    if version is not None:
        publish_campaign(made, version.definition, at=at, actor=actor)
    return made


def _move(campaign: Course, was: str, status: str, **changes: Any) -> Course:
    """One conditional update, so that of two people one is told that the other was faster."""
    seen = type(campaign)._default_manager.filter(pk=campaign.pk, status=was, pauses=campaign.pauses)
    if campaign.status != was or not seen.update(status=status, **changes):
        raise StatusChanged(_("Somebody else changed this meanwhile. Look at it again."))
    campaign.refresh_from_db()
    return campaign


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
