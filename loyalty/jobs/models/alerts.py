"""Troubles of the installation that somebody was told of: one open row per trouble, kept when it is over."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """One trouble from its first sight to its end (`loyalty.jobs.alerting`).

    `trouble` names it for machines ("failed:expire_points:kopi"), `facts` holds its numbers and short words as JSON.
    `call` is how far the address of the webhook has been told.
    """

    class Call(models.TextChoices):
        NONE = "", _("no address is set")
        DUE = "due", _("waiting")
        CALLING = "calling", _("being called")
        DONE = "done", _("told")

    trouble = models.CharField(_("trouble"), max_length=120)
    kind = models.CharField(_("kind"), max_length=20)
    facts = models.JSONField(_("facts"), default=dict)
    began_at = models.DateTimeField(_("began at"))
    seen_at = models.DateTimeField(_("last seen at"))
    told_at = models.DateTimeField(_("last told at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    call = models.CharField(_("webhook"), max_length=7, choices=Call, blank=True, default=Call.NONE)
    called_at = models.DateTimeField(_("called at"), null=True, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["trouble"], condition=Q(ended_at=None), name="one_open_alert_per_trouble"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(call__in=["due", "calling"]), name="alert_to_call")]

    def __str__(self) -> str:
        return self.trouble
