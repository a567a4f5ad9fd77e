"""Which rewards are kept for a segment or priced for it, told to the floor that keeps segments."""

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from members.segments.models import Segment
from members.segments.uses import Use
from rewards.models import Reward


def rewards_for(segment: Segment) -> list[Use]:
    """The rewards kept for a segment, or with a price of its own for it; one query."""
    return [
        Use(
            _("Reward: %(name)s") % {"name": reward},
            reverse("admin:rewards_reward_change", args=[reward.pk]),
            reward.is_active,
        )
        for reward in Reward.objects.filter(Q(segment=segment) | Q(prices__segment=segment)).distinct()
    ]
