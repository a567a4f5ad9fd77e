"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = _("Campaigns")

    def ready(self) -> None:
        from campaigns import reports, segment_uses, tier_benefits, tier_uses
        from members.segments import uses
        from members.tiers import benefits
        from members.tiers import uses as uses_of_tiers

        reports.register()
        benefits.told_by.append(tier_benefits.in_words)
        uses.told_by += [segment_uses.rules_for, segment_uses.challenges_for]
        uses_of_tiers.told_by += [tier_uses.rules_for, tier_uses.challenges_for]
