"""What names a tier: segments, rules, rewards and whatever else upper floors tell, for whoever takes it off the ladder."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from members.models import Tier
from members.segments.models import Segment

# What upper floors answer: functions of the tier, giving what still counts and names it, in words.
told_by: list[Callable[[Tier], list[str]]] = []


def uses_of(tier: Tier) -> list[str]:
    """Everything that counts and asks for this tier, in words."""
    return [use for tell in (_segments_for, *told_by) for use in tell(tier)]


def _segments_for(tier: Tier) -> list[str]:
    """The segments in use that ask for the tier; one query."""
    found = Segment.objects.filter(program=tier.program_id, archived_at__isnull=True).order_by("pk")
    return [_("Segment: %(name)s") % {"name": segment} for segment in found if _asks(segment.definition, tier.slug)]


def _asks(told: Any, slug: str) -> bool:
    """Whether a question, or one inside it, is about the tier."""
    if isinstance(told, list):
        return any(_asks(one, slug) for one in told)
    if not isinstance(told, dict):
        return False
    if told.get("about") == "tier":
        return slug in told.get("is", ())
    return any(_asks(one, slug) for one in told.values())
