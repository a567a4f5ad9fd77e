"""Members: who they are, the accounts they point at, what they did, and the tiers they stayed in."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from loyalty.common.ids import show_member_number
from loyalty.common.languages import LANGUAGES, Named
from loyalty.ledger.models import Account, Program, Wallet
from loyalty.pos.models import Store


class Tier(Named):
    """One step of a program's ladder. The lowest rank has threshold 0 and is everybody's first tier."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="tiers", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    rank = models.PositiveSmallIntegerField(_("rank"), help_text=_("0 is the lowest."))
    threshold = models.DecimalField(_("reached from"), max_digits=16, decimal_places=2, default=Decimal("0"))
    benefits = models.TextField(_("benefits"), blank=True, help_text=_("One per line."))
    benefits_id = models.TextField(_("benefits in Indonesian"), blank=True)
    benefits_ms = models.TextField(_("benefits in Malay"), blank=True)

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ["program_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="tier_slug_once_per_program"),
            models.UniqueConstraint(fields=["program", "rank"], name="tier_rank_once_per_program"),
            models.UniqueConstraint(fields=["program", "threshold"], name="tier_threshold_once_per_program"),
            models.CheckConstraint(condition=~Q(rank=0) | Q(threshold=0), name="lowest_tier_from_zero"),
        ]


class TierPolicy(models.Model):
    """What counts towards tiers in a program, and over which window (DOMAIN 8.1)."""

    class Metric(models.TextChoices):
        POINTS = "points", _("qualifying points")
        SPEND = "spend", _("qualifying spend")

    class Window(models.TextChoices):
        ROLLING = "rolling", _("the last months")
        CALENDAR = "calendar", _("this calendar year")
        LIFETIME = "lifetime", _("since enrolment")

    program = models.OneToOneField(Program, models.PROTECT, related_name="tier_policy", verbose_name=_("program"))
    metric = models.CharField(_("counted"), max_length=8, choices=Metric, default=Metric.POINTS)
    window = models.CharField(_("over"), max_length=8, choices=Window, default=Window.ROLLING)
    months = models.PositiveSmallIntegerField(_("months"), default=12)

    class Meta:
        verbose_name = _("tier policy")
        verbose_name_plural = _("tier policies")

    def __str__(self) -> str:
        return str(self.program)


class Member(models.Model):
    """A customer enrolled in a program. Known outside by `number`; the primary key is never shown."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        CLOSED = "closed", _("closed")

    program = models.ForeignKey(Program, models.PROTECT, related_name="members", verbose_name=_("program"), db_index=False)
    number = models.CharField(_("member number"), max_length=12, unique=True)
    source = models.CharField(_("source"), max_length=32, blank=True)
    source_key = models.CharField(_("customer key at the source"), max_length=80, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=24, blank=True)
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=5, choices=LANGUAGES, default="en")
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.ACTIVE)
    enrolled_at = models.DateTimeField(_("enrolled at"))
    tier = models.ForeignKey(Tier, models.PROTECT, related_name="members", verbose_name=_("tier"))
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="member", verbose_name=_("sign-in"))

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "source", "source_key"], condition=~Q(source_key=""), name="customer_once_per_source"),
            models.UniqueConstraint(F("program"), Lower("email"), condition=~Q(email=""), name="email_once_per_program"),
        ]
        indexes = [
            models.Index(fields=["program", "-enrolled_at"], name="member_by_enrolment"),
            models.Index(Lower("email"), name="member_by_email"),
            models.Index(Lower("name"), name="member_by_name"),
            models.Index(fields=["phone"], condition=~Q(phone=""), name="member_by_phone"),
        ]

    def __str__(self) -> str:
        return self.name or self.shown_number

    @property
    def shown_number(self) -> str:
        """The member number in groups of four."""
        return show_member_number(self.number)


class MemberAccount(models.Model):
    """The account a member has in a wallet. Members point at the books; the books know nobody."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="member_accounts", verbose_name=_("member"), db_index=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, verbose_name=_("wallet"), db_index=False)
    account = models.OneToOneField(Account, models.PROTECT, related_name="member_account", verbose_name=_("account"))

    class Meta:
        verbose_name = _("member's account")
        verbose_name_plural = _("members' accounts")
        constraints = [models.UniqueConstraint(fields=["member", "wallet"], name="one_account_per_member_and_wallet")]

    def __str__(self) -> str:
        return f"{self.member} / {self.wallet}"


