"""Pools of prizes by chance: their odds, what was promised before the first number, and what each number drew (docs/draws.md).

What proves a pool is only added to: the promise, each number, the seed at the end. The database refuses to change them.
"""

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named, Told
from loyalty.ledger.models import Entry, Program
from members.models import Member
from rewards.models.draws import reward_or_points


class PrizePool(Told):
    """A pool of prizes. Its odds are written as a draft, and stand once it is published; numbers are drawn from 1 on."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        OPEN = "open", _("published")
        CLOSED = "closed", _("closed")

    program = models.ForeignKey(Program, models.PROTECT, related_name="prize_pools", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    summary = models.CharField(_("what it is about"), max_length=200)
    summary_id = models.CharField(_("what it is about, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what it is about, in Malay"), max_length=200, blank=True)
    one_in = models.PositiveIntegerField(_("one wins in"), default=1)
    is_counted = models.BooleanField(_("by counting"), default=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    numbers = models.PositiveIntegerField(_("numbers drawn"), default=0, editable=False)

    class Meta:
        verbose_name = _("pool of prizes")
        verbose_name_plural = _("pools of prizes")
        ordering = ["program_id", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="prize_pool_slug_once_per_program"),
            models.CheckConstraint(condition=Q(one_in__gt=0), name="prize_pool_has_a_chance"),
            models.CheckConstraint(
                condition=~Q(status="draft") | Q(numbers=0), name="prize_pool_draft_without_numbers"
            ),
        ]

    @property
    def always_wins(self) -> bool:
        """Whether every number wins something."""
        return self.one_in == 1

    @property
    def keeps_count(self) -> bool:
        """Whether nobody is told what was drawn so far: where one of so many in a row wins, it would tell when."""
        return self.is_counted and self.status == self.Status.OPEN

    @property
    def blanks(self) -> int:
        """How many times all prizes together the blanks weigh."""
        return 0 if self.is_counted else self.one_in - 1

    def get_absolute_url(self) -> str:
        """The public page."""
        return reverse("prize_pool_page", args=[self.program.slug, self.slug])


class PoolPrize(Named):
    """A prize of a pool: how much it weighs among the others, and how many there are."""

    prize_pool = models.ForeignKey(PrizePool, models.CASCADE, related_name="prizes", verbose_name=_("pool of prizes"))
    position = models.PositiveSmallIntegerField(_("order"), default=1)
    weight = models.PositiveIntegerField(_("weight"), default=1)
    pieces = models.PositiveIntegerField(_("pieces"), null=True, blank=True, help_text=_("Empty: as many as are won."))
    given = models.PositiveIntegerField(_("given"), default=0, editable=False)
    reward = models.ForeignKey(
        "rewards.Reward", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reward")
    )
    points = models.BigIntegerField(_("points"), null=True, blank=True)

    class Meta:
        verbose_name = _("prize of a pool")
        verbose_name_plural = _("prizes of pools")
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=reward_or_points(), name="pool_prize_is_reward_or_points"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="pool_prize_weighs_something"),
            models.CheckConstraint(
                condition=Q(pieces__isnull=True) | Q(given__lte=F("pieces")), name="pool_prize_given_within_pieces"
            ),
        ]

    @property
    def left(self) -> int | None:
        """How many of its pieces are left; None when it has no number."""
        return None if self.pieces is None else self.pieces - self.given


class PoolPromise(models.Model):
    """What was fixed when a pool was published: the digest of its seed, the seed itself sealed, and the odds."""

    is_append_only = True
    prize_pool = models.OneToOneField(
        PrizePool, models.PROTECT, related_name="promise", verbose_name=_("pool of prizes")
    )
    seed_digest = models.CharField(_("digest of the seed"), max_length=64, unique=True)
    sealed_seed = models.CharField(_("seed, sealed"), max_length=400)
    terms = models.JSONField(_("terms"))
    made_at = models.DateTimeField(_("published at"))
    made_by = models.CharField(_("published by"), max_length=64)

    class Meta:
        verbose_name = _("promise of a pool")
        verbose_name_plural = _("promises of pools")

    def __str__(self) -> str:
        return self.seed_digest[:12]


class PoolDraw(models.Model):
    """What one number drew: a prize or nothing, and which prizes were out when it did (their places in the order, from 1)."""

    is_append_only = True
    prize_pool = models.ForeignKey(
        PrizePool, models.PROTECT, related_name="draws", verbose_name=_("pool of prizes"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"))
    member = models.ForeignKey(Member, models.PROTECT, related_name="pool_draws", verbose_name=_("member"))
    ticket = models.OneToOneField(
        "rewards.Redemption", models.PROTECT, related_name="pool_draw", verbose_name=_("redeemed as")
    )
    out = models.JSONField(_("prizes that were out"), default=list)
    prize = models.ForeignKey(
        PoolPrize, models.PROTECT, null=True, blank=True, related_name="draws", verbose_name=_("prize")
    )
    redemption = models.OneToOneField(
        "rewards.Redemption", models.PROTECT, null=True, blank=True, related_name="won_by_chance",
        verbose_name=_("redemption"),
    )  # fmt: skip
    credit = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="pool_draw", verbose_name=_("ledger entry")
    )
    drawn_at = models.DateTimeField(_("drawn at"))

    class Meta:
        verbose_name = _("number of a pool")
        verbose_name_plural = _("numbers of pools")
        ordering = ["prize_pool", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["prize_pool", "number"], name="pool_number_drawn_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="pool_numbered_from_one"),
            models.CheckConstraint(
                condition=Q(prize__isnull=True, redemption__isnull=True, credit__isnull=True)
                | Q(prize__isnull=False, redemption__isnull=False, credit__isnull=True)
                | Q(prize__isnull=False, redemption__isnull=True, credit__isnull=False),
                name="pool_prize_is_given_with_its_number",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class PoolResult(models.Model):
    """The seed of a pool that was closed, for everybody to see, and how many numbers were drawn from it."""

    is_append_only = True
    prize_pool = models.OneToOneField(
        PrizePool, models.PROTECT, related_name="result", verbose_name=_("pool of prizes")
    )
    seed = models.CharField(_("seed"), max_length=64)
    numbers = models.PositiveIntegerField(_("numbers drawn"))
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.CharField(_("closed by"), max_length=64)

    class Meta:
        verbose_name = _("result of a pool")
        verbose_name_plural = _("results of pools")

    def __str__(self) -> str:
        return self.seed[:12]
