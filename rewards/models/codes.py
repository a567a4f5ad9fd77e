"""Codes of partners: pools of them, the files they came in, and each code, sealed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program


class CodePool(models.Model):
    """Codes that a partner made and that we give out one by one."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="code_pools", verbose_name=_("program"))
    name = models.CharField(_("name"), max_length=80)
    partner = models.CharField(_("partner"), max_length=80)
    low_at = models.PositiveIntegerField(_("warn below"), default=20)

    class Meta:
        verbose_name = _("code pool")
        verbose_name_plural = _("code pools")
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["program", "name"], name="pool_name_once_per_program")]

    def __str__(self) -> str:
        return self.name


class PoolImport(models.Model):
    """A file of codes: looked through first, taken in when somebody says so. The codes wait in it sealed."""

    pool = models.ForeignKey(CodePool, models.PROTECT, related_name="imports", verbose_name=_("code pool"))
    file_name = models.CharField(_("file"), max_length=120)
    sealed = models.TextField(_("codes, sealed"), blank=True)
    report = models.JSONField(_("report"), default=dict)
    looked_at = models.DateTimeField(_("looked through at"))
    looked_by = models.CharField(_("looked through by"), max_length=64)
    taken_in_at = models.DateTimeField(_("taken in at"), null=True, blank=True)
    taken_in_by = models.CharField(_("taken in by"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("file of codes")
        verbose_name_plural = _("files of codes")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(taken_in_at__isnull=True) | Q(sealed=""), name="codes_wait_only_until_taken_in"
            )
        ]

    def __str__(self) -> str:
        return self.file_name


class PoolCode(models.Model):
    """One code of a partner. It is given out once; a cancelled one was seen and is not given out again."""

    pool = models.ForeignKey(
        CodePool, models.PROTECT, related_name="codes", verbose_name=_("code pool"), db_index=False
    )
    sealed = models.CharField(_("code, sealed"), max_length=400)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    redemption = models.OneToOneField(
        "rewards.Redemption",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="pool_code",
        verbose_name=_("redemption"),
    )

    class Meta:
        verbose_name = _("code of a partner")
        verbose_name_plural = _("codes of partners")
        constraints = [models.UniqueConstraint(fields=["pool", "fingerprint"], name="code_once_per_pool")]
        indexes = [
            models.Index(fields=["pool", "id"], condition=Q(redemption__isnull=True), name="code_to_give_out"),
            models.Index(fields=["fingerprint"], name="code_by_fingerprint"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
