"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    name = "rewards"
    verbose_name = _("Rewards")

    def ready(self) -> None:
        from members.segments import uses
        from rewards import reports, segment_uses

        reports.register()
        uses.told_by.append(segment_uses.rewards_for)
