"""Which rewards name a tier, told to the floor that keeps tiers."""

from django.db.models import Q
from django.utils.translation import gettext as _

from members.models import Tier
from rewards.models import Reward


def rewards_for(tier: Tier) -> list[str]:
    """The offered rewards that are from this tier on, give it, or have a price of their own for it; one query."""
    named = Q(minimum_tier=tier) | Q(tier=tier) | Q(prices__tier=tier)
    found = Reward.objects.filter(named, is_active=True).distinct().order_by("pk")
    return [_("Reward: %(name)s") % {"name": reward} for reward in found]
