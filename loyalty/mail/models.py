"""The outbox: letters written in the same transaction as their cause, delivered later by a worker (DOMAIN 11.1)."""

from email.utils import parseaddr

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import LANGUAGES


class Message(models.Model):
    """One letter to one recipient. Unique by (recipient, kind, subject, period) and channel, so that no cause writes it twice.

    `recipient` is the public key of the person in the app that wrote it (a member number, a staff id); `subject` is
    what the letter is about (a voucher, a month); `context` holds the values its template uses.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting")
        HELD = "held", _("waiting for its mailing")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("handed to the mail system")
        FAILED = "failed", _("refused")
        UNCERTAIN = "uncertain", _("uncertain")
        STOPPED = "stopped", _("not to be sent")

    class Stop(models.TextChoices):
        CONSENT = "consent", _("the reader did not agree to such letters")
        BLOCKED = "blocked", _("the address is blocked")
        GONE = "gone", _("the reader has no e-mail address")
        STALE = "stale", _("what it says was true no more")
        CAP = "cap", _("the reader had enough news lately")
        OFF = "off", _("the mailing was stopped")

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        WEBHOOK = "webhook", _("passed to another system")

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
    channel = models.CharField(
        _("channel"), max_length=8, choices=Channel, default=Channel.EMAIL, db_default=Channel.EMAIL
    )
    stopped_for = models.CharField(_("not sent because"), max_length=8, choices=Stop, blank=True, default="", db_default="")  # fmt: skip
    bounced_at = models.DateTimeField(_("bounced at"), null=True, blank=True)
    unsubscribed_at = models.DateTimeField(_("unsubscribed at"), null=True, blank=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    forgotten_at = models.DateTimeField(_("forgotten at"), null=True, blank=True)

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "kind", "subject", "period", "channel"], name="letter_once_per_cause"
            ),
            models.CheckConstraint(
                condition=Q(status="stopped", stopped_for__gt="") | (~Q(status="stopped") & Q(stopped_for="")),
                name="letter_stopped_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(forgotten_at__isnull=True)
                | Q(address="", error="", status__in=["sent", "failed", "uncertain", "stopped"]),
                name="letter_forgotten_is_over_and_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["channel", "due_at", "id"], condition=Q(status="queued"), name="letter_waiting"),
            models.Index(fields=["claimed_at"], condition=Q(status="sending"), name="letter_being_sent"),
            models.Index(fields=["status", "-id"], name="letter_by_status"),
            models.Index(fields=["queued_at"], condition=Q(forgotten_at__isnull=True), name="letter_kept"),
            models.Index(fields=["subject", "status"], condition=Q(kind="announcement"), name="letter_of_mailing"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def message_id(self) -> str:
        """The Message-ID header: the same at every attempt, so that a duplicate can be recognised."""
        sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
        return f"<setia-letter-{self.pk}@{sender.rpartition('@')[2]}>"


class BlockedAddress(models.Model):
    """An address that gets no mail: it bounced, its owner complained, or staff said so. Lifted blocks stay as history."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce", _("letters bounce")
        COMPLAINT = "complaint", _("its owner called a letter spam")
        STAFF = "staff", _("blocked by staff")

    address = models.EmailField(_("address"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    detail = models.CharField(_("what was said"), max_length=300, blank=True)
    blocked_at = models.DateTimeField(_("blocked at"))
    blocked_by = models.CharField(_("recorded by"), max_length=64)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lifted_by = models.CharField(_("lifted by"), max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("blocked address")
        verbose_name_plural = _("blocked addresses")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["address"], condition=Q(lifted_at__isnull=True), name="address_blocked_once_at_a_time"
            ),
            models.CheckConstraint(condition=Q(address=Lower("address")), name="blocked_address_in_small_letters"),
        ]

    def __str__(self) -> str:
        return self.address


class LetterWording(models.Model):
    """One version of how a kind of letter reads in a language. Versions stay; the latest counts."""

    is_append_only = True

    kind = models.CharField(_("kind"), max_length=40)
    language = models.CharField(_("language"), max_length=5, choices=LANGUAGES)
    number = models.PositiveIntegerField(_("version"))
    subject = models.CharField(_("subject line"), max_length=200, blank=True)
    text = models.TextField(_("text"), max_length=10_000, blank=True)
    html = models.TextField(_("HTML"), max_length=30_000, blank=True)
    is_built_in = models.BooleanField(_("built in"), default=False)
    since = models.DateTimeField(_("since"))
    recorded_by = models.CharField(_("recorded by"), max_length=64)

    class Meta:
        verbose_name = _("wording of letters")
        verbose_name_plural = _("wordings of letters")
        ordering = ["kind", "language", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "language", "number"], name="letter_wording_version_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="letter_wordings_count_from_one"),
            models.CheckConstraint(
                condition=Q(is_built_in=True) | ~(Q(subject="") | Q(text="") | Q(html="")),
                name="letter_wording_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.language} v{self.number}"