class TierStay(models.Model):
    """One stretch of time in one tier: from, until, why (DOMAIN 8.2). The open one has no end."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="tier_stays", verbose_name=_("member"), db_index=False)
    tier = models.ForeignKey(Tier, models.PROTECT, verbose_name=_("tier"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    cause = models.CharField(_("cause"), max_length=160, help_text=_("Reference of what made the change."))
    measured = models.DecimalField(_("measured"), max_digits=16, decimal_places=2, default=Decimal("0"))

    class Meta:
        verbose_name = _("tier stay")
        verbose_name_plural = _("tier stays")
        ordering = ["member_id", "-since", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["member"], condition=Q(until__isnull=True), name="one_open_stay_per_member"),
            models.CheckConstraint(condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="stay_ends_after_it_began"),
        ]
        indexes = [models.Index(fields=["member", "since"], name="stay_by_member")]

    def __str__(self) -> str:
        return f"{self.tier} {self.since:%Y-%m-%d}"


class Purchase(models.Model):
    """One sale as the till or shop reported it. A sale keeps its rate, tier and rule version for ever (DOMAIN 3.6).

    `total` is what was paid after discounts; `eligible` is the part that earns. `digest` tells a retry (same content)
    from a conflict (same receipt, other content).
    """

    program = models.ForeignKey(Program, models.PROTECT, related_name="purchases", verbose_name=_("program"), db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="purchases", verbose_name=_("member"), db_index=False)
    source = models.CharField(_("source"), max_length=32)
    receipt = models.CharField(_("receipt"), max_length=80)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, verbose_name=_("store"))
    channel = models.CharField(_("channel"), max_length=16, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    items = models.PositiveIntegerField(_("items"), default=0)
    total = models.DecimalField(_("total"), max_digits=16, decimal_places=2)
    eligible = models.DecimalField(_("earning part"), max_digits=16, decimal_places=2)
    tier = models.ForeignKey(Tier, models.PROTECT, verbose_name=_("tier at the time"), db_index=False)
    points = models.BigIntegerField(_("points earned"), default=0)
    qualifying_points = models.BigIntegerField(_("qualifying points"), default=0)
    qualifying_spend = models.DecimalField(_("qualifying spend"), max_digits=16, decimal_places=2, default=Decimal("0"))
    digest = models.CharField(_("digest of the content"), max_length=64)

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "source", "receipt"], name="receipt_once_per_source"),
            models.CheckConstraint(condition=Q(total__gte=0, eligible__gte=0), name="purchase_amounts_not_negative"),
            models.CheckConstraint(condition=Q(points__gte=0), name="purchase_points_not_negative"),
        ]
        indexes = [
            models.Index(fields=["member", "occurred_at"], include=["qualifying_points", "qualifying_spend"], name="purchase_by_member"),
            models.Index(fields=["program", "occurred_at"], name="purchase_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.receipt}"


class PurchaseLine(models.Model):
    """One line of a purchase, kept when the till sent lines; a purchase without them is its own single line."""

    purchase = models.ForeignKey(Purchase, models.PROTECT, related_name="lines", verbose_name=_("purchase"), db_index=False)
    number = models.PositiveIntegerField(_("line"))
    product = models.CharField(_("product"), max_length=80, blank=True)
    category = models.CharField(_("category"), max_length=80, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3, default=Decimal("1"))
    amount = models.DecimalField(_("amount after discount"), max_digits=16, decimal_places=2)
    eligible = models.DecimalField(_("earning part"), max_digits=16, decimal_places=2)
    points = models.BigIntegerField(_("points earned"), default=0)

    class Meta:
        verbose_name = _("purchase line")
        verbose_name_plural = _("purchase lines")
        ordering = ["purchase_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["purchase", "number"], name="line_number_once_per_purchase"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="line_quantity_positive"),
            models.CheckConstraint(condition=Q(amount__gte=0, eligible__gte=0), name="line_amounts_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id}/{self.number}"


class Event(models.Model):
    """Something a member did that is no purchase: a sign-up, a review, a visit, any custom kind (DOMAIN 3.1)."""

    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="events", verbose_name=_("member"), db_index=False)
    source = models.CharField(_("source"), max_length=32)
    key = models.CharField(_("event key"), max_length=80)
    kind = models.SlugField(_("kind"), max_length=40)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    points = models.BigIntegerField(_("points earned"), default=0)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["program", "source", "key"], name="event_once_per_source")]
        indexes = [models.Index(fields=["member", "occurred_at"], name="event_by_member")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
