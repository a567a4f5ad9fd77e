"""Which rules and challenges ask for a segment, told to the floor that keeps segments. What once asked needs it to be rated again."""

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.models import Campaign, ChallengeVersion, Rule, RuleVersion
from members.segments.models import Segment
from members.segments.uses import Use


def rules_for(segment: Segment) -> list[Use]:
    """The rules any version of which names the segment; two queries. It counts where the latest version still does."""
    asking = RuleVersion.objects.filter(
        rule__program=segment.program_id, definition__conditions__has_key="segments"
    ).select_related("rule__campaign")
    found: dict[int, tuple[Rule, bool]] = {}
    for version in asking.order_by("rule_id", "number"):
        names = segment.slug in version.definition["conditions"]["segments"]
        if names or version.rule_id in found:
            found[version.rule_id] = (version.rule, names)
    latest = _latest(list(found))
    return [_use(rule, names and latest[rule.pk]) for rule, names in found.values()]


def _latest(rules: list[int]) -> dict[int, bool]:
    """Whether the latest version of each rule asks for segments at all."""
    versions = RuleVersion.objects.filter(rule__in=rules).order_by("rule_id", "number")
    return {version.rule_id: "segments" in version.definition.get("conditions", {}) for version in versions}


def _use(rule: Rule, names: bool) -> Use:
    campaign = rule.campaign
    if campaign is None:
        return Use(
            _("Rule: %(name)s") % {"name": rule},
            reverse("admin:campaigns_rule_change", args=[rule.pk]),
            names and rule.is_active,
        )
    counts = names and rule.is_active and campaign.status != Campaign.Status.ENDED
    return Use(
        _("Campaign: %(name)s") % {"name": campaign},
        reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        counts,
    )


def challenges_for(segment: Segment) -> list[Use]:
    """The challenges any version of which names the segment; two queries. The latest version says who may begin."""
    asking = ChallengeVersion.objects.filter(
        challenge__program=segment.program_id, definition__conditions__has_key="segments"
    ).select_related("challenge")
    latest = {
        version.challenge: version for version in asking.order_by("challenge_id", "number") if _names(version, segment)
    }
    newer = dict(
        ChallengeVersion.objects.filter(challenge__in=latest).values_list("challenge").annotate(latest=Max("number"))
    )
    return [
        Use(
            _("Challenge: %(name)s") % {"name": challenge},
            reverse("admin:campaigns_challenge_change", args=[challenge.pk]),
            newer[challenge.pk] == version.number and challenge.status != Campaign.Status.ENDED,
        )
        for challenge, version in latest.items()
    ]


def _names(version: ChallengeVersion, segment: Segment) -> bool:
    return segment.slug in version.definition["conditions"]["segments"]
