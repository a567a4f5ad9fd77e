"""Points that pay at the till: on which terms, each payment, and what of it was given back."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Account, Entry, Hold, Program, Wallet
from loyalty.pos.models import Store
from members.models import Member

HUNDRED = Decimal(100)


class PointsTerms(models.Model):
    """On which terms the points of a wallet pay at the till (DOMAIN 7.4)."""

    wallet = models.OneToOneField(
        Wallet, models.PROTECT, related_name="payment_terms", verbose_name=_("points that pay")
    )
    value = models.DecimalField(_("one is worth"), max_digits=14, decimal_places=6)
    minimum = models.BigIntegerField(_("at least"), default=1, validators=[MinValueValidator(1)])
    step = models.BigIntegerField(_("in steps of"), default=1, validators=[MinValueValidator(1)])
    maximum = models.BigIntegerField(_("at most"), null=True, blank=True, validators=[MinValueValidator(1)])
    share = models.DecimalField(_("share of the bill in percent"), max_digits=5, decimal_places=2, default=HUNDRED)
    hold_minutes = models.PositiveSmallIntegerField(_("set aside for minutes"), default=15)
    is_active = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("terms of paying with points")
        verbose_name_plural = _("terms of paying with points")
        ordering = ["wallet_id"]
        constraints = [
            models.CheckConstraint(condition=Q(value__gt=0), name="points_terms_have_a_value"),
            models.CheckConstraint(condition=Q(minimum__gt=0, step__gt=0), name="points_terms_minimum_and_step"),
            models.CheckConstraint(
                condition=Q(maximum__isnull=True) | Q(maximum__gte=F("minimum")),
                name="points_terms_maximum_above_minimum",
            ),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=100), name="points_terms_share_of_the_bill"),
            models.CheckConstraint(
                condition=Q(hold_minutes__gt=0, hold_minutes__lte=1440), name="points_terms_hold_within_a_day"
            ),
        ]

    def __str__(self) -> str:
        return str(self.wallet)


class PointsPayment(models.Model):
    """Points that pay a part of one bill: held, then captured with the receipt or released (DOMAIN 5.3).

    What became of it is what became of its hold (`loyalty.ledger.holds.state`). `money` is what `points` pay, `basket`
    the whole bill.
    """

    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="points_payments", verbose_name=_("member"), db_index=False
    )
    account = models.ForeignKey(Account, models.PROTECT, verbose_name=_("account"), db_index=False)
    hold = models.OneToOneField(Hold, models.PROTECT, related_name="payment", verbose_name=_("hold"))
    reference = models.CharField(_("reference"), max_length=120)
    points = models.BigIntegerField(_("points"))
    money = models.DecimalField(_("paid with points"), max_digits=14, decimal_places=2)
    basket = models.DecimalField(_("bill"), max_digits=14, decimal_places=2)
    till = models.CharField(_("till"), max_length=64, blank=True)
    store = models.ForeignKey(
        Store, models.PROTECT, null=True, blank=True, related_name="points_payments", verbose_name=_("store")
    )
    source = models.CharField(_("source"), max_length=32, blank=True)
    receipt = models.CharField(_("receipt"), max_length=80, blank=True)
    captured_at = models.DateTimeField(_("captured at"), null=True, blank=True)
    points_back = models.BigIntegerField(_("points given back"), default=0)
    money_back = models.DecimalField(_("money given back"), max_digits=14, decimal_places=2, default=0)

    class Meta:
        verbose_name = _("payment with points")
        verbose_name_plural = _("payments with points")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "reference"], name="points_payment_once_per_reference"),
            models.UniqueConstraint(
                fields=["program", "source", "receipt", "account"], condition=Q(captured_at__isnull=False),
                name="points_payment_once_per_receipt",
            ),
            models.CheckConstraint(condition=Q(points__gt=0, money__gt=0), name="points_payment_pays_something"),
            models.CheckConstraint(condition=Q(money__lte=F("basket")), name="points_payment_within_the_bill"),
            models.CheckConstraint(
                condition=Q(captured_at__isnull=True, receipt="") | (Q(captured_at__isnull=False) & ~Q(receipt="")),
                name="points_payment_captured_with_a_receipt",
            ),
            models.CheckConstraint(
                condition=Q(points_back=0, money_back=0)
                | Q(captured_at__isnull=False, points_back__gte=0, points_back__lte=F("points"),
                    money_back__gt=0, money_back__lte=F("money")),
                name="points_payment_gives_back_within_it",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["member", "-id"], name="points_payment_by_member")]

    def __str__(self) -> str:
        return self.reference


class PointsGivenBack(models.Model):
    """A part of a payment given back because goods came back; its points are in their lots again (DOMAIN 3.6)."""

    payment = models.ForeignKey(
        PointsPayment, models.PROTECT, related_name="given_back", verbose_name=_("payment"), db_index=False
    )
    number = models.CharField(_("number"), max_length=80)
    money = models.DecimalField(_("money"), max_digits=14, decimal_places=2)
    points = models.BigIntegerField(_("points"))
    entry = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="points_given_back", verbose_name=_("ledger entry")
    )
    given_at = models.DateTimeField(_("given back at"))
    given_by = models.CharField(_("by"), max_length=64)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("points given back")
        verbose_name_plural = _("points given back")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["payment", "number"], name="points_given_back_once_per_number"),
            models.CheckConstraint(
                condition=Q(money__gt=0, points__gt=0, entry__isnull=False)
                | Q(money__gt=0, points=0, entry__isnull=True),
                name="points_given_back_by_an_entry",
            ),
        ]

    def __str__(self) -> str:
        return self.number
