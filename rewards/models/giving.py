"""Causes that members give to, and each gift."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Told
from loyalty.ledger.models import Program


class Cause(Told):
    """Something members can give to with their points; its total is public, and names nobody."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="causes", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    summary = models.CharField(_("what it does"), max_length=200)
    summary_id = models.CharField(_("what it does, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what it does, in Malay"), max_length=200, blank=True)
    goal = models.DecimalField(_("goal in money"), max_digits=14, decimal_places=2, null=True, blank=True)
    is_public = models.BooleanField(_("on the public page"), default=True)

    class Meta:
        verbose_name = _("cause")
        verbose_name_plural = _("causes")
        ordering = ["program_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="cause_slug_once_per_program"),
            models.CheckConstraint(condition=Q(goal__isnull=True) | Q(goal__gt=0), name="cause_goal_above_zero"),
        ]

    def get_absolute_url(self) -> str:
        """The public page of the program's causes."""
        return reverse("causes_page", args=[self.program.slug])


class Gift(models.Model):
    """What one redemption gave to a cause. It stays what it was when the reward changes."""

    redemption = models.OneToOneField(
        "rewards.Redemption", models.PROTECT, related_name="gift", verbose_name=_("redemption")
    )
    cause = models.ForeignKey(Cause, models.PROTECT, related_name="gifts", verbose_name=_("cause"))
    money = models.DecimalField(_("money"), max_digits=14, decimal_places=2)
    given_at = models.DateTimeField(_("given at"))

    class Meta:
        verbose_name = _("gift")
        verbose_name_plural = _("gifts")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(money__gt=0), name="gift_above_zero")]

    def __str__(self) -> str:
        return f"#{self.pk}"
