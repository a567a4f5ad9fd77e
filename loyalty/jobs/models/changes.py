"""Changes by hand and in bulk: what was previewed, line by line, who decided, and the limits (`loyalty.jobs.changes`)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Account, Program, Wallet


class ApprovalLimits(models.Model):
    """How much one person of a program may post alone; what is more waits for a second person (DOMAIN 12.4).

    Empty: no limit. Points are in the wallet's smallest unit.
    """

    program = models.OneToOneField(Program, models.PROTECT, related_name="approval_limits", verbose_name=_("program"))
    adjustment_points = models.PositiveBigIntegerField(
        _("points of one adjustment"), null=True, blank=True, default=1_000
    )
    adjustment_points_a_day = models.PositiveBigIntegerField(
        _("points adjusted by one person in 24 hours"), null=True, blank=True, default=5_000
    )
    forgiven_points = models.PositiveBigIntegerField(_("points of one forgiven debt"), null=True, blank=True, default=0)
    bulk_members = models.PositiveBigIntegerField(_("lines of one bulk change"), null=True, blank=True, default=50)
    bulk_points = models.PositiveBigIntegerField(_("points of one bulk change"), null=True, blank=True, default=5_000)
    expired_points = models.PositiveBigIntegerField(
        _("points of one expiry run"),
        null=True,
        blank=True,
        help_text=_("The nightly expiry waits for approval when it would expire more. Empty: it never waits."),
    )

    mailing_recipients = models.PositiveBigIntegerField(
        _("recipients of one mailing"), null=True, blank=True, default=1_000
    )

    class Meta:
        verbose_name = _("approval limits")
        verbose_name_plural = _("approval limits")

    def __str__(self) -> str:
        return str(self.program)


class Operator(models.Model):
    """Somebody who asked for a change in a program: the row that is locked while their 24 hours are added up."""

    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    actor = models.CharField(_("actor"), max_length=64)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        constraints = [models.UniqueConstraint(fields=["program", "actor"], name="operator_once_per_program")]

    def __str__(self) -> str:
        return self.actor


class ChangeRequest(models.Model):
    """A correction, bulk action or run that was previewed, and what became of it (`loyalty.jobs.changes`).

    `digest` names the exact lines that were shown; `planned_at` is when they were looked up. `undoes` is the change
    that this one takes back.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("preview")
        WAITING = "waiting", _("waiting for approval")
        APPROVED = "approved", _("approved")
        POSTING = "posting", _("being posted")
        DONE = "done", _("done")
        UNDONE = "undone", _("undone")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        STALE = "stale", _("overtaken")
        FAILED = "failed", _("failed")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="changes", verbose_name=_("program"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    parameters = models.JSONField(_("parameters"), default=dict)
    reason = models.CharField(_("reason"), max_length=200)
    reference = models.CharField(_("reference"), max_length=100, blank=True)
    wallet = models.ForeignKey(Wallet, models.PROTECT, null=True, blank=True, verbose_name=_("wallet"), db_index=False)
    asked_by = models.CharField(_("asked by"), max_length=64)
    asked_at = models.DateTimeField(_("asked at"))
    planned_at = models.DateTimeField(_("looked up at"))
    digest = models.CharField(_("digest"), max_length=64)
    summary = models.JSONField(_("summary"), default=dict)
    is_above_limit = models.BooleanField(_("needs a second person"), default=False)
    lines_count = models.PositiveIntegerField(_("lines"), default=0)
    points_given = models.BigIntegerField(_("points given"), default=0)
    points_taken = models.BigIntegerField(_("points taken"), default=0)
    weight = models.BigIntegerField(_("points that count for the 24 hours"), default=0)
    decided_by = models.CharField(_("decided by"), max_length=64, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("said about the decision"), max_length=200, blank=True)
    differences = models.JSONField(_("what changed meanwhile"), default=list)
    posted_count = models.PositiveIntegerField(_("lines posted"), default=0)
    skipped_count = models.PositiveIntegerField(_("lines not posted"), default=0)
    seen_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    undoes = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by", verbose_name=_("takes back")
    )

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-id"]
        permissions = [
            ("ask_adjustment", _("Can ask for adjustments of one member")),
            ("ask_forgiveness", _("Can ask to forgive a debt")),
            ("ask_bulk_change", _("Can ask for bulk changes")),
            ("ask_expiry_run", _("Can ask for expiry runs")),
            ("approve_change", _("Can approve or refuse what others ask for")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["undoes"],
                condition=Q(
                    undoes__isnull=False, status__in=["waiting", "approved", "posting", "done", "undone", "failed"]
                ),
                name="one_living_undo_per_change",
            ),
            models.UniqueConstraint(
                fields=["program", "asked_by", "reference"],
                condition=~Q(reference=""),
                name="change_once_per_reference",
            ),
            models.CheckConstraint(
                condition=Q(is_above_limit=False) | ~Q(decided_by=F("asked_by")) | Q(status__in=["withdrawn", "stale"]),
                name="above_the_limit_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "posting", "done", "undone", "failed"]) | ~Q(decided_by=""),
                name="nothing_posted_before_a_decision",
            ),
            models.CheckConstraint(
                condition=Q(posted_count__gte=0, lines_count__gte=F("posted_count") + F("skipped_count")),
                name="lines_posted_within_the_plan",
            ),
        ]
        indexes = [
            models.Index(fields=["program", "-id"], name="change_by_program"),
            models.Index(fields=["id"], condition=Q(status="waiting"), name="change_waiting"),
            models.Index(fields=["id"], condition=Q(status__in=["approved", "posting"]), name="change_to_post"),
            models.Index(fields=["program", "asked_by", "decided_at"], name="change_by_operator"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ChangeLine(models.Model):
    """One line of a change, exactly as it was shown, and what became of it."""

    class Outcome(models.TextChoices):
        PLANNED = "planned", _("to be posted")
        POSTED = "posted", _("posted")
        SKIPPED = "skipped", _("not posted")

    change = models.ForeignKey(
        ChangeRequest, models.CASCADE, related_name="lines", verbose_name=_("change"), db_index=False
    )
    number = models.PositiveIntegerField(_("line"))
    key = models.CharField(_("key"), max_length=80)
    account = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, verbose_name=_("account"))
    kind = models.CharField(_("what"), max_length=20)
    amount = models.BigIntegerField(_("points"))
    short = models.BigIntegerField(_("points missing"), default=0)
    facts = models.JSONField(_("facts"), default=dict)
    outcome = models.CharField(_("outcome"), max_length=7, choices=Outcome, default=Outcome.PLANNED)
    said = models.CharField(_("why not"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("line of a change")
        verbose_name_plural = _("lines of changes")
        ordering = ["change_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["change", "number"], name="line_number_once_per_change"),
            models.UniqueConstraint(fields=["change", "key"], name="line_key_once_per_change"),
        ]
        indexes = [
            models.Index(fields=["change", "number"], condition=Q(outcome="planned"), name="change_line_to_post"),
        ]

    def __str__(self) -> str:
        return f"{self.change_id}/{self.number}"
