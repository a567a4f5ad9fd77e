"""What each day did to a wallet, kept when the day is over."""

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.programs import Wallet


class DayFigures(models.Model):
    """One day of a wallet in the program clock, by when entries were recorded (`loyalty.ledger.daily`).

    Points are in the wallet's smallest unit; `burned`, `expired` and `reversed` are what was taken, positive. `worth` is what the
    closing figure was worth at the wallet's value per point when the day was kept, in the program's currency.
    """

    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="days", verbose_name=_("wallet"), db_index=False)
    day = models.DateField(_("day"))
    opening = models.BigIntegerField(_("opening"))
    issued = models.BigIntegerField(_("issued"))
    reinstated = models.BigIntegerField(_("reinstated"))
    burned = models.BigIntegerField(_("redeemed"))
    expired = models.BigIntegerField(_("expired"))
    reversed = models.BigIntegerField(_("taken back"))
    adjusted = models.BigIntegerField(_("adjusted"))
    closing = models.BigIntegerField(_("closing"))
    earners = models.PositiveIntegerField(_("accounts that earned"))
    spenders = models.PositiveIntegerField(_("accounts that redeemed"))
    worth = models.DecimalField(_("worth"), max_digits=24, decimal_places=2)
    kept_at = models.DateTimeField(_("kept at"))

    class Meta:
        verbose_name = _("figures of a day")
        verbose_name_plural = _("figures by day")
        ordering = ["-day", "wallet_id"]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "day"], name="figures_once_per_wallet_and_day"),
            models.CheckConstraint(
                condition=models.Q(
                    closing=F("opening") + F("issued") + F("reinstated") + F("adjusted") - F("burned") - F("expired") - F("reversed")
                ),
                name="figures_of_a_day_add_up",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.wallet} {self.day}"
