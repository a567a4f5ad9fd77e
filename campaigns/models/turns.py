"""When campaigns began and ended, and what they had done by then."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaigns import Campaign


class CampaignTurn(models.Model):
    """A campaign began or ended at an instant (`campaigns.turning`).

    `figures` is what it had done when it ended, as measured at that moment: members, purchases, points, and cost and revenue as decimal
    strings; empty for a beginning. Goods that come back later change the report of the campaign and not this row.
    """

    class Kind(models.TextChoices):
        BEGAN = "began", _("began")
        ENDED = "ended", _("ended")

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="turns", verbose_name=_("campaign"), db_index=False
    )
    kind = models.CharField(_("what happened"), max_length=5, choices=Kind)
    happened_at = models.DateTimeField(_("happened at"))
    noted_at = models.DateTimeField(_("noted at"))
    figures = models.JSONField(_("figures"), default=dict, blank=True)

    class Meta:
        verbose_name = _("beginning or end of a campaign")
        verbose_name_plural = _("beginnings and ends of campaigns")
        ordering = ["campaign_id", "happened_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "happened_at"], name="campaign_turns_once_at_an_instant"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.kind}"
