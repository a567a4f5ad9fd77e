"""Which letters a program writes by itself, and which rewards were sold out, so that their return can be told."""

from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program
from rewards.models import Reward


class LetterTerms(models.Model):
    """The letters of a program that a shop may want or not. Until when entries were told of is kept by the job itself."""

    program = models.OneToOneField(Program, models.PROTECT, related_name="letter_terms", verbose_name=_("program"))
    tells_earned = models.BooleanField(
        _("points earned"), default=False, help_text=_("After each purchase: many letters. Service, no consent needed.")
    )
    tells_activated = models.BooleanField(_("points that can be spent now"), default=True)
    tells_expired = models.BooleanField(_("points expired"), default=True)
    tells_adjusted = models.BooleanField(_("points adjusted"), default=True)
    sends_statement = models.BooleanField(
        _("monthly statement"), default=True, help_text=_("On the first of the month, to members whose points moved.")
    )
    tells_rewards = models.BooleanField(
        _("a reward is there"), default=False, help_text=_("Newly affordable, or in stock again. With consent only.")
    )
    win_back_days = models.PositiveSmallIntegerField(
        _("win back after days without a purchase"), null=True, blank=True,
        help_text=_("Empty: never. Once per absence, with consent only."),
    )  # fmt: skip
    webhook_address = models.CharField(
        _("address of the other system"), max_length=300, blank=True, default="", validators=[URLValidator(["https", "http"])],
        help_text=_("Letters of the kinds below are passed there by a signed call, beside mail. Empty: none."),
    )  # fmt: skip
    webhook_kinds = models.JSONField(_("letters passed on"), default=list, blank=True)
    webhook_secret = models.CharField(_("secret, sealed"), max_length=300, blank=True, default="", editable=False)
    entries_told_until = models.DateTimeField(_("entries told of until"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("letters of a program")
        verbose_name_plural = _("letters of programs")
        ordering = ["program_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(win_back_days__isnull=True) | Q(win_back_days__gte=14), name="win_back_after_two_weeks"
            )
        ]

    def __str__(self) -> str:
        return str(self.program)


class SoldOut(models.Model):
    """A time in which nothing of a reward was left. Its end is when members may be told that it is back."""

    reward = models.ForeignKey(Reward, models.PROTECT, related_name="times_sold_out", verbose_name=_("reward"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("time sold out")
        verbose_name_plural = _("times sold out")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reward"], condition=Q(until__isnull=True), name="reward_sold_out_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reward_id}: {self.since:%Y-%m-%d}"
