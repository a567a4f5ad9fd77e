"""Campaigns and earning rules, as data: every change of a rule is a new version, and points keep the version that made them."""

from decimal import Decimal
from secrets import token_hex

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named, Told
from loyalty.ledger.models import Program
from members.models import Member


def new_secret() -> str:
    """What decides by lot who is in a control group; nobody needs to know it."""
    return token_hex(16)


class Campaign(Told):
    """Something marketing runs for a time. Its rules count between `since` and `until` (exclusive), except while it is paused.

    `pauses` are [from, until] pairs of instants (ISO 8601, UTC), the last one open (null) while it is paused: what happened before
    a pause counts, however late it is told. `spent_...` is what its awards took of the budget, less what was given back.
    `early` says how many days before `since` it opens for members of a tier, by the tier's short name.
    `control_percent` of the members, drawn by `control_secret`, are kept out so that its effect can be measured (DOMAIN 10.4).
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    class Goal(models.TextChoices):
        NONE = "", _("no goal")
        REVENUE = "revenue", _("sales to the members it reached")
        MEMBERS = "members", _("members reached")
        VISITS = "visits", _("purchases that earned by it")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="campaigns", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(_("short name"))
    summary = models.CharField(_("what members read"), max_length=200, blank=True)
    summary_id = models.CharField(_("what members read, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what members read, in Malay"), max_length=200, blank=True)
    since = models.DateTimeField(_("starts at"))
    until = models.DateTimeField(_("ends before"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.DRAFT)
    pauses = models.JSONField(_("pauses"), default=list, blank=True, editable=False)
    opens_early = models.BooleanField(
        _("opens earlier for tiers"),
        default=False,
        help_text=_("So many days as each tier has of early access when the campaign is set live. Fixed from then on."),
    )
    early = models.JSONField(_("days earlier by tier"), default=dict, blank=True, editable=False)
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

    control_percent = models.PositiveSmallIntegerField(
        _("control group, percent"),
        default=0,
        blank=True,
        help_text=_(
            "So many of a hundred members get nothing by it, drawn by lot, so that its effect can be measured. Fixed once it is live."
        ),
    )
    control_secret = models.CharField(_("secret of the draw"), max_length=32, default=new_secret, editable=False)
    partner = models.ForeignKey(
        "partners.Partner",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="campaigns",
        verbose_name=_("together with"),
        help_text=_("The partner that bears a part of what its points cost. Fixed once it is live."),
    )
    partner_percent = models.PositiveSmallIntegerField(
        _("borne by the partner, percent"), default=0, blank=True, help_text=_("It stands in the monthly settlement.")
    )
    goal = models.CharField(_("goal"), max_length=8, choices=Goal, default=Goal.NONE, blank=True)
    goal_amount = models.DecimalField(
        _("amount of the goal"),
        max_digits=16,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Money for sales, else how many members or purchases."),
    )

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="campaign_slug_once_per_program"),
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="campaign_ends_after_it_began"),
            models.CheckConstraint(
                condition=Q(budget_points__isnull=True) | Q(spent_points__lte=F("budget_points")),
                name="campaign_points_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(budget_money__isnull=True) | Q(spent_money__lte=F("budget_money")),
                name="campaign_money_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(spent_points__gte=0, spent_money__gte=0), name="campaign_spent_not_below_zero"
            ),
            models.CheckConstraint(condition=Q(control_percent__lte=90), name="control_group_leaves_some_treated"),
            models.CheckConstraint(
                condition=Q(partner__isnull=True, partner_percent=0)
                | Q(partner__isnull=False, partner_percent__gte=1, partner_percent__lte=100),
                name="partner_bears_a_percentage",
            ),
            models.CheckConstraint(
                condition=Q(goal="", goal_amount__isnull=True)
                | (~Q(goal="") & Q(goal_amount__isnull=False, goal_amount__gt=0)),
                name="goal_has_an_amount_above_zero",
            ),
        ]

    @property
    def has_budget(self) -> bool:
        """Whether its awards are counted: against a budget, or because a partner bears a part of them."""
        return self.budget_points is not None or self.budget_money is not None or self.partner_id is not None


class Rule(Named):
    """One earning rule: a standing one, or one of a campaign. What it says is in its versions."""

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="rules", verbose_name=_("program"), db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, blank=True, related_name="rules", verbose_name=_("campaign")
    )
    slug = models.SlugField(_("short name"))
    is_active = models.BooleanField(_("counts"), default=True)

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        ordering = ["program_id", "id"]
        constraints = [models.UniqueConstraint(fields=["program", "slug"], name="rule_slug_once_per_program")]


class RuleVersion(models.Model):
    """What a rule says, from `since` until the next version. `definition` follows docs/rule.schema.json.

    {"award": {"kind": "multiplier", "factor": "2"}, "conditions": {"categories": ["coffee"], "weekdays": [5]},
     "caps": {"month": "500"}, "stacking": {"priority": 10, "group": "best"}}
    """

    rule = models.ForeignKey(Rule, models.PROTECT, related_name="versions", verbose_name=_("rule"), db_index=False)
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    since = models.DateTimeField(_("since"))
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=64)

    class Meta:
        verbose_name = _("rule version")
        verbose_name_plural = _("rule versions")
        ordering = ["rule_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="version_number_once_per_rule"),
            models.CheckConstraint(condition=Q(number__gt=0), name="rule_version_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.rule.slug}@{self.number}"


class RuleUse(models.Model):
    """What one activity took of the caps of a rule and of its campaign's budget, in the wallet's smallest unit.

    Written only for rules with caps or a budget; without a rule it is what was taken of the limits of the main wallet. `points_back` is what a cancelled award gave back (DOMAIN 3.4, 6.3).
    """

    rule = models.ForeignKey(
        Rule, models.PROTECT, null=True, blank=True, related_name="uses", verbose_name=_("rule"), db_index=False
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="rule_uses", verbose_name=_("member"), db_index=False
    )
    reference = models.CharField(_("reference"), max_length=160)
    occurred_at = models.DateTimeField(_("occurred at"))
    points = models.BigIntegerField(_("points"))
    money = models.DecimalField(_("worth"), max_digits=24, decimal_places=6, default=Decimal("0"))
    points_back = models.BigIntegerField(_("points given back"), default=0)

    class Meta:
        verbose_name = _("use of a rule")
        verbose_name_plural = _("uses of rules")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "member", "reference"], name="rule_used_once_per_reference"),
            models.UniqueConstraint(
                fields=["member", "reference"],
                condition=Q(rule__isnull=True),
                name="wallet_limits_used_once_per_reference",
            ),
            models.CheckConstraint(
                condition=Q(points__gte=0, points_back__gte=0, points_back__lte=F("points")),
                name="given_back_within_the_points",
            ),
        ]
        indexes = [models.Index(fields=["member", "rule", "occurred_at"], name="use_by_member")]

    def __str__(self) -> str:
        return f"{self.rule or ''} {self.reference}".strip()
