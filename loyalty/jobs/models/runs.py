"""Job runs: every execution of a job is a row and its claim (RELIABILITY R-3). When each is due is a row too."""

from datetime import time

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program


class JobRun(models.Model):
    """One execution of one job for one program.

    A daily run carries its business date (the day in the program clock it settles); the unique row (job, program,
    business date) is what makes each date happen once, however often beat fires. Runs started by hand carry none. What
    a person asked for and a worker has not taken up yet is waiting.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting for the worker")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    job = models.CharField(_("job"), max_length=40)
    program = models.ForeignKey(Program, models.PROTECT, null=True, blank=True, verbose_name=_("program"))
    business_date = models.DateField(_("business date"), null=True, blank=True)
    as_of = models.DateTimeField(_("as of"))
    is_dry = models.BooleanField(_("preview only"), default=False)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.RUNNING)
    started_by = models.CharField(_("started by"), max_length=64)
    started_at = models.DateTimeField(_("started at"))
    seen_at = models.DateTimeField(_("last sign of life"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    stop_requested_at = models.DateTimeField(_("asked to stop at"), null=True, blank=True)
    stop_requested_by = models.CharField(_("asked to stop by"), max_length=64, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=1)
    found = models.BigIntegerField(_("found"), default=0)
    done = models.BigIntegerField(_("done"), default=0)
    skipped = models.BigIntegerField(_("skipped"), default=0)
    report = models.JSONField(_("report"), default=dict)
    error = models.TextField(_("error"), blank=True)
    version = models.CharField(_("version"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "program", "business_date"],
                condition=Q(business_date__isnull=False),
                name="business_date_once_per_job",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "-id"], name="job_run_by_job"),
            models.Index(fields=["seen_at"], condition=Q(status="running"), name="job_run_running"),
            models.Index(fields=["id"], condition=Q(status="waiting"), name="job_run_waiting"),
            models.Index(
                fields=["ended_at"], condition=Q(status="failed", business_date__isnull=False), name="job_run_to_retry"
            ),
        ]

    def __str__(self) -> str:
        return f"{settings.SETIA_JOBS.get(self.job, {}).get('title', self.job)} #{self.pk}"


class JobSchedule(models.Model):
    """When a job is due, and whether it runs by itself: the operators' own, made once per job and never overwritten."""

    job = models.CharField(_("job"), max_length=40, unique=True, editable=False)
    is_on = models.BooleanField(
        _("runs by itself"),
        default=True,
        help_text=_(
            "Without the tick nothing starts it but a person. Once it is back, missed days are made up, oldest first, at most a month of them."
        ),
    )
    due_from = models.TimeField(
        _("due from"),
        default=time(0, 5),
        help_text=_("Time of day in the program clock. It settles everything up to the midnight before, however late it runs. A job never comes before those that stand above it: set them earlier too."),
    )  # fmt: skip
    reason = models.CharField(
        _("reason"), max_length=200, blank=True, help_text=_("Why it is off, for your colleagues at night.")
    )

    class Meta:
        verbose_name = _("schedule of a job")
        verbose_name_plural = _("schedules of jobs")
        ordering = ["job"]

    def __str__(self) -> str:
        return str(settings.SETIA_JOBS.get(self.job, {}).get("title", self.job))


class Heartbeat(models.Model):
    """When a part of the machinery (beat's nudge, the worker) was last seen."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return self.name
