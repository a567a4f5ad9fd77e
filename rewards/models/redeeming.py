"""What members redeemed, and the vouchers they hold."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.ids import show_code
from loyalty.ledger.models import Account, Entry, Program
from loyalty.pos.models import Store
from members.models import Member
from rewards.models.catalogue import Reward


class Redemption(models.Model):
    """One reward taken by one member: issued, then used, cancelled or expired (DOMAIN 7.2).

    Paid with points by an entry of the books; one that was given as a prize cost nothing and has no entry.
    """

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
    entry = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="redemption", verbose_name=_("ledger entry")
    )
    reversal = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="cancelled_redemption", verbose_name=_("reversal")
    )
    reference = models.CharField(_("reference"), max_length=120)
    cost = models.BigIntegerField(_("cost"))
    to_pay = models.DecimalField(_("to pay besides"), max_digits=14, decimal_places=2, default=0)
    store = models.ForeignKey(
        Store, models.PROTECT, null=True, blank=True, related_name="redemptions", verbose_name=_("collected at")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ISSUED)
    redeemed_at = models.DateTimeField(_("redeemed at"))
    ended_at = models.DateTimeField(_("used, cancelled or expired at"), null=True, blank=True)
    ended_by = models.CharField(_("by"), max_length=64, blank=True)
    # What the account held right after this redemption (a `statements.Balance`); known only to the call that made it.
    balance: Any = None
    # What the member chose besides the reward (`rewards.kinds.base.Chosen`); known only to the call that makes it.
    chosen: Any = None

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "reference"], name="redemption_once_per_reference"),
            models.CheckConstraint(
                condition=Q(cost__gt=0, entry__isnull=False) | Q(cost=0, entry__isnull=True),
                name="redemption_paid_or_given",
            ),
            models.CheckConstraint(
                condition=Q(status="issued", ended_at__isnull=True) | (~Q(status="issued") & Q(ended_at__isnull=False)),
                name="redemption_ended_when_not_issued",
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", entry__isnull=False, reversal__isnull=False)
                | Q(status="cancelled", entry__isnull=True, reversal__isnull=True)
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
    uses_allowed = models.PositiveSmallIntegerField(_("uses allowed"), default=1)
    uses = models.PositiveSmallIntegerField(_("uses"), default=0)
    # Of a gift card: the money it began with and the money left; empty for every other voucher.
    value = models.DecimalField(_("worth"), max_digits=14, decimal_places=2, null=True, blank=True)
    left = models.DecimalField(_("left of it"), max_digits=14, decimal_places=2, null=True, blank=True)
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
            models.CheckConstraint(condition=Q(uses__lte=F("uses_allowed")), name="voucher_uses_within_allowed"),
            models.CheckConstraint(
                condition=Q(value__isnull=True, left__isnull=True)
                | Q(value__isnull=False, left__isnull=False, value__gt=0, left__gte=0, left__lte=F("value")),
                name="voucher_left_within_its_worth",
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(is_live=True), name="voucher_live_by_end")]

    def __str__(self) -> str:
        return self.shown_code[:4] + "…"

    @property
    def shown_code(self) -> str:
        """The code in groups of four."""
        return show_code(self.code)


class VoucherUse(models.Model):
    """One use of a voucher at a till, for a receipt; released when the till took it back."""

    voucher = models.ForeignKey(Voucher, models.PROTECT, related_name="times_used", verbose_name=_("voucher"))
    used_at = models.DateTimeField(_("used at"))
    till = models.CharField(_("till"), max_length=64)
    receipt = models.CharField(_("receipt"), max_length=80)
    used_by = models.CharField(_("by"), max_length=64)
    amount = models.DecimalField(_("paid with it"), max_digits=14, decimal_places=2, null=True, blank=True)
    released_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    released_by = models.CharField(_("taken back by"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("use of a voucher")
        verbose_name_plural = _("uses of vouchers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["voucher", "till", "receipt"],
                condition=Q(released_at__isnull=True),
                name="voucher_used_once_per_receipt",
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gt=0), name="voucher_use_pays_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.till} / {self.receipt}"
