"""Birthday gifts of the tiers, as data, and who was given one (DOMAIN 8, 10.3)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Entry
from members.models import Member, Tier
from rewards.models import Redemption, Reward


class BirthdayGift(models.Model):
    """What members of a tier are given on their birthday: points, a reward, or both."""

    tier = models.OneToOneField(Tier, models.PROTECT, related_name="birthday_gift", verbose_name=_("tier"))
    points = models.PositiveIntegerField(
        _("points"),
        default=0,
        help_text=_("Whole points of the main wallet. Edited with the tiers, through a preview."),
    )
    reward = models.ForeignKey(
        Reward, models.PROTECT, null=True, blank=True, verbose_name=_("reward"), help_text=_("Given as a voucher.")
    )

    class Meta:
        verbose_name = _("birthday gift")
        verbose_name_plural = _("birthday gifts")
        ordering = ["tier__program_id", "tier__rank"]

    def __str__(self) -> str:
        return str(self.tier)


class GiftGiven(models.Model):
    """One birthday gift of one member. `owed` says why a reward could not be given; it can be given later."""

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="gifts_given", verbose_name=_("member"), db_index=False
    )
    tier = models.ForeignKey(Tier, models.PROTECT, verbose_name=_("tier"))
    year = models.PositiveSmallIntegerField(_("year"))
    birthday_at = models.DateTimeField(_("birthday"))
    given_at = models.DateTimeField(_("given at"))
    points = models.BigIntegerField(_("points"), default=0)
    entry = models.OneToOneField(Entry, models.PROTECT, null=True, blank=True, verbose_name=_("ledger entry"))
    redemption = models.OneToOneField(
        Redemption, models.PROTECT, null=True, blank=True, related_name="birthday_gift", verbose_name=_("redemption")
    )
    owed = models.CharField(_("not given because"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("birthday gift given")
        verbose_name_plural = _("birthday gifts given")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["member", "year"], name="birthday_gift_once_per_year"),
            models.CheckConstraint(
                condition=Q(points=0, entry__isnull=True) | Q(points__gt=0, entry__isnull=False),
                name="birthday_points_with_their_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.year}"
