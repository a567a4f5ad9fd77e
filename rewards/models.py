"""Rewards, what members redeemed, and the vouchers they hold."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.ids import show_code
from loyalty.common.languages import Named, in_language
from loyalty.ledger.models import Account, Entry, Program, Wallet
from members.models import Member, Tier


class Reward(Named):
    """Something members can get for points, while it lasts and while it is offered."""

    class Kind(models.TextChoices):
        DISCOUNT = "discount", _("discount")
        PRODUCT = "product", _("free product")
        SERVICE = "service", _("free service")
        SHIPPING = "shipping", _("free shipping")
        DONATION = "donation", _("donation")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="rewards", verbose_name=_("program"), db_index=False
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, verbose_name=_("paid from"))
    slug = models.SlugField(_("short name"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.DISCOUNT)
    summary = models.CharField(_("what the member gets"), max_length=200)
    summary_id = models.CharField(_("what the member gets, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what the member gets, in Malay"), max_length=200, blank=True)
    cost = models.BigIntegerField(_("cost"), help_text=_("In the wallet's smallest unit."))
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True, help_text=_("Empty: unlimited."))
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)
    offered_from = models.DateTimeField(_("offered from"), null=True, blank=True)
    offered_until = models.DateTimeField(
        _("offered until"), null=True, blank=True, help_text=_("The first instant it is no longer offered.")
    )
    limit_per_member = models.PositiveIntegerField(
        _("limit per member"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    minimum_tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, verbose_name=_("from tier"))
    voucher_days = models.PositiveIntegerField(_("voucher valid for days"), default=30)
    unit_cost = models.DecimalField(_("cost to us in money"), max_digits=14, decimal_places=2, default=0)
    position = models.PositiveIntegerField(_("position in the catalogue"), default=100)
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
            models.CheckConstraint(condition=Q(voucher_days__gt=0), name="reward_voucher_lasts"),
            models.CheckConstraint(
                condition=Q(offered_from__isnull=True)
                | Q(offered_until__isnull=True)
                | Q(offered_from__lt=F("offered_until")),
                name="reward_offer_ends_after_it_began",
            ),
        ]

    @property
    def left(self) -> int | None:
        """How many can still be redeemed; None when unlimited."""
        return None if self.stock is None else self.stock - self.taken

    @property
    def shown_summary(self) -> str:
        """What the member gets, in the reader's language."""
        return in_language(self, "summary")


class Redemption(models.Model):
    """One reward taken by one member: issued, then used, cancelled or expired (DOMAIN 7.2)."""

    class Status(models.TextChoices):
        ISSUED = "issued", _("ready to use")
        USED = "used", _("used")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("expired")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="redemptions", verbose_name=_("program"), db_index=False
    )
    reward = models.ForeignKey(Reward, models.PROTECT, related_name="redemptions", verbose_name=_("reward"))
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="redemptions", verbose_name=_("member"), db_index=False
    )
    account = models.ForeignKey(Account, models.PROTECT, verbose_name=_("account"), db_index=False)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="redemption", verbose_name=_("ledger entry"))
    reversal = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="cancelled_redemption", verbose_name=_("reversal")
    )
    reference = models.CharField(_("reference"), max_length=120)
    cost = models.BigIntegerField(_("cost"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ISSUED)
    redeemed_at = models.DateTimeField(_("redeemed at"))
    ended_at = models.DateTimeField(_("used, cancelled or expired at"), null=True, blank=True)
    ended_by = models.CharField(_("by"), max_length=64, blank=True)
    # What the account held right after this redemption (a `statements.Balance`); known only to the call that made it.
    balance: Any = None

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "reference"], name="redemption_once_per_reference"),
            models.CheckConstraint(condition=Q(cost__gt=0), name="redemption_cost_positive"),
            models.CheckConstraint(
                condition=Q(status="issued", ended_at__isnull=True) | (~Q(status="issued") & Q(ended_at__isnull=False)),
                name="redemption_ended_when_not_issued",
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", reversal__isnull=False)
                | (~Q(status="cancelled") & Q(reversal__isnull=True)),
                name="redemption_reversed_when_cancelled",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-id"], name="redemption_by_member"),
            models.Index(
                fields=["member", "reward"], condition=~Q(status="cancelled"), name="redemption_towards_limit"
            ),
            models.Index(fields=["redeemed_at"], name="redemption_by_day"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def state(self, *, at: datetime, voucher: "Voucher | None" = None) -> str:
        """The status at that instant: an unused voucher past its end is expired, marked by a job or not (DOMAIN 2.4)."""
        if self.status == self.Status.ISSUED and (voucher or self.voucher).expires_at <= at:
            return self.Status.EXPIRED
        return self.Status(self.status)


class Voucher(models.Model):
    """The code a member shows. Found by its digest, then compared in constant time (DOMAIN 7.3).

    `is_live` ends in the transaction that uses, cancels or expires the redemption, so sweeps see open ones only.
    """

    redemption = models.OneToOneField(Redemption, models.PROTECT, related_name="voucher", verbose_name=_("redemption"))
    code = models.CharField(_("code"), max_length=32)
    code_digest = models.CharField(_("digest of the code"), max_length=64, unique=True)
    valid_from = models.DateTimeField(_("valid from"))
    expires_at = models.DateTimeField(_("expires at"))
    is_live = models.BooleanField(_("not ended"), default=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    till = models.CharField(_("till"), max_length=64, blank=True)
    receipt = models.CharField(_("receipt"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("voucher")
        verbose_name_plural = _("vouchers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(valid_from__lt=F("expires_at")), name="voucher_ends_after_it_began"),
            models.CheckConstraint(condition=Q(is_live=False) | Q(used_at__isnull=True), name="voucher_used_is_ended"),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(is_live=True), name="voucher_live_by_end")]

    def __str__(self) -> str:
        return self.shown_code[:4] + "…"

    @property
    def shown_code(self) -> str:
        """The code in groups of four."""
        return show_code(self.code)
