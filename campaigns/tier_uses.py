"""Which rules, campaigns and challenges name a tier, told to the floor that keeps tiers."""

from django.utils.translation import gettext as _

from campaigns.models import Campaign, ChallengeVersion, RuleVersion
from members.models import Tier


def rules_for(tier: Tier) -> list[str]:
    """The rules that count whose latest version asks for the tier or gives it a factor of its own; one query."""
    versions = RuleVersion.objects.filter(rule__program=tier.program_id, rule__is_active=True)
    versions = versions.exclude(rule__campaign__status=Campaign.Status.ENDED).select_related("rule__campaign")
    latest = {version.rule_id: version for version in versions.order_by("rule_id", "number")}
    return [_words(version) for version in latest.values() if _names(version, tier.slug)]


def challenges_for(tier: Tier) -> list[str]:
    """The challenges that count whose latest version asks for the tier; one query."""
    versions = ChallengeVersion.objects.filter(challenge__program=tier.program_id)
    versions = versions.exclude(challenge__status=Campaign.Status.ENDED).select_related("challenge")
    latest = {version.challenge_id: version for version in versions.order_by("challenge_id", "number")}
    return [
        _("Challenge: %(name)s") % {"name": version.challenge}
        for version in latest.values()
        if tier.slug in version.definition.get("conditions", {}).get("tiers", ())
    ]


def _names(version: RuleVersion, slug: str) -> bool:
    """Whether a version says anything about the tier."""
    told = version.definition
    return slug in told.get("conditions", {}).get("tiers", ()) or slug in told["award"].get("by_tier", {})


def _words(version: RuleVersion) -> str:
    """The campaign, or the standing rule."""
    rule = version.rule
    if rule.campaign is None:
        return _("Rule: %(name)s") % {"name": rule}
    return _("Campaign: %(name)s") % {"name": rule.campaign}
