"""Programs, their wallets, and how long a wallet's points live."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named, in_language


class Program(Named):
    """One loyalty scheme: its clock, its money, its rounding (DOMAIN 1)."""

    class BaseRules(models.TextChoices):
        BEST = "best", _("the best one counts")
        SUM = "sum", _("they add up")

    class Rounding(models.TextChoices):
        FLOOR = "floor", _("down")
        HALF_UP = "half_up", _("half up")
        CEILING = "ceiling", _("up")

    class RoundedPer(models.TextChoices):
        ORDER = "order", _("once for the whole purchase")
        RULE = "rule", _("for each rule by itself")
        LINE = "line", _("for each line of the purchase by itself")

    class Returns(models.TextChoices):
        KEPT = "kept", _("members keep what the kept goods would have earned")
        SHARE = "share", _("the returned share of the points")
        ALL = "all", _("all points of the order, with its first return")

    slug = models.SlugField(_("short name"), unique=True)
    time_zone = models.CharField(_("program clock"), max_length=64, default="Asia/Jakarta")
    currency = models.CharField(_("currency"), max_length=3, default="IDR")
    base_rules = models.CharField(_("several base rules"), max_length=4, choices=BaseRules, default=BaseRules.BEST)
    rounding = models.CharField(_("rounding"), max_length=8, choices=Rounding, default=Rounding.FLOOR)
    rounded_per = models.CharField(
        _("rounded"),
        max_length=5,
        choices=RoundedPer,
        default=RoundedPer.ORDER,
        help_text=_("Parts of a point are exact until then. Points earned before keep how they were rounded."),
    )
    returns = models.CharField(_("returned goods take back"), max_length=5, choices=Returns, default=Returns.KEPT)
    earns_on_tax = models.BooleanField(_("earns on tax"), default=True)
    earns_on_delivery = models.BooleanField(_("earns on delivery"), default=False)
    terms = models.TextField(_("terms"), blank=True)
    quiet_from = models.TimeField(
        _("quiet hours from"), null=True, blank=True,
        help_text=_("No news and reminders go out until they end, by the program clock. Codes and receipts do."),
    )  # fmt: skip
    quiet_until = models.TimeField(_("quiet hours until"), null=True, blank=True)
    news_most = models.PositiveSmallIntegerField(
        _("most letters with news"),
        null=True,
        blank=True,
        help_text=_("So many letters with news and offers a member gets at most. Empty: no limit."),
    )
    news_days = models.PositiveSmallIntegerField(_("in so many days"), null=True, blank=True)
    letters_kept_days = models.PositiveSmallIntegerField(
        _("days letters are kept"), null=True, blank=True, default=400,
        help_text=_("What stood in older ones, and where they went, is forgotten; that they were written, and when, is not. Empty: never."),
    )  # fmt: skip
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("program")
        verbose_name_plural = _("programs")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
                name="quiet_hours_begin_and_end",
                violation_error_message=_("Give both ends of the quiet hours, and not the same, or leave both empty."),
            ),
            models.CheckConstraint(
                condition=Q(news_most__isnull=True, news_days__isnull=True)
                | Q(news_most__isnull=False, news_most__gte=1, news_days__isnull=False, news_days__gte=1, news_days__lte=365),
                name="news_limited_in_number_and_days",
                violation_error_message=_("Give both how many letters and in how many days, 1 to 365, or leave both empty."),
            ),
            models.CheckConstraint(
                condition=Q(letters_kept_days__isnull=True) | Q(letters_kept_days__gte=30),
                name="letters_kept_for_a_month",
                violation_error_message=_("Keep letters for 30 days at least, or leave it empty."),
            ),
        ]  # fmt: skip


class Wallet(models.Model):
    """One kind of points in a program, with its names, worth and policies (DOMAIN 1, 9.1).

    `earning_limits` are the versions of what a member may earn per period, as `limiting` reads them; `begins_told_after` is `auditing`'s.
    """

    class DebtPolicy(models.TextChoices):
        PENDING_ONLY = "pending", _("take from pending points only")
        FLOOR = "floor", _("stop at zero and write the rest off")
        DEBT = "debt", _("let the member owe the rest")

    class Guarantee(models.TextChoices):
        ALL = "all", _("for every member")
        REACHABLE = "reachable", _("for members who have an e-mail address")
        OFF = "off", _("not promised")

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
    counts_at_purchase = models.BooleanField(
        _("count for tiers at the purchase already"),
        default=False,
        help_text=_("Otherwise points that cannot be spent yet count for tiers from the moment they can be spent."),
    )
    debt_policy = models.CharField(
        _("when returned goods leave too few points"), max_length=8, choices=DebtPolicy, default=DebtPolicy.DEBT
    )
    debt_limit = models.BigIntegerField(_("most a member may owe"), null=True, blank=True)
    transfer_limit = models.BigIntegerField(
        _("most a member may pass on at once"), null=True, blank=True, help_text=_("Empty: points cannot be passed on.")
    )
    transfer_daily_limit = models.BigIntegerField(
        _("most a member may pass on in a day"), null=True, blank=True, help_text=_("Days of the program clock.")
    )
    transfer_monthly_limit = models.BigIntegerField(
        _("most a member may pass on in a month"), null=True, blank=True, help_text=_("Months of the program clock.")
    )
    transfer_keep = models.BigIntegerField(_("points that must stay after passing on"), default=0)
    notice_guarantee = models.CharField(
        _("points end only after a notice"),
        max_length=9,
        choices=Guarantee,
        default=Guarantee.ALL,
        help_text=_("Points nobody could be told of in time last longer instead of running out in silence."),
    )
    earning_limits = models.JSONField(_("most a member may earn"), default=list, blank=True, editable=False)
    begins_told_after = models.BigIntegerField(_("credits after this entry tell from when they can be spent"), default=0, db_default=0, editable=False)  # fmt: skip

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        ordering = ["program_id", "-is_main", "id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="wallet_slug_once_per_program"),
            models.UniqueConstraint(fields=["program"], condition=Q(is_main=True), name="one_main_wallet_per_program"),
            models.CheckConstraint(condition=Q(decimals__lte=6), name="wallet_at_most_six_decimals"),
            models.CheckConstraint(condition=Q(money_per_unit__gte=0), name="wallet_worth_not_negative"),
            models.CheckConstraint(
                condition=Q(transfer_limit__isnull=True) | Q(transfer_limit__gt=0),
                name="wallet_transfer_limit_above_zero",
            ),
            models.CheckConstraint(
                condition=(Q(transfer_daily_limit__isnull=True) | Q(transfer_daily_limit__gt=0))
                & (Q(transfer_monthly_limit__isnull=True) | Q(transfer_monthly_limit__gt=0)),
                name="wallet_period_transfer_limits_above_zero",
            ),
            models.CheckConstraint(condition=Q(transfer_keep__gte=0), name="wallet_transfer_keep_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.program}: {self.units}"

    def name_of(self, amount: int, language: str | None = None) -> str:
        """What that many are called, in the given or the reader's language: `point` for one, `points` for others."""
        return in_language(self, "unit" if abs(amount) == 10**self.decimals else "units", language)


