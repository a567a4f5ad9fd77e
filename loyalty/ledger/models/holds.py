"""Holds: points set aside for a while, until they are captured, released or run out of time."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.books import Account, Entry, Lot


class Hold(models.Model):
    """Points reserved for a time (DOMAIN 5.3). Past `expires_at` it reserves nothing, whether or not a job has run."""

    class Status(models.TextChoices):
        HELD = "held", _("held")
        CAPTURED = "captured", _("captured")
        RELEASED = "released", _("released")

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="holds", verbose_name=_("account"), db_index=False
    )
    reference = models.CharField(_("reference"), max_length=160)
    amount = models.BigIntegerField(_("amount"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.HELD)
    held_at = models.DateTimeField(_("held at"))
    expires_at = models.DateTimeField(_("held until"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    entry = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="hold", verbose_name=_("redemption")
    )
    source = models.CharField(_("source"), max_length=32)
    actor = models.CharField(_("actor"), max_length=64)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="hold_once_per_reference"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_amount_positive"),
            models.CheckConstraint(condition=Q(held_at__lt=F("expires_at")), name="hold_ends_after_it_began"),
            models.CheckConstraint(
                condition=Q(status="captured", entry__isnull=False) | (~Q(status="captured") & Q(entry__isnull=True)),
                name="hold_captured_by_an_entry",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "expires_at"], condition=Q(status="held"), name="hold_open_by_account"),
            models.Index(fields=["expires_at"], condition=Q(status="held"), name="hold_open_by_end"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class HoldPart(models.Model):
    """How much a hold reserves on one lot."""

    hold = models.ForeignKey(Hold, models.PROTECT, related_name="parts", verbose_name=_("hold"), db_index=False)
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="hold_parts", verbose_name=_("lot"))
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("part of a hold")
        verbose_name_plural = _("parts of holds")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["hold", "lot"], name="hold_part_once_per_lot"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_part_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id}:{self.lot_id}"
