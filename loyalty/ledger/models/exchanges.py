"""What points of one kind are worth in another, within a program or between two."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.programs import Wallet


class ExchangeRate(models.Model):
    """An agreement that points of one wallet may become points of another: how many of the other for one of them.

    Each transfer keeps the rate it was made at, so the rate may be edited at any time.
    """

    from_wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="rates_out", verbose_name=_("from"))
    to_wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="rates_in", verbose_name=_("to"))
    rate = models.DecimalField(
        _("rate"), max_digits=14, decimal_places=6, help_text=_("How many of the other points one point becomes.")
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["from_wallet", "to_wallet"]
        constraints = [
            models.UniqueConstraint(fields=["from_wallet", "to_wallet"], name="one_rate_per_pair_of_wallets"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_above_zero"),
            models.CheckConstraint(condition=~Q(from_wallet=F("to_wallet")), name="exchange_between_two_wallets"),
        ]

    def __str__(self) -> str:
        return f"{self.from_wallet} → {self.to_wallet}"

    def clean(self) -> None:
        """Two wallets, and a rate above zero."""
        if self.from_wallet_id and self.from_wallet_id == self.to_wallet_id:
            raise ValidationError({"to_wallet": _("Choose another wallet than the one the points leave.")})
        if self.rate is not None and self.rate <= 0:
            raise ValidationError({"rate": _("A rate is above zero.")})
