"""What members do besides buying, as data: events of described kinds, registrations, reviews (DOMAIN 3.1)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named
from loyalty.ledger.models import Program
from members.models import Event, Member


class EventKind(Named):
    """What is known of a kind of event: how often a member can do it, and which details it brings.

    `fields` is a list of {"name", "kind": "text" | "number" | "choice", "needed", "choices"}.
    """

    class Once(models.TextChoices):
        ALWAYS = "always", _("as often as it happens")
        DAY = "day", _("a day")
        WEEK = "week", _("a week")
        MONTH = "month", _("a month")
        YEAR = "year", _("a year")
        EVER = "ever", _("for ever")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="event_kinds", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(
        _("kind"), max_length=40, help_text=_("The kind of event a rule is written for, such as review.")
    )
    most = models.PositiveSmallIntegerField(_("most times"), default=1)
    once = models.CharField(_("per"), max_length=6, choices=Once, default=Once.ALWAYS)
    fields = models.JSONField(_("details it brings"), default=list, blank=True)

    class Meta:
        verbose_name = _("kind of event")
        verbose_name_plural = _("kinds of events")
        ordering = ["program_id", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="event_kind_once_per_program"),
            models.CheckConstraint(condition=Q(most__gt=0), name="event_kind_at_least_once"),
        ]


class EventDetail(models.Model):
    """The details an event of a described kind brought."""

    event = models.OneToOneField(Event, models.PROTECT, related_name="detail", verbose_name=_("event"))
    values = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("details of an event")
        verbose_name_plural = _("details of events")

    def __str__(self) -> str:
        return str(self.event)


class Registration(models.Model):
    """One piece of a product that a member registered; a serial number counts once for ever."""

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="registrations", verbose_name=_("program"), db_index=False
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="registrations", verbose_name=_("member"))
    product = models.CharField(_("product"), max_length=80)
    serial = models.CharField(_("serial number"), max_length=64)
    registered_at = models.DateTimeField(_("registered at"))
    points = models.BigIntegerField(_("points earned"), default=0)

    class Meta:
        verbose_name = _("product registration")
        verbose_name_plural = _("product registrations")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "product", "serial"], name="serial_registered_once_for_ever")
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.serial}"


class Review(models.Model):
    """What a member says about a product they bought: once per product, shown and rewarded once it is approved."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waits for approval")
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="reviews", verbose_name=_("program"), db_index=False
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="reviews", verbose_name=_("member"), db_index=False)
    product = models.CharField(_("product"), max_length=80)
    rating = models.PositiveSmallIntegerField(_("stars"))
    text = models.TextField(_("what it says"), max_length=2000, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    written_at = models.DateTimeField(_("written at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=64, blank=True)
    note = models.CharField(_("why"), max_length=200, blank=True)
    points = models.BigIntegerField(_("points earned"), default=0)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["member", "product"], name="review_once_per_product"),
            models.CheckConstraint(condition=Q(rating__gte=1, rating__lte=5), name="review_of_one_to_five_stars"),
        ]
        indexes = [models.Index(fields=["program", "status", "-id"], name="review_by_status")]

    def __str__(self) -> str:
        return f"{self.product}: {self.rating}/5"
