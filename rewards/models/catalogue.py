"""What members can get for points."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Told, in_language
from loyalty.ledger.models import Program, Wallet
from members.models import Tier
from members.segments.models import Segment
from rewards.models.chances import PrizePool
from rewards.models.codes import CodePool
from rewards.models.draws import Draw
from rewards.models.giving import Cause
from rewards.models.holding import Measure, PrivateFile
from rewards.models.kinds import RewardKind
from rewards.models.shelves import Category, Picture
from rewards.models.spans import season_order

CREDITING = (RewardKind.CASHBACK, RewardKind.CREDIT)
CHANCES = (RewardKind.MYSTERY, RewardKind.INSTANT)
# What cannot be a prize of a pool: it is drawn itself.
DRAWN_THEMSELVES = (RewardKind.DRAW, *CHANCES)
GOODS = (RewardKind.PRODUCT, RewardKind.SAMPLE)


class Reward(Told):
    """Something members can get for points, while it lasts and while it is offered."""

    Kind = RewardKind

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="rewards", verbose_name=_("program"), db_index=False
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, verbose_name=_("paid from"))
    slug = models.SlugField(_("short name"))
    kind = models.CharField(_("kind"), max_length=10, choices=RewardKind, default=RewardKind.DISCOUNT)
    summary = models.CharField(_("what the member gets"), max_length=200)
    summary_id = models.CharField(_("what the member gets, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what the member gets, in Malay"), max_length=200, blank=True)
    terms = models.TextField(_("terms"), blank=True)
    terms_id = models.TextField(_("terms in Indonesian"), blank=True)
    terms_ms = models.TextField(_("terms in Malay"), blank=True)
    category = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("category")
    )
    picture = models.ForeignKey(
        Picture, models.PROTECT, null=True, blank=True, to_field="digest", editable=False, verbose_name=_("picture")
    )
    partner = models.CharField(_("partner"), max_length=80, blank=True)
    cost = models.BigIntegerField(_("cost"), help_text=_("In the wallet's smallest unit."))
    money = models.DecimalField(_("and in money"), max_digits=14, decimal_places=2, default=0)
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True, help_text=_("Empty: unlimited."))
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)
    offered_from = models.DateTimeField(_("offered from"), null=True, blank=True)
    offered_until = models.DateTimeField(
        _("offered until"), null=True, blank=True, help_text=_("The first instant it is no longer offered.")
    )
    season_from = models.CharField(_("every year from"), max_length=5, blank=True)
    season_until = models.CharField(_("every year until"), max_length=5, blank=True)
    limit_per_member = models.PositiveIntegerField(
        _("limit per member"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    limit_per_day = models.PositiveIntegerField(_("limit per day"), null=True, blank=True)
    limit_per_week = models.PositiveIntegerField(_("limit per week"), null=True, blank=True)
    limit_per_month = models.PositiveIntegerField(_("limit per month"), null=True, blank=True)
    limit_per_year = models.PositiveIntegerField(_("limit per year"), null=True, blank=True)
    cooldown_days = models.PositiveIntegerField(_("days until the next one"), default=0)
    minimum_tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, verbose_name=_("from tier"))
    segment = models.ForeignKey(
        Segment, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("only for the segment")
    )
    minimum_member_days = models.PositiveIntegerField(_("member for days"), default=0)
    credit_wallet = models.ForeignKey(
        Wallet, models.PROTECT, null=True, blank=True, related_name="crediting_rewards", verbose_name=_("credited to")
    )
    credit = models.BigIntegerField(_("credit"), null=True, blank=True)
    draw = models.ForeignKey(
        Draw, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("prize draw")
    )
    draw_entries = models.PositiveSmallIntegerField(_("entries for one redemption"), null=True, blank=True)
    prize_pool = models.ForeignKey(
        PrizePool, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("pool of prizes")
    )
    tier = models.ForeignKey(
        Tier, models.PROTECT, null=True, blank=True, related_name="rewards_giving_it", verbose_name=_("tier it gives")
    )
    cause = models.ForeignKey(
        Cause, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("given to")
    )
    gift = models.DecimalField(_("given in money"), max_digits=14, decimal_places=2, null=True, blank=True)
    face_value = models.DecimalField(_("worth of the card"), max_digits=14, decimal_places=2, null=True, blank=True)
    opens = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="opened_by", verbose_name=_("opens early")
    )
    early_days = models.PositiveSmallIntegerField(_("days earlier"), null=True, blank=True)
    extra_days = models.PositiveSmallIntegerField(_("days longer"), null=True, blank=True)
    file = models.ForeignKey(PrivateFile, models.PROTECT, null=True, blank=True, editable=False, verbose_name=_("file"))
    measure = models.CharField(_("discount grows with"), max_length=8, choices=Measure, blank=True)
    uses = models.PositiveSmallIntegerField(_("uses of a voucher"), default=1)
    pool = models.ForeignKey(
        CodePool, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("codes from")
    )
    is_sent = models.BooleanField(_("sent to the member"), default=False)
    voucher_days = models.PositiveIntegerField(_("voucher valid for days"), default=30)
    unit_cost = models.DecimalField(_("cost to us in money"), max_digits=14, decimal_places=2, default=0)
    position = models.PositiveIntegerField(_("position in the catalogue"), default=100)
    is_featured = models.BooleanField(_("featured"), default=False)
    is_active = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="reward_slug_once_per_program"),
            models.CheckConstraint(condition=Q(cost__gt=0), name="reward_cost_positive"),
            models.CheckConstraint(
                condition=Q(stock__isnull=True) | Q(taken__lte=F("stock")), name="reward_taken_within_stock"
            ),
            models.CheckConstraint(condition=Q(money__gte=0), name="reward_money_not_negative"),
            models.CheckConstraint(condition=season_order(), name="reward_season_begins_and_ends"),
            models.CheckConstraint(
                condition=Q(kind__in=CREDITING, credit_wallet__isnull=False, credit__isnull=False, credit__gt=0)
                | (~Q(kind__in=CREDITING) & Q(credit_wallet__isnull=True, credit__isnull=True)),
                name="reward_credits_when_of_that_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.DRAW, draw__isnull=False, draw_entries__isnull=False, draw_entries__gt=0)
                | (~Q(kind=RewardKind.DRAW) & Q(draw__isnull=True, draw_entries__isnull=True)),
                name="reward_draws_when_of_that_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=CHANCES, prize_pool__isnull=False)
                | (~Q(kind__in=CHANCES) & Q(prize_pool__isnull=True)),
                name="reward_has_a_pool_when_by_chance",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.TIER, tier__isnull=False)
                | (~Q(kind=RewardKind.TIER) & Q(tier__isnull=True)),
                name="reward_gives_a_tier_when_of_that_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.GIFT_CARD, face_value__isnull=False, face_value__gt=0)
                | (~Q(kind=RewardKind.GIFT_CARD) & Q(face_value__isnull=True)),
                name="reward_face_value_when_gift_card",
            ),
            models.CheckConstraint(
                condition=Q(is_sent=False) | Q(kind__in=GOODS, uses=1, pool__isnull=True), name="reward_sent_is_goods"
            ),
            models.CheckConstraint(
                condition=Q(cause__isnull=True, gift__isnull=True)
                | Q(kind=RewardKind.DONATION, cause__isnull=False, gift__isnull=False, gift__gt=0),
                name="reward_gives_when_donation",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.EARLY, opens__isnull=False, early_days__isnull=False, early_days__gt=0)
                | (~Q(kind=RewardKind.EARLY) & Q(opens__isnull=True, early_days__isnull=True)),
                name="reward_opens_another_when_early_access",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.WARRANTY, extra_days__isnull=False, extra_days__gt=0)
                | (~Q(kind=RewardKind.WARRANTY) & Q(extra_days__isnull=True)),
                name="reward_adds_days_when_warranty",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.DOWNLOAD, file__isnull=False)
                | (~Q(kind=RewardKind.DOWNLOAD) & Q(file__isnull=True)),
                name="reward_has_a_file_when_download",
            ),
            models.CheckConstraint(
                condition=Q(kind=RewardKind.BUSINESS, measure__in=Measure.values)
                | (~Q(kind=RewardKind.BUSINESS) & Q(measure="")),
                name="reward_is_measured_when_for_business",
            ),
            models.CheckConstraint(condition=Q(uses__gt=0), name="reward_voucher_has_a_use"),
            models.CheckConstraint(condition=Q(voucher_days__gt=0), name="reward_voucher_lasts"),
            models.CheckConstraint(
                condition=Q(offered_from__isnull=True)
                | Q(offered_until__isnull=True)
                | Q(offered_from__lt=F("offered_until")),
                name="reward_offer_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["program", "position", "id"], name="reward_by_position")]

    @property
    def left(self) -> int | None:
        """How many can still be redeemed; None when unlimited."""
        return None if self.stock is None else self.stock - self.taken

    @property
    def shown_terms(self) -> str:
        """The terms, in the reader's language."""
        return in_language(self, "terms")

    @property
    def has_limits(self) -> bool:
        """Whether a member may have it only so often."""
        return bool(self.cooldown_days) or any(limit is not None for limit in self.limits.values())

    @property
    def limits(self) -> dict[str, int | None]:
        """How often a member may have it, by period."""
        return {
            "lifetime": self.limit_per_member,
            "day": self.limit_per_day,
            "week": self.limit_per_week,
            "month": self.limit_per_month,
            "year": self.limit_per_year,
        }
