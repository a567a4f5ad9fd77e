"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    name = "rewards"
    verbose_name = _("Rewards")

    def ready(self) -> None:
        from loyalty.ledger import besides
        from members.segments import uses
        from members.tiers import uses as uses_of_tiers
        from rewards import cards, reports, segment_uses, tier_uses

        reports.register()
        besides.told_by.append(cards.OWED)
        uses.told_by.append(segment_uses.rewards_for)
        uses_of_tiers.told_by.append(tier_uses.rewards_for)
