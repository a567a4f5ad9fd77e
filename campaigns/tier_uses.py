"""Which rules and campaigns name a tier, told to the floor that keeps tiers."""

from django.utils.translation import gettext as _

from campaigns.models import Campaign, RuleVersion
from members.models import Tier


def rules_for(tier: Tier) -> list[str]:
    """The rules that count whose latest version asks for the tier or gives it a factor of its own; one query."""
    versions = RuleVersion.objects.filter(rule__program=tier.program_id, rule__is_active=True)
    versions = versions.exclude(rule__campaign__status=Campaign.Status.ENDED).select_related("rule__campaign")
    latest = {version.rule_id: version for version in versions.order_by("rule_id", "number")}
    return [_words(version) for version in latest.values() if _names(version, tier.slug)]


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
