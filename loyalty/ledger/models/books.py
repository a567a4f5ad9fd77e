"""Accounts, and the entries, lots and allocations that every point is traced through.

Amounts are integers in the wallet's smallest unit. Entries and allocations are never updated or deleted (triggers in
`triggers.py` see to it); lots and accounts carry what is left, and `checking.py` proves that it equals the entries.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models.programs import ExpiryPolicy, Wallet


class Account(models.Model):
    """One position in one wallet. The cached figures always equal the ledger (laws of the books 1 and 4)."""

    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="accounts", verbose_name=_("wallet"))
    opened_at = models.DateTimeField(_("opened at"))
    available = models.BigIntegerField(_("available"), default=0)
    pending = models.BigIntegerField(_("pending"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    debt = models.BigIntegerField(_("debt"), default=0)
    has_idle_lots = models.BooleanField(_("has points that end by inactivity"), default=False, db_default=False)
    last_number = models.BigIntegerField(_("number of its last entry"), default=0)
    last_hash = models.BinaryField(_("hash of its last entry"), max_length=32, default=b"")
    # On the row itself: who waited for its lock reads what was drawn meanwhile, which a look at the entries would miss.
    last_draw_at = models.DateTimeField(_("last time something drew on it"), null=True, blank=True)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(available__gte=0), name="account_available_not_negative"),
            models.CheckConstraint(condition=Q(pending__gte=0), name="account_pending_not_negative"),
            models.CheckConstraint(condition=Q(held__gte=0), name="account_held_not_negative"),
            models.CheckConstraint(condition=Q(debt__gte=0), name="account_debt_not_negative"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Entry(models.Model):
    """One immutable line of the ledger: what moved, when it was true, when it was known, and why (DOMAIN 1)."""

    is_append_only = True

    class Kind(models.TextChoices):
        ACCRUAL = "accrual", _("earned")
        REDEMPTION = "redemption", _("redeemed")
        EXPIRY = "expiry", _("expired")
        REVERSAL = "reversal", _("redemption reversed")
        CLAW_BACK = "claw_back", _("taken back")
        ADJUSTMENT = "adjustment", _("adjusted")
        TRANSFER = "transfer", _("transferred")
        REINSTATEMENT = "reinstatement", _("reinstated")
        EXTENSION = "extension", _("extended")
        WRITE_OFF = "write_off", _("written off")

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="entries", verbose_name=_("account"), db_index=False
    )
    number = models.BigIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    amount = models.BigIntegerField(_("amount"))
    effective_at = models.DateTimeField(_("true from"))
    recorded_at = models.DateTimeField(_("recorded at"))
    source = models.CharField(_("source"), max_length=32)
    reference = models.CharField(_("reference"), max_length=160)
    actor = models.CharField(_("actor"), max_length=64)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    explanation = models.JSONField(_("explanation"), default=dict)
    corrects = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="corrections",
        verbose_name=_("corrects"),
        db_index=False,
    )
    hash = models.BinaryField(_("hash"), max_length=32)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="entry_number_once_per_account"),
            models.UniqueConstraint(fields=["reference", "account", "kind"], name="entry_once_per_reference"),
            models.CheckConstraint(condition=Q(number__gt=0), name="entry_number_positive"),
            models.CheckConstraint(
                condition=(Q(kind__in=["accrual", "reversal", "reinstatement"], amount__gt=0))
                | (Q(kind__in=["redemption", "expiry"], amount__lt=0))
                | (Q(kind="claw_back", amount__lte=0))
                | Q(kind__in=["adjustment", "transfer", "extension", "write_off"]),
                name="entry_sign_fits_its_kind",
            ),
        ]
        indexes = [
            models.Index(fields=["recorded_at", "kind"], name="entry_by_recording"),
            models.Index(fields=["corrects"], condition=Q(corrects__isnull=False), name="entry_by_corrected"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.number}"


class Lot(models.Model):
    """The points of one credit, and what became of each of them (laws of the books 2).

    `available_at` is empty until a confirming event when `confirm_by` is set (DOMAIN 4); until then the points end at
    `confirm_by`. `expires_at` is exclusive and empty for points that never expire.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="lots", verbose_name=_("account"), db_index=False)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="lot", verbose_name=_("entry"))
    granted_at = models.DateTimeField(_("granted at"))
    available_at = models.DateTimeField(_("can be spent from"), null=True, blank=True)
    confirm_by = models.DateTimeField(_("to be confirmed by"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    is_pending = models.BooleanField(_("pending"), default=False)
    rule_version = models.CharField(_("rule version"), max_length=160, blank=True)
    expiry_policy = models.ForeignKey(
        ExpiryPolicy, models.PROTECT, null=True, blank=True, verbose_name=_("expiry policy"), db_index=False
    )
    granted = models.BigIntegerField(_("granted"))
    returned = models.BigIntegerField(_("returned"), default=0)
    remaining = models.BigIntegerField(_("remaining"))
    held = models.BigIntegerField(_("held"), default=0)
    redeemed = models.BigIntegerField(_("redeemed"), default=0)
    expired = models.BigIntegerField(_("expired"), default=0)
    clawed_back = models.BigIntegerField(_("taken back"), default=0)
    forfeited = models.BigIntegerField(_("forfeited"), default=0)

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(granted__gt=0), name="lot_granted_positive"),
            models.CheckConstraint(condition=Q(remaining__gte=0), name="lot_remaining_not_negative"),
            models.CheckConstraint(
                condition=Q(held__gte=0) & Q(held__lte=F("remaining")), name="lot_held_within_remaining"
            ),
            models.CheckConstraint(
                condition=Q(returned__gte=0, redeemed__gte=0, expired__gte=0, clawed_back__gte=0, forfeited__gte=0),
                name="lot_parts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    remaining=F("granted")
                    + F("returned")
                    - F("redeemed")
                    - F("expired")
                    - F("clawed_back")
                    - F("forfeited")
                ),
                name="lot_parts_add_up",
            ),
            models.CheckConstraint(
                condition=Q(available_at__isnull=False)
                | Q(confirm_by__isnull=False, expires_at__isnull=False, expires_at=F("confirm_by"), is_pending=True),
                name="lot_unconfirmed_ends_at_its_confirm_by",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "expires_at", "available_at", "id"],
                condition=Q(remaining__gt=0),
                name="lot_open_in_burn_order",
            ),
            models.Index(
                fields=["expires_at", "id"],
                condition=Q(remaining__gt=0, expires_at__isnull=False),
                name="lot_open_by_expiry",
            ),
            models.Index(
                fields=["available_at", "account"], condition=Q(is_pending=True), name="lot_pending_by_activation"
            ),
            # Only points that began later than they were given: the others are found by their entries.
            models.Index(
                fields=["available_at", "account"],
                condition=Q(available_at__gt=F("granted_at")),
                name="lot_begun_later",
            ),
            models.Index(fields=["account", "-id"], name="lot_by_account"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Allocation(models.Model):
    """How much one debit took from one lot, or how much one reversal gave back to it. Always positive."""

    is_append_only = True

    entry = models.ForeignKey(
        Entry, models.PROTECT, related_name="allocations", verbose_name=_("entry"), db_index=False
    )
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="allocations", verbose_name=_("lot"))
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "lot"], name="allocation_once_per_entry_and_lot"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}:{self.lot_id}"
