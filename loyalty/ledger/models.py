"""The books: programs, wallets, accounts, and the entries, lots and allocations that every point is traced through.

Amounts are integers in the wallet's smallest unit. Entries and allocations are never updated or deleted (triggers in
`triggers.py` see to it); lots and accounts carry what is left, and `checking.py` proves that it equals the entries.
"""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named


class Program(Named):
    """One loyalty scheme: its clock, its money, its rounding (DOMAIN 1)."""

    class BaseRules(models.TextChoices):
        BEST = "best", _("the best one counts")
        SUM = "sum", _("they add up")

    class Rounding(models.TextChoices):
        FLOOR = "floor", _("down")
        HALF_UP = "half_up", _("half up")
        CEILING = "ceiling", _("up")

    slug = models.SlugField(_("short name"), unique=True)
    time_zone = models.CharField(_("program clock"), max_length=64, default="Asia/Jakarta")
    currency = models.CharField(_("currency"), max_length=3, default="IDR")
    base_rules = models.CharField(_("several base rules"), max_length=4, choices=BaseRules, default=BaseRules.BEST)
    rounding = models.CharField(_("rounding"), max_length=8, choices=Rounding, default=Rounding.FLOOR)
    earns_on_tax = models.BooleanField(_("earns on tax"), default=True)
    earns_on_delivery = models.BooleanField(_("earns on delivery"), default=False)
    terms = models.TextField(_("terms"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("program")
        verbose_name_plural = _("programs")
        ordering = ["id"]


class Wallet(models.Model):
    """One kind of points in a program, with its names, worth and policies (DOMAIN 1, 9.1)."""

    class DebtPolicy(models.TextChoices):
        PENDING_ONLY = "pending", _("take from pending points only")
        FLOOR = "floor", _("stop at zero and write the rest off")
        DEBT = "debt", _("let the member owe the rest")

    program = models.ForeignKey(Program, models.PROTECT, related_name="wallets", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    unit = models.CharField(_("name of one"), max_length=40, default="point")
    unit_id = models.CharField(_("name of one in Indonesian"), max_length=40, blank=True)
    unit_ms = models.CharField(_("name of one in Malay"), max_length=40, blank=True)
    units = models.CharField(_("name of many"), max_length=40, default="points")
    units_id = models.CharField(_("name of many in Indonesian"), max_length=40, blank=True)
    units_ms = models.CharField(_("name of many in Malay"), max_length=40, blank=True)
    decimals = models.PositiveSmallIntegerField(_("decimals"), default=0)
    is_main = models.BooleanField(_("main wallet"), default=False)
    money_per_unit = models.DecimalField(
        _("money value of one"),
        max_digits=14,
        decimal_places=6,
        default=Decimal("0"),
        help_text=_("In the program's currency."),
    )
    notice_days = models.PositiveSmallIntegerField(_("days of notice before expiry"), default=14)
    activation_days = models.PositiveSmallIntegerField(_("days until points can be spent"), default=0)
    debt_policy = models.CharField(
        _("when returned goods leave too few points"), max_length=8, choices=DebtPolicy, default=DebtPolicy.DEBT
    )
    debt_limit = models.BigIntegerField(_("most a member may owe"), null=True, blank=True)

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        ordering = ["program_id", "-is_main", "id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="wallet_slug_once_per_program"),
            models.UniqueConstraint(fields=["program"], condition=Q(is_main=True), name="one_main_wallet_per_program"),
            models.CheckConstraint(condition=Q(decimals__lte=6), name="wallet_at_most_six_decimals"),
            models.CheckConstraint(condition=Q(money_per_unit__gte=0), name="wallet_worth_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.program}: {self.units}"


class ExpiryPolicy(models.Model):
    """One version of how long a wallet's points live. The highest version counts for new lots (DOMAIN 9.1, 9.4)."""

    class Kind(models.TextChoices):
        NEVER = "never", _("never")
        DAYS = "days", _("days after activation")
        MONTHS = "months", _("months after activation")
        YEARS = "years", _("years after activation")
        FIXED_DATE = "date", _("on a fixed date")
        INACTIVITY = "inactivity", _("months without activity")

    class RoundTo(models.TextChoices):
        DAY = "", _("the day itself")
        MONTH = "month", _("end of the month")
        QUARTER = "quarter", _("end of the quarter")
        YEAR = "year", _("end of the year")

    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="expiry_policies", verbose_name=_("wallet"))
    version = models.PositiveIntegerField(_("version"))
    kind = models.CharField(_("points expire"), max_length=12, choices=Kind, default=Kind.NEVER)
    count = models.PositiveIntegerField(_("how many"), default=0)
    last_day = models.DateField(_("last valid day"), null=True, blank=True)
    round_to = models.CharField(_("rounded to"), max_length=8, choices=RoundTo, default=RoundTo.DAY, blank=True)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=64)

    class Meta:
        verbose_name = _("expiry policy")
        verbose_name_plural = _("expiry policies")
        ordering = ["wallet_id", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "version"], name="expiry_policy_version_once_per_wallet"),
            models.CheckConstraint(
                condition=Q(kind__in=["never", "date"]) | Q(count__gt=0), name="expiry_policy_counts_something"
            ),
            models.CheckConstraint(
                condition=~Q(kind="date") | Q(last_day__isnull=False), name="expiry_policy_date_has_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wallet} v{self.version}"


class Account(models.Model):
    """One position in one wallet. The cached figures always equal the ledger (laws of the books 1 and 4)."""

    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="accounts", verbose_name=_("wallet"))
    opened_at = models.DateTimeField(_("opened at"))
    available = models.BigIntegerField(_("available"), default=0)
    pending = models.BigIntegerField(_("pending"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    debt = models.BigIntegerField(_("debt"), default=0)
    last_number = models.BigIntegerField(_("number of its last entry"), default=0)
    last_hash = models.BinaryField(_("hash of its last entry"), max_length=32, default=b"")

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
            models.UniqueConstraint(fields=["account", "reference", "kind"], name="entry_once_per_reference"),
            models.CheckConstraint(condition=Q(number__gt=0), name="entry_number_positive"),
            models.CheckConstraint(
                condition=(Q(kind__in=["accrual", "reversal", "reinstatement"], amount__gt=0))
                | (Q(kind__in=["redemption", "expiry", "claw_back"], amount__lt=0))
                | Q(kind__in=["adjustment", "transfer", "extension", "write_off"]),
                name="entry_sign_fits_its_kind",
            ),
        ]
        indexes = [
            models.Index(fields=["recorded_at", "kind"], name="entry_by_recording"),
            models.Index(fields=["corrects"], condition=Q(corrects__isnull=False), name="entry_by_corrected"),
            models.Index(fields=["reference"], name="entry_by_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.number}"


class Lot(models.Model):
    """The points of one credit, and what became of each of them (laws of the books 2).

    `available_at` is empty until a confirming event when `confirm_by` is set (DOMAIN 4). `expires_at` is exclusive and
    empty for points that never expire.
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
            models.Index(fields=["account", "-id"], name="lot_by_account"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Allocation(models.Model):
    """How much one debit took from one lot, or how much one reversal gave back to it. Always positive."""

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
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}:{self.lot_id}"
