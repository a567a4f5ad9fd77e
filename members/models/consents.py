"""What members agreed to: rows that are only added, each with when, how and to which words (DOMAIN 12.6)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import in_language
from loyalty.ledger.models import Program
from members.models.people import Member


class ConsentTerms(models.Model):
    """The words that members agree to, for ever as they were: another wording is another version."""

    is_append_only = True

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="consent_terms", verbose_name=_("program"), db_index=False
    )
    number = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("words"), max_length=2000)
    text_id = models.TextField(_("words in Indonesian"), max_length=2000, blank=True)
    text_ms = models.TextField(_("words in Malay"), max_length=2000, blank=True)
    since = models.DateTimeField(_("since"))
    recorded_by = models.CharField(_("recorded by"), max_length=64)

    class Meta:
        verbose_name = _("terms of consent")
        verbose_name_plural = _("terms of consent")
        ordering = ["program_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["program", "number"], name="consent_terms_version_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="consent_terms_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    @property
    def shown(self) -> str:
        """The words in the reader's language."""
        return in_language(self, "text")


class Consent(models.Model):
    """One yes or no of a member, for one channel and one purpose. The latest one counts; without any it is no."""

    is_append_only = True

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        SMS = "sms", _("SMS")
        WHATSAPP = "whatsapp", _("WhatsApp")
        POST = "post", _("post")

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("news and offers")
        SURVEYS = "surveys", _("surveys")
        PARTNERS = "partners", _("offers of partners")

    class Source(models.TextChoices):
        PORTAL = "portal", _("portal")
        DESK = "desk", _("desk")
        API = "api", _("API")
        LETTER = "letter", _("link in a letter")

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="consents", verbose_name=_("member"), db_index=False
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    is_given = models.BooleanField(_("given"))
    at = models.DateTimeField(_("at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    source = models.CharField(_("source"), max_length=8, choices=Source)
    recorded_by = models.CharField(_("recorded by"), max_length=64)
    terms = models.ForeignKey(ConsentTerms, models.PROTECT, null=True, blank=True, verbose_name=_("terms of consent"))
    note = models.CharField(_("how we know"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(at__lte=F("recorded_at")), name="consent_not_from_the_future"),
        ]
        indexes = [models.Index(fields=["member", "channel", "purpose", "-at", "-id"], name="consent_latest")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}, {self.get_channel_display()}"
