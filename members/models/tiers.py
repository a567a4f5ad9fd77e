"""A program's ladder: its tiers, the policy by which they are reached and kept, and who stayed in which (DOMAIN 8)."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named
from loyalty.ledger.models import Program, Wallet


class Tier(Named):
    """One step of a program's ladder. The lowest rank has threshold 0 and is everybody's first tier.

    One that is not on the ladder waits to be brought in, or was taken out: nobody is in it, and history still names it.
    """

    program = models.ForeignKey(Program, models.PROTECT, related_name="tiers", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    rank = models.PositiveSmallIntegerField(_("rank"), help_text=_("0 is the lowest."))
    threshold = models.DecimalField(_("reached from"), max_digits=16, decimal_places=2, default=Decimal("0"))
    keep_threshold = models.DecimalField(
        _("kept from"),
        max_digits=16,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("What keeps the tier at a review. Empty: as much as reaches it."),
    )
    icon = models.CharField(
        _("icon"), max_length=24, blank=True, help_text=_("Name of a Material symbol, e.g. diamond.")
    )
    benefits = models.TextField(_("benefits"), blank=True, help_text=_("One per line."))
    benefits_id = models.TextField(_("benefits in Indonesian"), blank=True)
    benefits_ms = models.TextField(_("benefits in Malay"), blank=True)
    price = models.PositiveBigIntegerField(
        _("price in points"), null=True, blank=True, help_text=_("What buys the tier, in the wallet's smallest unit. Empty: it is not for sale."),
    )  # fmt: skip
    lasts_days = models.PositiveSmallIntegerField(_("bought for days"), default=365)
    early_access_days = models.PositiveSmallIntegerField(
        _("days of early access"), default=0, help_text=_("How many days before others new rewards can be had.")
    )
    is_on_ladder = models.BooleanField(
        _("on the ladder"), default=True, help_text=_("Whether members can be in it. An edit of the tiers brings it in or takes it out.")
    )  # fmt: skip

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ["program_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="tier_slug_once_per_program"),
            models.UniqueConstraint(fields=["program", "rank"], name="tier_rank_once_per_program"),
            models.UniqueConstraint(
                fields=["program", "threshold"], condition=Q(is_on_ladder=True), name="tier_threshold_once_per_ladder"
            ),
            models.CheckConstraint(
                condition=~Q(rank=0) | Q(threshold=0, is_on_ladder=True), name="lowest_tier_from_zero_and_on_ladder"
            ),
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gt=0, rank__gt=0),
                name="tier_price_above_zero_and_not_of_the_lowest",
            ),
            models.CheckConstraint(condition=Q(lasts_days__gt=0), name="bought_tier_lasts"),
            models.CheckConstraint(
                condition=Q(keep_threshold__isnull=True) | Q(keep_threshold__gte=0, keep_threshold__lte=F("threshold")),
                name="kept_from_no_more_than_reached_from",
            ),
        ]


class TierPolicy(models.Model):
    """What counts towards tiers in a program, over which window, and when and how far members go down (DOMAIN 8.1, 8.2)."""

    class Metric(models.TextChoices):
        POINTS = "points", _("qualifying points")
        SPEND = "spend", _("qualifying spend")
        VISITS = "visits", _("visits")
        WALLET = "wallet", _("credits of a wallet")

    class Window(models.TextChoices):
        ROLLING = "rolling", _("the last months")
        CALENDAR = "calendar", _("this calendar year")
        ENTRY = "entry", _("since the tier began")
        LIFETIME = "lifetime", _("since enrolment")

    class Review(models.TextChoices):
        NEVER = "never", _("never")
        YEARLY = "yearly", _("on a day of the year")
        MONTHS = "months", _("months after the tier began")

    class Down(models.TextChoices):
        NONE = "none", _("not at all")
        ONE = "one", _("one tier")
        FULL = "full", _("to the tier that is still reached")

    program = models.OneToOneField(Program, models.PROTECT, related_name="tier_policy", verbose_name=_("program"))
    metric = models.CharField(_("counted"), max_length=8, choices=Metric, default=Metric.POINTS)
    wallet = models.ForeignKey(Wallet, models.PROTECT, null=True, blank=True, verbose_name=_("counted wallet"))
    window = models.CharField(_("over"), max_length=8, choices=Window, default=Window.ROLLING)
    months = models.PositiveSmallIntegerField(_("months"), default=12)
    review = models.CharField(_("reviewed"), max_length=8, choices=Review, default=Review.NEVER)
    review_months = models.PositiveSmallIntegerField(_("months between reviews"), default=12)
    review_month = models.PositiveSmallIntegerField(_("month of the review"), default=1)
    review_day = models.PositiveSmallIntegerField(_("day of the review"), default=1)
    down = models.CharField(_("goes down"), max_length=4, choices=Down, default=Down.ONE)
    soft_landing = models.BooleanField(
        _("soft landing"),
        default=False,
        help_text=_("The first review that fails takes one tier only, even where the next one takes all."),
    )
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"), default=0, help_text=_("How long after a review what is missing may still be earned.")
    )
    warn_days = models.PositiveSmallIntegerField(
        _("days of warning"),
        default=30,
        help_text=_("How long before a review a member at risk gets a letter. 0: none."),
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    in_force_since = models.DateTimeField(_("in force since"), null=True, blank=True)
    moves_down_at_once = models.BooleanField(_("the last edit moved members down at once"), default=False)

    class Meta:
        verbose_name = _("tier policy")
        verbose_name_plural = _("tier policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(months__gte=1, review_months__gte=1, review_months__lte=24),
                name="tier_periods_of_one_to_24_months",
            ),
            models.CheckConstraint(
                condition=Q(review_month__gte=1, review_month__lte=12, review_day__gte=1, review_day__lte=31),
                name="tier_review_on_a_day_of_the_year",
            ),
            models.CheckConstraint(
                condition=Q(grace_days__lte=90, warn_days__lte=180), name="tier_grace_and_warning_within_bounds"
            ),
            models.CheckConstraint(
                condition=Q(metric="wallet", wallet__isnull=False) | (~Q(metric="wallet") & Q(wallet__isnull=True)),
                name="tier_wallet_where_one_is_counted",
            ),
        ]

    def __str__(self) -> str:
        return str(self.program)


class TierPolicyVersion(models.Model):
    """How the ladder was at a time, for ever: thresholds, windows, reviews. The policy itself is the newest one."""

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="tier_policy_versions", verbose_name=_("program"), db_index=False
    )
    number = models.PositiveIntegerField(_("version"))
    since = models.DateTimeField(_("since"))
    recorded_by = models.CharField(_("recorded by"), max_length=64)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    terms = models.JSONField(_("terms"))

    class Meta:
        verbose_name = _("version of the tier policy")
        verbose_name_plural = _("versions of the tier policy")
        ordering = ["program_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["program", "number"], name="tier_policy_version_once")]

    def __str__(self) -> str:
        return f"{self.program} v{self.number}"


class TierStay(models.Model):
    """One stretch of time in one tier: from, until, why (DOMAIN 8.2). The open one has no end.

    `review_at` is when the stay is looked at next, `renewed_at` when it last was and lasted. `told_at` is when its
    member was told of it, or that nobody needs to be.
    """

    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="tier_stays", verbose_name=_("member"), db_index=False
    )
    tier = models.ForeignKey(Tier, models.PROTECT, verbose_name=_("tier"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    cause = models.CharField(_("cause"), max_length=160, help_text=_("Reference of what made the change."))
    measured = models.DecimalField(_("measured"), max_digits=16, decimal_places=2, default=Decimal("0"))
    review_at = models.DateTimeField(_("next review"), null=True, blank=True)
    renewed_at = models.DateTimeField(_("kept at"), null=True, blank=True)
    warned_for = models.DateTimeField(_("warned of the review at"), null=True, blank=True)
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)

    class Meta:
        verbose_name = _("tier stay")
        verbose_name_plural = _("tier stays")
        ordering = ["member_id", "-since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until__isnull=True), name="one_open_stay_per_member"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="stay_ends_after_it_began"
            ),
        ]
        indexes = [
            models.Index(fields=["member", "since"], name="stay_by_member"),
            models.Index(
                fields=["review_at", "id"],
                condition=Q(until__isnull=True, review_at__isnull=False),
                name="stay_by_review",
            ),
            models.Index(fields=["id"], condition=Q(until__isnull=True, told_at__isnull=True), name="stay_to_tell"),
        ]

    def __str__(self) -> str:
        return f"{self.tier} {self.since:%Y-%m-%d}"


class TierGrant(models.Model):
    """A tier given by hand, bought with points or matched; not lowered before `until` (DOMAIN 8.2)."""

    class Kind(models.TextChoices):
        HAND = "hand", _("given by hand")
        BOUGHT = "bought", _("bought with points")
        MATCHED = "matched", _("matched from another program")

    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="tier_grants", verbose_name=_("member"), db_index=False
    )
    tier = models.ForeignKey(Tier, models.PROTECT, related_name="grants", verbose_name=_("tier"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.HAND)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    reference = models.CharField(_("reference"), max_length=80)
    reason = models.CharField(_("reason"), max_length=200)
    granted_by = models.CharField(_("granted by"), max_length=64)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.CharField(_("withdrawn by"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("given tier")
        verbose_name_plural = _("given tiers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["member", "reference"], name="tier_given_once_per_reference"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="given_tier_ends_after_it_began"),
            models.CheckConstraint(condition=~Q(reason=""), name="given_tier_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.tier} {self.since:%Y-%m-%d}"
