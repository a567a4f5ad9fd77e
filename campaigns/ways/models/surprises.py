"""Budgets of surprises, and what each change took of them (DOMAIN 3.4, 10.3)."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program


class SurpriseBudget(models.Model):
    """Most that surprises may give from it, in points and in money; what surprises give back when they are undone is there again.

    `spent_points` is in the main wallet's smallest unit, `spent_money` is what those points were worth when they were given.
    """

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="surprise_budgets", verbose_name=_("program"), db_index=False
    )
    name = models.CharField(_("name"), max_length=120)
    is_open = models.BooleanField(
        _("open"), default=True, help_text=_("Take the tick away, and nothing more is given from it.")
    )
    budget_points = models.BigIntegerField(
        _("budget in points"),
        null=True,
        blank=True,
        help_text=_("Most points it may give in all, in the wallet's smallest unit. Empty: no limit."),
    )
    budget_money = models.DecimalField(
        _("budget in money"),
        max_digits=16,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Most its points may be worth in all. Empty: no limit."),
    )
    spent_points = models.BigIntegerField(_("points given"), default=0, editable=False)
    spent_money = models.DecimalField(
        _("worth of the points given"), max_digits=24, decimal_places=6, default=Decimal("0"), editable=False
    )

    class Meta:
        verbose_name = _("budget of surprises")
        verbose_name_plural = _("budgets of surprises")
        ordering = ["program_id", "name"]
        constraints = [
            models.UniqueConstraint(fields=["program", "name"], name="surprise_budget_name_once_per_program"),
            models.CheckConstraint(
                condition=Q(budget_points__isnull=False) | Q(budget_money__isnull=False),
                name="surprise_budget_has_a_limit",
            ),
            models.CheckConstraint(
                condition=Q(budget_points__isnull=True) | Q(spent_points__lte=F("budget_points")),
                name="surprise_points_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(budget_money__isnull=True) | Q(spent_money__lte=F("budget_money")),
                name="surprise_money_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(spent_points__gte=0, spent_money__gte=0), name="surprise_spent_not_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SurpriseTaken(models.Model):
    """What one change took of a budget, and what it gave back when it was undone. `change` is the number of the request."""

    budget = models.ForeignKey(
        SurpriseBudget, models.PROTECT, related_name="taken", verbose_name=_("budget"), db_index=False
    )
    change = models.BigIntegerField(_("change"), unique=True)
    taken_at = models.DateTimeField(_("taken at"))
    points = models.BigIntegerField(_("points"))
    money = models.DecimalField(_("worth"), max_digits=24, decimal_places=6)
    points_back = models.BigIntegerField(_("points given back"), default=0)
    money_back = models.DecimalField(_("worth given back"), max_digits=24, decimal_places=6, default=Decimal("0"))

    class Meta:
        verbose_name = _("taken of a budget of surprises")
        verbose_name_plural = _("taken of budgets of surprises")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    points__gte=0,
                    money__gte=0,
                    points_back__gte=0,
                    points_back__lte=F("points"),
                    money_back__gte=0,
                    money_back__lte=F("money"),
                ),
                name="surprise_gives_back_what_it_took",
            ),
        ]
        indexes = [models.Index(fields=["budget", "-id"], name="surprise_taken_by_budget")]

    def __str__(self) -> str:
        return f"{self.budget} {self.change}"
