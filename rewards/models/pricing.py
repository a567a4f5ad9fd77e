"""What a reward costs some members, or at some times, and how many of it each store has."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.pos.models import Store
from members.models import Tier
from members.segments.models import Segment
from rewards.models.catalogue import Reward
from rewards.models.spans import season_order


class RewardPrice(models.Model):
    """Another price of a reward: for a tier and those above, for a segment, for a time, or for a season of every year."""

    reward = models.ForeignKey(Reward, models.CASCADE, related_name="prices", verbose_name=_("reward"))
    cost = models.BigIntegerField(_("cost"), help_text=_("In the wallet's smallest unit."))
    money = models.DecimalField(_("and in money"), max_digits=14, decimal_places=2, default=0)
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, verbose_name=_("from tier"))
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True, verbose_name=_("segment"))
    since = models.DateTimeField(_("from"), null=True, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    season_from = models.CharField(_("every year from"), max_length=5, blank=True)
    season_until = models.CharField(_("every year until"), max_length=5, blank=True)

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["reward_id", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(cost__gt=0), name="price_cost_is_positive"),
            models.CheckConstraint(condition=Q(money__gte=0), name="price_money_not_negative"),
            models.CheckConstraint(condition=season_order(), name="price_season_begins_and_ends"),
            models.CheckConstraint(
                condition=Q(since__isnull=True) | Q(until__isnull=True) | Q(since__lt=F("until")),
                name="price_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return str(self.cost)


class StoreStock(models.Model):
    """How many of a reward one store has. Members of a reward that has these choose where they collect it."""

    reward = models.ForeignKey(Reward, models.CASCADE, related_name="store_stocks", verbose_name=_("reward"))
    store = models.ForeignKey(Store, models.PROTECT, related_name="reward_stocks", verbose_name=_("store"))
    stock = models.PositiveIntegerField(_("stock"))
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)

    class Meta:
        verbose_name = _("stock of a store")
        verbose_name_plural = _("stocks of stores")
        ordering = ["reward_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["reward", "store"], name="store_stock_once_per_reward"),
            models.CheckConstraint(condition=Q(taken__lte=F("stock")), name="store_taken_within_stock"),
        ]

    def __str__(self) -> str:
        return str(self.store)

    @property
    def left(self) -> int:
        """How many can still be redeemed there."""
        return self.stock - self.taken


class RewardPopularity(models.Model):
    """How many members of a tier chose a reward lately; counted nightly for the recommendations."""

    reward = models.ForeignKey(Reward, models.CASCADE, related_name="popularity", verbose_name=_("reward"))
    tier = models.ForeignKey(Tier, models.CASCADE, verbose_name=_("tier"))
    members = models.PositiveIntegerField(_("members"))

    class Meta:
        verbose_name = _("popularity of a reward")
        verbose_name_plural = _("popularity of rewards")
        constraints = [models.UniqueConstraint(fields=["reward", "tier"], name="popularity_once_per_tier")]

    def __str__(self) -> str:
        return f"{self.reward_id} {self.tier_id}: {self.members}"
