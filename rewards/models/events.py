"""Experiences have sessions: a time, a place and so many seats; each redemption of one holds a seat (DOMAIN 7.4)."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from rewards.models.catalogue import Reward
from rewards.models.redeeming import Redemption


class EventSession(models.Model):
    """One date of an experience. `taken` counts the seats that are held and is never more than `capacity`."""

    reward = models.ForeignKey(
        Reward, models.PROTECT, related_name="sessions", verbose_name=_("reward"), db_index=False
    )
    starts_at = models.DateTimeField(_("begins at"))
    ends_at = models.DateTimeField(_("ends at"))
    place = models.CharField(_("place"), max_length=160)
    capacity = models.PositiveIntegerField(_("seats"))
    taken = models.PositiveIntegerField(_("seats taken"), default=0, editable=False)
    closes_hours = models.PositiveSmallIntegerField(_("booking ends hours before"), default=0)
    is_open = models.BooleanField(_("can be booked"), default=True, editable=False)
    cancelled_at = models.DateTimeField(_("called off at"), null=True, blank=True, editable=False)
    cancelled_by = models.CharField(_("called off by"), max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("session of an experience")
        verbose_name_plural = _("sessions of experiences")
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(taken__lte=F("capacity")), name="session_taken_within_capacity"),
            models.CheckConstraint(condition=Q(capacity__gt=0), name="session_has_a_seat"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="session_ends_after_it_began"),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(is_open=False), name="session_called_off_is_not_booked"
            ),
        ]
        indexes = [models.Index(fields=["reward", "starts_at"], name="session_by_start")]

    def __str__(self) -> str:
        return f"{self.reward}, #{self.pk}"

    @property
    def left(self) -> int:
        """How many seats are free."""
        return self.capacity - self.taken

    @property
    def closes_at(self) -> datetime:
        """From when on members neither book nor cancel."""
        return self.starts_at - timedelta(hours=self.closes_hours)


class Seat(models.Model):
    """The seat that a redemption holds; freed when the redemption is cancelled."""

    redemption = models.OneToOneField(Redemption, models.PROTECT, related_name="seat", verbose_name=_("redemption"))
    session = models.ForeignKey(EventSession, models.PROTECT, related_name="seats", verbose_name=_("session"))
    freed_at = models.DateTimeField(_("freed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")

    def __str__(self) -> str:
        return f"#{self.pk}"
