"""Proof over time: daily anchors of all chains, and months that are closed for back-dated entries."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.programs import Program, Wallet


class Anchor(models.Model):
    """One signature over the heads of all chains of a program on one day; exported, it proves the books from outside.

    `digest` is the HMAC, under the key of the environment, of the sorted list of (account, number, hash); `heads` holds
    that list when it is exported with the anchor, never a name.
    """

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="anchors", verbose_name=_("program"), db_index=False
    )
    day = models.DateField(_("day"))
    made_at = models.DateTimeField(_("made at"))
    last_entry = models.BigIntegerField(_("last entry"))
    accounts = models.BigIntegerField(_("accounts"))
    points = models.BigIntegerField(_("sum of all entries"))
    digest = models.CharField(_("digest"), max_length=64)

    class Meta:
        verbose_name = _("anchor")
        verbose_name_plural = _("anchors")
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["program", "day"], name="one_anchor_per_program_and_day")]

    def __str__(self) -> str:
        return f"{self.day}"


class PeriodClose(models.Model):
    """A month of a wallet that is closed: nothing is posted into it any more (DOMAIN 13.2)."""

    wallet = models.ForeignKey(
        Wallet, models.PROTECT, related_name="period_closes", verbose_name=_("wallet"), db_index=False
    )
    month = models.DateField(_("month"), help_text=_("Its first day."))
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.CharField(_("closed by"), max_length=64)
    figures = models.JSONField(_("roll-forward"), default=dict)

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "month"], name="month_closed_once_per_wallet"),
            models.CheckConstraint(condition=Q(month__day=1), name="closed_month_by_its_first_day"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
