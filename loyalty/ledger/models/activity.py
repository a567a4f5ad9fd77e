"""What members did that keeps their points alive and is no entry of the account itself (DOMAIN 9.1)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.books import Account


class Activity(models.Model):
    """A member was active: one line per account, kind and instant, written only where points end by inactivity.

    What the account itself earned, redeemed or received stands in its entries and not here.
    """

    class Kind(models.TextChoices):
        EARN = "earn", _("points are earned")
        REDEEM = "redeem", _("points are spent")
        TRANSFER = "transfer", _("points are received from somebody")
        PURCHASE = "purchase", _("something is bought, with or without points")
        EVENT = "event", _("a visit or another event")

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="activities", verbose_name=_("account"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    is_append_only = True

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "occurred_at", "kind"], name="activity_once_per_account_instant_and_kind"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["purchase", "event"]), name="activity_is_not_in_the_entries"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.get_kind_display()}"
