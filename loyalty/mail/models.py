"""The outbox: letters written in the same transaction as their cause, delivered later by a worker (DOMAIN 11.1)."""

from email.utils import parseaddr

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import LANGUAGES


class Message(models.Model):
    """One letter to one recipient. Unique by (recipient, kind, subject, period), so that no cause writes it twice.

    `recipient` is the public key of the person in the app that wrote it (a member number, a staff id); `subject` is
    what the letter is about (a voucher, a month); `context` holds the values its template uses.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("handed to the mail system")
        FAILED = "failed", _("refused")
        UNCERTAIN = "uncertain", _("uncertain")

    recipient = models.CharField(_("recipient"), max_length=64)
    address = models.EmailField(_("address"))
    language = models.CharField(_("language"), max_length=5, choices=LANGUAGES, default="en")
    kind = models.CharField(_("kind"), max_length=40)
    subject = models.CharField(_("about"), max_length=80)
    period = models.CharField(_("period"), max_length=40, blank=True)
    context = models.JSONField(_("values"), default=dict)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    queued_at = models.DateTimeField(_("queued at"))
    due_at = models.DateTimeField(_("due at"))
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.CharField(_("last error"), max_length=300, blank=True)
    resent_at = models.DateTimeField(_("sent again at"), null=True, blank=True)
    resent_by = models.CharField(_("sent again by"), max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "kind", "subject", "period"], name="letter_once_per_cause"),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(status="queued"), name="letter_waiting"),
            models.Index(fields=["claimed_at"], condition=Q(status="sending"), name="letter_being_sent"),
            models.Index(fields=["status", "-id"], name="letter_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def message_id(self) -> str:
        """The Message-ID header: the same at every attempt, so that a duplicate can be recognised."""
        sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
        return f"<setia-letter-{self.pk}@{sender.rpartition('@')[2]}>"
