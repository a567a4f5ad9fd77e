"""Where sales come from: stores, tills, the API keys of shops and apps, and the answers kept for retried calls."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.ledger.models import Program


class Store(models.Model):
    """One shop, stall or web shop of a program."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="stores", verbose_name=_("program"))
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=80)
    city = models.CharField(_("city"), max_length=80, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="store_code_once_per_program")]

    def __str__(self) -> str:
        return self.name


class Till(models.Model):
    """One till, tablet or checkout of a store."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="tills", verbose_name=_("store"))
    code = models.SlugField(_("code"))
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("till")
        verbose_name_plural = _("tills")
        ordering = ["store", "code"]
        constraints = [models.UniqueConstraint(fields=["store", "code"], name="till_code_once_per_store")]

    def __str__(self) -> str:
        return f"{self.store} / {self.code}"


class ApiKey(models.Model):
    """A secret a till or shop shows at each call. 256 random bits, shown once, stored as a SHA-256 digest.

    After a rotation the secret before it is still taken until `previous_until`, so that tills can be changed over one by
    one; the key stays the same, and so do the answers kept for it.
    """

    program = models.ForeignKey(Program, models.PROTECT, related_name="api_keys", verbose_name=_("program"))
    name = models.CharField(_("name"), max_length=80, help_text=_("Who uses it, e.g. the web shop."))
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    previous_digest = models.CharField(_("digest before the rotation"), max_length=64, blank=True, editable=False)
    previous_until = models.DateTimeField(_("old secret taken until"), null=True, blank=True, editable=False)
    scopes = models.JSONField(pgettext_lazy("what a key is allowed", "may"), default=list)
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, verbose_name=_("store"))
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=64, blank=True, editable=False)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_by = models.CharField(_("revoked by"), max_length=64, blank=True, editable=False)
    last_used_on = models.DateField(_("last used on"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["previous_digest"], condition=~Q(previous_digest=""), name="api_key_by_previous_secret"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class IdempotencyRecord(models.Model):
    """The first answer to a mutating call, given again to every retry for 90 days (DOMAIN 12.1)."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE, verbose_name=_("API key"), db_index=False)
    key = models.CharField(_("idempotency key"), max_length=255)
    request_digest = models.CharField(_("digest of the call"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    body = models.TextField(_("answer"), blank=True)
    created_at = models.DateTimeField(_("created at"), db_index=True)

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [models.UniqueConstraint(fields=["api_key", "key"], name="idempotency_key_once_per_api_key")]

    def __str__(self) -> str:
        return self.key
