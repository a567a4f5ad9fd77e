"""Goods that are sent to the member: what is to be packed, what was sent how, what arrived (DOMAIN 7.2)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from rewards.models.redeeming import Redemption


class Parcel(models.Model):
    """The parcel of one redemption. Its address is asked of the member; until then it cannot be packed."""

    class Status(models.TextChoices):
        ADDRESS = "address", _("address is missing")
        WAITING = "waiting", _("to be packed")
        PACKED = "packed", _("packed")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        CANCELLED = "cancelled", _("cancelled")

    redemption = models.OneToOneField(Redemption, models.PROTECT, related_name="parcel", verbose_name=_("redemption"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ADDRESS)
    recipient = models.CharField(_("name on the parcel"), max_length=80, blank=True)
    street = models.CharField(_("street and number"), max_length=160, blank=True)
    postcode = models.CharField(_("postcode"), max_length=16, blank=True)
    city = models.CharField(_("town"), max_length=80, blank=True)
    country = models.CharField(_("country"), max_length=60, blank=True)
    phone = models.CharField(_("phone for the carrier"), max_length=32, blank=True)
    carrier = models.CharField(_("carrier"), max_length=60, blank=True)
    tracking = models.CharField(_("tracking number"), max_length=80, blank=True)
    asked_at = models.DateTimeField(_("asked for at"))
    packed_at = models.DateTimeField(_("packed at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    # When the address was taken out, long after the parcel arrived or was cancelled (`rewards.forgetting`).
    forgotten_at = models.DateTimeField(_("address forgotten at"), null=True, blank=True)
    changed_by = models.CharField(_("last changed by"), max_length=64)

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["address", "cancelled"])
                | Q(forgotten_at__isnull=False)
                | (~Q(recipient="") & ~Q(street="") & ~Q(city="")),
                name="parcel_goes_to_an_address",
            ),
            models.CheckConstraint(
                condition=Q(forgotten_at__isnull=True)
                | Q(
                    status__in=["delivered", "cancelled"],
                    recipient="",
                    street="",
                    postcode="",
                    city="",
                    country="",
                    phone="",
                    tracking="",
                ),
                name="parcel_forgotten_is_over_and_empty",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["sent", "delivered"], sent_at__isnull=False)
                | (~Q(status__in=["sent", "delivered"]) & Q(sent_at__isnull=True)),
                name="parcel_sent_at_some_time",
            ),
            models.CheckConstraint(
                condition=Q(status="delivered", delivered_at__isnull=False)
                | (~Q(status="delivered") & Q(delivered_at__isnull=True)),
                name="parcel_delivered_at_some_time",
            ),
        ]
        indexes = [models.Index(fields=["status", "id"], name="parcel_by_status")]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def shown_address(self) -> str:
        """The address in one line."""
        town = f"{self.postcode} {self.city}".strip()
        return ", ".join(part for part in (self.recipient, self.street, town, self.country) if part)
