"""Proof over time: daily anchors of all chains, closed months, and what each verification found."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.programs import Program, Wallet


class Anchor(models.Model):
    """One signature over the heads of all chains of a program on one day; exported, it proves the books from outside.

    `digest` is the HMAC, under the key of the environment, of the sorted list of (account, number, hash, sum); an exported
    anchor carries that list too, never a name. `number` counts the anchors of a program without gaps, and `seal` signs
    the row itself, so that an edited or removed anchor is found without reading the books again.
    """

    is_append_only = True

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="anchors", verbose_name=_("program"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"))
    day = models.DateField(_("day"))
    made_at = models.DateTimeField(_("made at"))
    last_entry = models.BigIntegerField(_("last entry"))
    accounts = models.BigIntegerField(_("accounts"))
    points = models.BigIntegerField(_("sum of all entries"))
    digest = models.CharField(_("digest"), max_length=64)
    seal = models.CharField(_("seal"), max_length=64)

    class Meta:
        verbose_name = _("anchor")
        verbose_name_plural = _("anchors")
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["program", "day"], name="one_anchor_per_program_and_day"),
            models.UniqueConstraint(fields=["program", "number"], name="anchor_number_once_per_program"),
        ]

    def __str__(self) -> str:
        return f"{self.day}"


class PeriodClose(models.Model):
    """A month of a wallet that is closed: nothing is posted into it any more (DOMAIN 13.2).

    `figures` is its roll-forward, which the ledger has to give again at any later time. `valued` is what was outstanding
    when the month ended, by age and by end, and what it was worth: kept as it was signed, since a lot may be extended
    later. `cohorts` is what had become of the points granted in each month by then, so that later figures begin there. `besides` is
    the money owed besides points, by short name. `seal` signs the row and the seal of the month before it.
    """

    is_append_only = True

    wallet = models.ForeignKey(
        Wallet, models.PROTECT, related_name="period_closes", verbose_name=_("wallet"), db_index=False
    )
    month = models.DateField(_("month"), help_text=_("Its first day."))
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.CharField(_("closed by"), max_length=64)
    figures = models.JSONField(_("roll-forward"), default=dict)
    valued = models.JSONField(_("outstanding points"), default=dict)
    cohorts = models.JSONField(_("what became of the points of each month"), default=dict)
    besides = models.JSONField(_("owed besides points"), default=dict)
    seal = models.CharField(_("seal"), max_length=64)

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


class Verification(models.Model):
    """What one verification of a program's books found; made by the job `verify_books`."""

    is_append_only = True

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="verifications", verbose_name=_("program"), db_index=False
    )
    made_at = models.DateTimeField(_("begun at"))
    entries = models.BigIntegerField(_("entries read"))
    is_whole = models.BooleanField(_("whole"), help_text=_("False: it was stopped half-way."))
    violation_count = models.PositiveIntegerField(_("violations"))
    violations = models.JSONField(_("the first of them"), default=list)

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        ordering = ["-id"]
        indexes = [models.Index(fields=["program", "-id"], name="verification_by_program")]

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M}"
