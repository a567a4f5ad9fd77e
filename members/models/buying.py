"""What members did: purchases with their lines, goods that came back, and events."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members.models.people import Member
from members.models.tiers import Tier


class Purchase(models.Model):
    """One sale as the till or shop reported it. A sale keeps its rate, tier and rule version for ever (DOMAIN 3.6).

    `total` is what was paid after discounts; `eligible` is the part that earns. `digest` tells a retry (same content)
    from a conflict (same receipt, other content). `refunded` and `points_returned` add up its refunds so far.
    """

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="purchases", verbose_name=_("program"), db_index=False
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="purchases", verbose_name=_("member"), db_index=False
    )
    source = models.CharField(_("source"), max_length=32)
    receipt = models.CharField(_("receipt"), max_length=80)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, verbose_name=_("store"))
    channel = models.CharField(_("channel"), max_length=16, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    items = models.PositiveIntegerField(_("items"), default=0)
    total = models.DecimalField(_("total"), max_digits=16, decimal_places=2)
    eligible = models.DecimalField(_("earning part"), max_digits=16, decimal_places=2)
    tier = models.ForeignKey(Tier, models.PROTECT, verbose_name=_("tier at the time"), db_index=False)
    points = models.BigIntegerField(_("points earned"), default=0)
    qualifying_points = models.BigIntegerField(_("qualifying points"), default=0)
    qualifying_spend = models.DecimalField(_("qualifying spend"), max_digits=16, decimal_places=2, default=Decimal("0"))
    refunded = models.DecimalField(_("refunded"), max_digits=16, decimal_places=2, default=Decimal("0"))
    points_returned = models.BigIntegerField(_("points taken back"), default=0)
    digest = models.CharField(_("digest of the content"), max_length=64)
    payment = models.CharField(_("paid with"), max_length=16, blank=True)
    explanation = models.JSONField(_("why it earned nothing"), null=True, blank=True)

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "source", "receipt"], name="receipt_once_per_source"),
            models.CheckConstraint(condition=Q(total__gte=0, eligible__gte=0), name="purchase_amounts_not_negative"),
            models.CheckConstraint(condition=Q(points__gte=0), name="purchase_points_not_negative"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("total")), name="refunds_within_the_total"
            ),
            models.CheckConstraint(
                condition=Q(points_returned__gte=0, points_returned__lte=F("points")), name="returned_within_the_points"
            ),
        ]
        indexes = [
            models.Index(
                fields=["member", "occurred_at"],
                include=["qualifying_points", "qualifying_spend", "refunded"],
                name="purchase_by_member",
            ),
            models.Index(fields=["program", "occurred_at"], name="purchase_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.receipt}"


class PurchaseLine(models.Model):
    """One line of a purchase, kept when the till sent lines; a purchase without them is its own single line.

    `refunded` is its part of what came back of the purchase so far.
    """

    purchase = models.ForeignKey(
        Purchase, models.PROTECT, related_name="lines", verbose_name=_("purchase"), db_index=False
    )
    number = models.PositiveIntegerField(_("line"))
    product = models.CharField(_("product"), max_length=80, blank=True)
    category = models.CharField(_("category"), max_length=80, blank=True)
    brand = models.CharField(_("brand"), max_length=80, blank=True, default="", db_default="")
    collection = models.CharField(_("collection"), max_length=80, blank=True, default="", db_default="")
    supplier = models.CharField(_("supplier"), max_length=80, blank=True, default="", db_default="")
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3, default=Decimal("1"))
    amount = models.DecimalField(_("amount after discount"), max_digits=16, decimal_places=2)
    eligible = models.DecimalField(_("earning part"), max_digits=16, decimal_places=2)
    points = models.BigIntegerField(_("points earned"), default=0)
    refunded = models.DecimalField(
        _("refunded"), max_digits=16, decimal_places=2, default=Decimal("0"), db_default=Decimal("0")
    )

    class Meta:
        verbose_name = _("purchase line")
        verbose_name_plural = _("purchase lines")
        ordering = ["purchase_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["purchase", "number"], name="line_number_once_per_purchase"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="line_quantity_positive"),
            models.CheckConstraint(condition=Q(amount__gte=0, eligible__gte=0), name="line_amounts_not_negative"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("amount")), name="refunds_within_the_line"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id}/{self.number}"


class Refund(models.Model):
    """Goods of an order that came back, told by (order, number) for ever; without its purchase it waits (DOMAIN 12.1).

    `points` is what it takes back of what the order earned, `qualifying_...` what it takes from the tier progress.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waits for its purchase")
        APPLIED = "applied", _("applied")
        REFUSED = "refused", _("refused")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="refunds", verbose_name=_("program"), db_index=False
    )
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, null=True, blank=True, related_name="refunds", verbose_name=_("purchase")
    )
    source = models.CharField(_("source"), max_length=32)
    receipt = models.CharField(_("receipt"), max_length=80)
    number = models.CharField(_("refund number"), max_length=80)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.APPLIED)
    refusal = models.CharField(_("why refused"), max_length=64, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.CharField(_("recorded by"), max_length=64)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    lines = models.JSONField(_("lines"), default=list, blank=True)
    amount = models.DecimalField(_("amount"), max_digits=16, decimal_places=2, default=Decimal("0"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    points = models.BigIntegerField(_("points taken back"), default=0)
    qualifying_points = models.BigIntegerField(_("qualifying points"), default=0)
    qualifying_spend = models.DecimalField(_("qualifying spend"), max_digits=16, decimal_places=2, default=Decimal("0"))
    digest = models.CharField(_("digest of the content"), max_length=64)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "source", "receipt", "number"], name="refund_once_per_order"),
            models.CheckConstraint(condition=Q(amount__gte=0, points__gte=0), name="refund_takes_back_not_less"),
            models.CheckConstraint(
                condition=~Q(status="applied") | Q(purchase__isnull=False), name="refund_applied_to_its_purchase"
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", applied_at__isnull=True)
                | (~Q(status="waiting") & Q(applied_at__isnull=False)),
                name="refund_waits_or_was_applied",
            ),
        ]
        indexes = [
            models.Index(fields=["program", "-occurred_at"], name="refund_by_day"),
            models.Index(
                fields=["program", "source", "receipt"], condition=Q(status="waiting"), name="refund_that_waits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.receipt}/{self.number}"

    @property
    def reference(self) -> str:
        """How the references of what this refund takes back begin in the books."""
        return f"refund:{self.pk}"


class Confirmation(models.Model):
    """What the shop reported of an order that points waited for, such as its delivery: once per order and kind (DOMAIN 4.1).

    Without its purchase it waits. It is `late` when all points that waited for it had lapsed; `points` is what it made spendable.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waits for its purchase")
        APPLIED = "applied", _("applied")
        LATE = "late", _("came too late")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="confirmations", verbose_name=_("program"), db_index=False
    )
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, null=True, blank=True, related_name="confirmations", verbose_name=_("purchase")
    )
    source = models.CharField(_("source"), max_length=32)
    receipt = models.CharField(_("receipt"), max_length=80)
    kind = models.SlugField(_("event"), max_length=40, db_index=False)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.APPLIED)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.CharField(_("recorded by"), max_length=64)
    points = models.BigIntegerField(_("points confirmed"), default=0)

    class Meta:
        verbose_name = _("confirmation")
        verbose_name_plural = _("confirmations")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "source", "receipt", "kind"], name="confirmation_once_per_order_and_kind"
            ),
            models.CheckConstraint(condition=Q(points__gte=0), name="confirmation_points_not_negative"),
            models.CheckConstraint(
                condition=Q(status="waiting", purchase__isnull=True)
                | (~Q(status="waiting") & Q(purchase__isnull=False)),
                name="confirmation_waits_or_has_its_purchase",
            ),
        ]
        indexes = [
            models.Index(fields=["program", "-occurred_at"], name="confirmation_by_day"),
            models.Index(
                fields=["program", "source", "receipt"], condition=Q(status="waiting"), name="confirmation_that_waits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.receipt}/{self.kind}"

    @property
    def reference(self) -> str:
        """How the references of what this confirms begin in the books."""
        return f"confirmation:{self.pk}"


class Event(models.Model):
    """Something a member did that is no purchase: a sign-up, a review, a visit, any custom kind (DOMAIN 3.1).

    `points` is what it earned, also of one that was taken back since. Its `explanation` stands with its credit in the books; here it is
    kept where there is none, or where it was reckoned again.
    """

    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="events", verbose_name=_("member"), db_index=False)
    source = models.CharField(_("source"), max_length=32)
    key = models.CharField(_("event key"), max_length=80)
    kind = models.SlugField(_("kind"), max_length=40)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    points = models.BigIntegerField(_("points earned"), default=0)
    taken_back_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    explanation = models.JSONField(_("explanation"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["program", "source", "key"], name="event_once_per_source")]
        indexes = [models.Index(fields=["member", "occurred_at"], name="event_by_member")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
