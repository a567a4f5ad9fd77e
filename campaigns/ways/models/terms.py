"""How a program lets its members earn beyond spending, as data."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program


class WayTerms(models.Model):
    """How members of a program earn beyond spending. `launch_given` is how many of the first places are taken."""

    class Leap(models.TextChoices):
        BEFORE = "before", _("on 28 February")
        AFTER = "after", _("on 1 March")

    program = models.OneToOneField(Program, models.PROTECT, related_name="way_terms", verbose_name=_("program"))
    referral_is_open = models.BooleanField(_("members may bring friends"), default=True)
    counting_purchase = models.PositiveSmallIntegerField(
        _("rewarded after the friend's purchase number"),
        default=1,
        help_text=_("1 for the first kept purchase, 2 for the second."),
    )
    least_amount = models.DecimalField(
        _("least amount of that purchase"),
        max_digits=16,
        decimal_places=2,
        default=Decimal("0"),
        help_text=_("What was kept of it counts."),
    )
    return_days = models.PositiveSmallIntegerField(
        _("return window in days"),
        default=14,
        help_text=_("Goods that come back within these days take the reward back."),
    )
    waits_for_window = models.BooleanField(
        _("rewarded only when the window has passed"),
        default=False,
        help_text=_("Otherwise at once, and taken back if the goods come back."),
    )
    buy_within_days = models.PositiveSmallIntegerField(_("friends have so many days to buy"), default=180)
    most_a_month = models.PositiveSmallIntegerField(
        _("most rewarded friends per member and month"),
        default=10,
        help_text=_("0 for no limit. The friend is rewarded all the same."),
    )
    milestone_every = models.PositiveSmallIntegerField(
        _("milestone every so many friends"),
        default=5,
        help_text=_("0 for none. The rule for referral_milestone says what it gives."),
    )
    velocity_a_day = models.PositiveSmallIntegerField(
        _("more friends than this in 24 hours are held for review"), default=5
    )
    leap_day = models.CharField(
        _("those born on 29 February celebrate in other years"), max_length=6, choices=Leap, default=Leap.BEFORE
    )
    birthday_gap_days = models.PositiveSmallIntegerField(
        _("least days between two birthday gifts"),
        default=300,
        help_text=_("So that a changed date of birth pays no second time."),
    )
    catch_up_days = models.PositiveSmallIntegerField(
        _("days an occasion is made up for"),
        default=30,
        help_text=_("If jobs stood still, or a date was learned late."),
    )
    tenure_years = models.CharField(
        _("years of membership that are celebrated apart"),
        max_length=40,
        default="5,10,15,20,25",
        blank=True,
        help_text=_("Numbers with commas between."),
    )
    launch_places = models.PositiveIntegerField(
        _("places of the launch bonus"),
        default=0,
        help_text=_("The first so many members get what the rule for launch gives."),
    )
    launch_given = models.PositiveIntegerField(_("places taken"), default=0, editable=False)
    reviews_wait = models.BooleanField(_("reviews wait for staff"), default=True)

    class Meta:
        verbose_name = _("terms of ways to earn")
        verbose_name_plural = _("terms of ways to earn")
        constraints = [
            models.CheckConstraint(
                condition=Q(launch_given__lte=F("launch_places")), name="launch_given_within_the_places"
            ),
            models.CheckConstraint(condition=Q(counting_purchase__in=[1, 2]), name="first_or_second_purchase_counts"),
        ]

    def __str__(self) -> str:
        return str(self.program)
