"""Back-tests: rules replayed over real past purchases, with what came out (DOMAIN 10.5)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaigns import Campaign, Rule
from loyalty.ledger.models import Program


class BackTest(models.Model):
    """The live rules with one change, replayed over the purchases of `[since, until)`.

    `change` says what is another: {"rule": short name, "definition": ...} or {"rule": short name, "leave_out": true}, with
    {"since", "until"} where the rule counts at other times than its campaign says. `digest` names all rules that were
    replayed. `figures` are the results of both sides, as `campaigns.backtest_figures` writes them.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="back_tests", verbose_name=_("program"), db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, null=True, blank=True, related_name="back_tests", verbose_name=_("campaign")
    )
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="back_tests", verbose_name=_("earning rule"))
    title = models.CharField(_("what is tried"), max_length=300)
    change = models.JSONField(_("change"))
    digest = models.CharField(_("digest of the rules"), max_length=64)
    since = models.DateTimeField(_("purchases from"))
    until = models.DateTimeField(_("purchases before"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    asked_by = models.CharField(_("asked by"), max_length=64)
    asked_at = models.DateTimeField(_("asked at"))
    seen_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    found = models.PositiveBigIntegerField(_("purchases"), default=0)
    done = models.PositiveBigIntegerField(_("purchases replayed"), default=0)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("back-test")
        verbose_name_plural = _("back-tests")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="back_test_ends_after_it_began"),
            models.CheckConstraint(condition=Q(done__lte=F("found")), name="back_test_done_within_found"),
        ]
        indexes = [
            models.Index(fields=["program", "-id"], name="back_test_by_program"),
            models.Index(fields=["id"], condition=Q(status__in=["waiting", "running"]), name="back_test_to_run"),
        ]

    def __str__(self) -> str:
        return self.title
