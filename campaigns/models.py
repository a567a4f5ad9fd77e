"""Campaigns and earning rules, as data: every change of a rule is a new version, and points keep the version that made them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named
from loyalty.ledger.models import Program


class Campaign(Named):
    """Something marketing runs for a time. Its rules count between `since` and `until` (exclusive) while it is live."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        PAUSED = "paused", _("paused")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="campaigns", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(_("short name"))
    summary = models.CharField(_("what members read"), max_length=200, blank=True)
    summary_id = models.CharField(_("what members read, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what members read, in Malay"), max_length=200, blank=True)
    since = models.DateTimeField(_("starts at"))
    until = models.DateTimeField(_("ends before"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.DRAFT)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="campaign_slug_once_per_program"),
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="campaign_ends_after_it_began"),
        ]


class Rule(Named):
    """One earning rule: a standing one, or one of a campaign. What it says is in its versions."""

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="rules", verbose_name=_("program"), db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, blank=True, related_name="rules", verbose_name=_("campaign")
    )
    slug = models.SlugField(_("short name"))
    is_active = models.BooleanField(_("counts"), default=True)

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        ordering = ["program_id", "id"]
        constraints = [models.UniqueConstraint(fields=["program", "slug"], name="rule_slug_once_per_program")]


class RuleVersion(models.Model):
    """What a rule says, from `since` until the next version. `definition` is checked by `campaigns.rules`.

    {"award": {"kind": "rate", "points": "1", "per": "1.00"}
            | {"kind": "multiplier", "factor": "1.5", "by_tier": {"gold": "2"}}
            | {"kind": "fixed", "points": "100"},
     "conditions": {"activity": "purchase" or an event kind, "tiers": ["gold"], "channels": ["web"], "minimum": "50.00"}}
    """

    rule = models.ForeignKey(Rule, models.PROTECT, related_name="versions", verbose_name=_("rule"), db_index=False)
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    since = models.DateTimeField(_("since"))
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=64)

    class Meta:
        verbose_name = _("rule version")
        verbose_name_plural = _("rule versions")
        ordering = ["rule_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="version_number_once_per_rule"),
            models.CheckConstraint(condition=Q(number__gt=0), name="rule_version_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.rule.slug}@{self.number}"
