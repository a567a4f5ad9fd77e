"""Qualifying points of purchases that do not count yet: they wait with the points themselves (DOMAIN 4.1, 8.1)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program
from members.models.buying import Purchase


class QualifyingPart(models.Model):
    """The part of a purchase's qualifying points that follows one expiry policy and counts for tiers only from `counts_at` on.

    What of a purchase is in no part counts from the purchase. A part without `counts_at` waits for the event `waits_for` of
    its order, and never counts when that has not happened before `confirm_by`, or when its points were cancelled. `points`
    is before anything came back. `is_counted` is set when the tiers it leads to are on record; it only saves walking again.
    """

    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, related_name="qualifying_parts", verbose_name=_("purchase"), db_index=False
    )
    policy = models.CharField(_("expiry policy"), max_length=80, blank=True)
    points = models.BigIntegerField(_("qualifying points"))
    counts_at = models.DateTimeField(_("counts from"), null=True, blank=True)
    waits_for = models.SlugField(_("waits for the event"), max_length=40, blank=True, db_index=False)
    confirm_by = models.DateTimeField(_("to be confirmed by"), null=True, blank=True)
    is_cancelled = models.BooleanField(_("cancelled"), default=False)
    is_counted = models.BooleanField(_("counted"), default=False)

    class Meta:
        verbose_name = _("qualifying points that wait")
        verbose_name_plural = _("qualifying points that wait")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["purchase", "policy"], name="qualifying_part_once_per_purchase_and_policy"),
            models.CheckConstraint(condition=Q(points__gte=0), name="qualifying_part_not_negative"),
            models.CheckConstraint(
                condition=Q(is_cancelled=True, counts_at__isnull=True)
                | Q(is_cancelled=False, counts_at__isnull=False)
                | (Q(is_cancelled=False, confirm_by__isnull=False) & ~Q(waits_for="")),
                name="qualifying_part_counts_waits_or_is_cancelled",
            ),
            models.CheckConstraint(
                condition=Q(counts_at__isnull=True) | Q(confirm_by__isnull=True) | Q(counts_at__lt=F("confirm_by")),
                name="qualifying_part_confirmed_in_time",
            ),
            models.CheckConstraint(
                condition=Q(is_counted=False) | Q(counts_at__isnull=False),
                name="qualifying_part_counted_from_an_instant",
            ),
        ]
        indexes = [models.Index(fields=["program", "is_counted", "counts_at"], name="qualifying_part_to_count")]

    def __str__(self) -> str:
        return f"{self.purchase_id}: {self.points}"
