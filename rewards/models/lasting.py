"""Vouchers that last longer than they were issued for: every new end is kept with its reason."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program
from rewards.models.redeeming import Voucher


class VoucherTerms(models.Model):
    """How many days before their end the vouchers of a program are reminded of."""

    program = models.OneToOneField(Program, models.PROTECT, related_name="voucher_terms", verbose_name=_("program"))
    notice_days = models.PositiveSmallIntegerField(_("reminded of so many days before the end"), default=7)

    class Meta:
        verbose_name = _("reminders of vouchers")
        verbose_name_plural = _("reminders of vouchers")
        ordering = ["program_id"]
        constraints = [
            models.CheckConstraint(condition=Q(notice_days__gte=1, notice_days__lte=60), name="voucher_notice_in_time")
        ]

    def __str__(self) -> str:
        return str(self.program)


class VoucherExtension(models.Model):
    """One new end of a voucher: moved by staff, by the notice guarantee, or moved back by an undo."""

    voucher = models.ForeignKey(Voucher, models.PROTECT, related_name="extensions", verbose_name=_("voucher"))
    ended_at = models.DateTimeField(_("end before"))
    ends_at = models.DateTimeField(_("end after"))
    reference = models.CharField(_("reference"), max_length=120)
    reason = models.CharField(_("reason"), max_length=200)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.CharField(_("made by"), max_length=64)

    class Meta:
        verbose_name = _("extension of a voucher")
        verbose_name_plural = _("extensions of vouchers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["voucher", "reference"], name="voucher_extended_once_per_reference"),
            models.CheckConstraint(condition=~Q(ended_at=F("ends_at")), name="voucher_extension_moves_the_end"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