class ExpiryPolicy(models.Model):
    """One version of how long points of a wallet live. The highest version counts for new lots (DOMAIN 9.1, 9.4).

    Without a `name` it is the wallet's own; a named one is for the rules and campaigns that ask for it. `at_least` is the
    fewest days from the first day on which points can be spent to the day they end, for kinds that name days or a season.
    `resets` says which activities give points that end by inactivity their whole time again. With `confirmed_by` the points
    of a purchase wait for that event of their order, and lapse when it has not happened within `confirm_days` (DOMAIN 4.1).
    A named one may say with `activation_days` after how many days its points can be spent, in place of the wallet.
    """

    is_append_only = True

    class Kind(models.TextChoices):
        NEVER = "never", _("never")
        DAYS = "days", _("days after activation")
        MONTHS = "months", _("months after activation")
        YEARS = "years", _("years after activation")
        FIXED_DATE = "date", _("on a fixed date")
        DATES = "dates", _("on the same days every year")
        SEASON = "season", _("at the end of a season")
        IDLE_DAYS = "idle_days", _("days after the last activity")
        IDLE_MONTHS = "idle_months", _("months after the last activity")

    class RoundTo(models.TextChoices):
        DAY = "", _("the day itself")
        MONTH = "month", _("end of the month")
        QUARTER = "quarter", _("end of the quarter")
        YEAR = "year", _("end of the year")

    IDLE = ("idle_days", "idle_months")

    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="expiry_policies", verbose_name=_("wallet"))
    name = models.CharField(
        _("name"),
        max_length=80,
        blank=True,
        help_text=_("Empty: for all points of the wallet that no rule treats differently."),
    )
    version = models.PositiveIntegerField(_("version"))
    kind = models.CharField(_("points expire"), max_length=12, choices=Kind, default=Kind.NEVER)
    count = models.PositiveIntegerField(_("how many"), default=0)
    last_day = models.DateField(_("last valid day"), null=True, blank=True)
    round_to = models.CharField(_("rounded to"), max_length=8, choices=RoundTo, default=RoundTo.DAY, blank=True)
    days = models.CharField(_("days of the year"), max_length=200, blank=True)
    season = models.ForeignKey(
        "Season", models.PROTECT, null=True, blank=True, verbose_name=_("season"), related_name="expiry_policies"
    )
    at_least = models.PositiveIntegerField(_("at least so many days away"), default=0)
    resets = models.CharField(_("what counts as activity"), max_length=100, blank=True)
    confirmed_by = models.SlugField(
        _("waits for the event"),
        max_length=40,
        blank=True,
        db_index=False,
        help_text=_("The points of a purchase wait until the shop reports it for the order, e.g. delivered. Empty: they do not wait."),
    )  # fmt: skip
    confirm_days = models.PositiveSmallIntegerField(
        _("at most so many days"),
        default=0,
        help_text=_("After the purchase. Not confirmed by then, the points lapse."),
    )
    activation_days = models.PositiveSmallIntegerField(
        _("days until points can be spent"),
        null=True,
        blank=True,
        help_text=_("For a policy with a name. Empty: as many as the wallet says; 0: at once."),
    )
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=64)
    seal = models.CharField(_("seal"), max_length=64, editable=False)

    class Meta:
        verbose_name = _("expiry policy")
        verbose_name_plural = _("expiry policies")
        ordering = ["wallet_id", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "version"], name="expiry_policy_version_once_per_wallet"),
            models.CheckConstraint(
                condition=Q(kind__in=["never", "date", "dates", "season"]) | Q(count__gt=0),
                name="expiry_policy_counts_something",
            ),
            models.CheckConstraint(
                condition=~Q(kind="date") | Q(last_day__isnull=False), name="expiry_policy_date_has_a_day"
            ),
            models.CheckConstraint(condition=~Q(kind="dates") | ~Q(days=""), name="expiry_policy_dates_has_days"),
            models.CheckConstraint(
                condition=~Q(kind="season") | Q(season__isnull=False), name="expiry_policy_season_has_one"
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["idle_days", "idle_months"]) | ~Q(resets=""),
                name="expiry_policy_inactivity_has_resets",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by="") | Q(confirm_days__gt=0), name="expiry_policy_waiting_has_an_end"
            ),
            models.CheckConstraint(
                condition=Q(activation_days__isnull=True) | (Q(confirmed_by="") & ~Q(name="")),
                name="expiry_policy_delay_is_a_named_ones_own",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wallet}{': ' if self.name else ''}{self.name} v{self.version}"

    @property
    def is_idle(self) -> bool:
        """Whether points end by inactivity."""
        return self.kind in self.IDLE

    @property
    def reset_by(self) -> frozenset[str]:
        """The activities that give points their whole time again."""
        return frozenset(self.resets.split(",")) if self.resets else frozenset()
