"""Partners: who else gives points to members, what they posted, and the months that were settled with them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import LANGUAGES
from loyalty.ledger.models import Entry, Program
from loyalty.pos.models import ApiKey
from members.models import Member


class Partner(models.Model):
    """A company whose customers earn points of this program; it pays a price for each point.

    Its row is locked while it posts and while a month of it is closed, so that its limit holds and a closed month gets nothing more.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="partners", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(
        _("short name"), max_length=32, help_text=_("Stands in exports and in rules, and never changes.")
    )
    name = models.CharField(_("name"), max_length=80, help_text=_("As members know it."))
    contact_name = models.CharField(_("contact"), max_length=80, blank=True)
    contact_email = models.EmailField(_("e-mail of the contact"), blank=True, help_text=_("Settlements are sent here."))
    language = models.CharField(_("language of its letters"), max_length=5, choices=LANGUAGES, default="en")
    status = models.CharField(
        _("status"), max_length=8, choices=Status, default=Status.ACTIVE, help_text=_("Only an active partner posts.")
    )
    price_per_point = models.DecimalField(
        _("price per point"),
        max_digits=14,
        decimal_places=6,
        help_text=_("What it pays, in the program's currency. A change counts for what is posted afterwards."),
    )
    monthly_limit = models.BigIntegerField(
        _("most points a month"),
        null=True,
        blank=True,
        help_text=_("In the wallet's smallest unit, less what it took back. Empty: no limit."),
    )
    take_back_days = models.PositiveSmallIntegerField(
        _("days to take back"), default=30, help_text=_("How long it may take a posting back. 0: not at all.")
    )
    created_at = models.DateTimeField(_("created at"), editable=False)

    class Meta:
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="partner_slug_once_per_program"),
            models.CheckConstraint(condition=Q(price_per_point__gte=0), name="partner_price_not_negative"),
            models.CheckConstraint(
                condition=Q(monthly_limit__isnull=True) | Q(monthly_limit__gt=0), name="partner_limit_above_zero"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PartnerKey(models.Model):
    """An API key that a partner posts with; it opens nothing but the partner's own postings."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="keys", verbose_name=_("partner"))
    api_key = models.OneToOneField(ApiKey, models.PROTECT, related_name="partner_key", verbose_name=_("API key"))

    class Meta:
        verbose_name = _("key of a partner")
        verbose_name_plural = _("keys of partners")

    def __str__(self) -> str:
        return str(self.api_key)


class PartnerPosting(models.Model):
    """Points that a partner gave a member, once per reference. `month` is the one it is settled in, `price` what a point cost then."""

    is_append_only = True

    partner = models.ForeignKey(
        Partner, models.PROTECT, related_name="postings", verbose_name=_("partner"), db_index=False
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="partner_postings", verbose_name=_("member"))
    reference = models.CharField(_("reference"), max_length=64)
    points = models.BigIntegerField(_("points"))
    price = models.DecimalField(_("price per point"), max_digits=14, decimal_places=6)
    words = models.CharField(_("what for"), max_length=120, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    month = models.DateField(_("settled in"), help_text=_("The first day of the month."))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="partner_posting", verbose_name=_("ledger entry"))

    class Meta:
        verbose_name = _("posting of a partner")
        verbose_name_plural = _("postings of partners")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "reference"], name="posting_once_per_partner_and_reference"),
            models.CheckConstraint(condition=Q(points__gt=0), name="partner_posting_above_zero"),
            models.CheckConstraint(condition=Q(month__day=1), name="partner_posting_month_by_its_first_day"),
        ]
        indexes = [models.Index(fields=["partner", "month", "id"], name="partner_posting_by_month")]

    def __str__(self) -> str:
        return self.reference


class PartnerTakeBack(models.Model):
    """Points of a posting were taken back: `asked` for, and `points` that moved (less where they had expired or were written off).

    A partner does so itself; `reason` is why the program did, and the partner reads it.
    """

    is_append_only = True

    partner = models.ForeignKey(
        Partner, models.PROTECT, related_name="take_backs", verbose_name=_("partner"), db_index=False
    )
    posting = models.ForeignKey(PartnerPosting, models.PROTECT, related_name="take_backs", verbose_name=_("posting"))
    reference = models.CharField(_("reference"), max_length=64)
    asked = models.BigIntegerField(_("points asked"))
    points = models.BigIntegerField(_("points"))
    recorded_at = models.DateTimeField(_("recorded at"))
    month = models.DateField(_("settled in"), help_text=_("The first day of the month."))
    entry = models.OneToOneField(
        Entry, models.PROTECT, related_name="partner_take_back", verbose_name=_("ledger entry")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("take-back of a partner")
        verbose_name_plural = _("take-backs of partners")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "reference"], name="take_back_once_per_partner_and_reference"),
            models.CheckConstraint(
                condition=Q(asked__gt=0, points__gte=0, points__lte=F("asked")), name="take_back_within_what_was_asked"
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="take_back_month_by_its_first_day"),
        ]
        indexes = [models.Index(fields=["partner", "month", "id"], name="partner_take_back_by_month")]

    def __str__(self) -> str:
        return self.reference


class Settlement(models.Model):
    """A month of a partner that was closed: its figures as they were then, sealed with those of the month before it."""

    is_append_only = True

    partner = models.ForeignKey(
        Partner, models.PROTECT, related_name="settlements", verbose_name=_("partner"), db_index=False
    )
    month = models.DateField(_("month"), help_text=_("Its first day."))
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.CharField(_("closed by"), max_length=64)
    figures = models.JSONField(_("figures"), default=dict)
    seal = models.CharField(_("seal"), max_length=64)

    class Meta:
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        ordering = ["-month", "partner_id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "month"], name="month_settled_once_per_partner"),
            models.CheckConstraint(condition=Q(month__day=1), name="settled_month_by_its_first_day"),
        ]

    def __str__(self) -> str:
        return f"{self.partner} {self.month:%Y-%m}"
