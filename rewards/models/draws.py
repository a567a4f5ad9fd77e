"""Prize draws: their terms, what was promised before anybody entered, entries, and who won (DOMAIN 7.5, docs/draws.md).

What proves a draw is only added to: the promise, each entry, each withdrawal, the result. The database refuses to change them.
"""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named, Told
from loyalty.ledger.models import Entry, Program
from members.models import Member


def reward_or_points() -> Q:
    """A prize is a reward or points, not both and not nothing."""
    return Q(reward__isnull=False, points__isnull=True) | Q(reward__isnull=True, points__isnull=False, points__gt=0)


class Draw(Told):
    """A prize draw. Its terms are written as a draft, and stand once it is published; entries are numbered from 1."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        OPEN = "open", _("published")
        DRAWN = "drawn", _("drawn")
        CALLED_OFF = "called_off", _("called off")

    program = models.ForeignKey(Program, models.PROTECT, related_name="draws", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    summary = models.CharField(_("what it is about"), max_length=200)
    summary_id = models.CharField(_("what it is about, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what it is about, in Malay"), max_length=200, blank=True)
    opens_at = models.DateTimeField(_("entries from"))
    closes_at = models.DateTimeField(
        _("entries until"), help_text=_("The first instant without entries; the winners are drawn then.")
    )
    limit_per_member = models.PositiveIntegerField(
        _("entries per member"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    limit_in_all = models.PositiveIntegerField(
        _("entries in all"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    entries = models.PositiveIntegerField(_("entries"), default=0, editable=False)
    withdrawn = models.PositiveIntegerField(_("withdrawn entries"), default=0, editable=False)

    class Meta:
        verbose_name = _("prize draw")
        verbose_name_plural = _("prize draws")
        ordering = ["-closes_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="draw_slug_once_per_program"),
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="draw_closes_after_it_opened"),
            models.CheckConstraint(
                condition=Q(limit_in_all__isnull=True) | Q(entries__lte=F("limit_in_all") + F("withdrawn")),
                name="draw_entries_within_limit",
            ),
            models.CheckConstraint(condition=Q(withdrawn__lte=F("entries")), name="draw_withdrawn_within_entries"),
            models.CheckConstraint(
                condition=(Q(limit_in_all__isnull=True) | Q(limit_in_all__gt=0))
                & (Q(limit_per_member__isnull=True) | Q(limit_per_member__gt=0)),
                name="draw_limits_are_positive",
            ),
            models.CheckConstraint(condition=~Q(status="draft") | Q(entries=0), name="draw_draft_without_entries"),
        ]
        indexes = [models.Index(fields=["closes_at"], condition=Q(status="open"), name="draw_to_come")]

    def is_open(self, *, at: datetime) -> bool:
        """Whether it takes entries at that instant, as far as its dates and its status say."""
        return self.status == self.Status.OPEN and self.opens_at <= at < self.closes_at

    @property
    def standing(self) -> int:
        """How many entries take part."""
        return self.entries - self.withdrawn

    def get_absolute_url(self) -> str:
        """The public page."""
        return reverse("draw_page", args=[self.program.slug, self.slug])


class DrawPrize(Named):
    """A prize of a draw, for one winner or several. Places are counted through all prizes in their order."""

    draw = models.ForeignKey(Draw, models.CASCADE, related_name="prizes", verbose_name=_("prize draw"))
    position = models.PositiveSmallIntegerField(_("order"), default=1)
    winners = models.PositiveSmallIntegerField(_("winners"), default=1)
    reward = models.ForeignKey(
        "rewards.Reward", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reward")
    )
    points = models.BigIntegerField(_("points"), null=True, blank=True)

    class Meta:
        verbose_name = _("prize of a draw")
        verbose_name_plural = _("prizes of draws")
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=reward_or_points(), name="draw_prize_is_reward_or_points"),
            models.CheckConstraint(condition=Q(winners__gt=0), name="draw_prize_has_a_winner"),
        ]


class DrawPromise(models.Model):
    """What was fixed when a draw was published: the digest of its seed, the seed itself sealed, and the terms."""

    is_append_only = True
    draw = models.OneToOneField(Draw, models.PROTECT, related_name="promise", verbose_name=_("prize draw"))
    seed_digest = models.CharField(_("digest of the seed"), max_length=64, unique=True)
    sealed_seed = models.CharField(_("seed, sealed"), max_length=400)
    terms = models.JSONField(_("terms"))
    made_at = models.DateTimeField(_("published at"))
    made_by = models.CharField(_("published by"), max_length=64)

    class Meta:
        verbose_name = _("promise of a draw")
        verbose_name_plural = _("promises of draws")

    def __str__(self) -> str:
        return self.seed_digest[:12]


class DrawEntry(models.Model):
    """One entry: its public number, and its holder under a name that stands for the member in this draw alone."""

    is_append_only = True
    draw = models.ForeignKey(
        Draw, models.PROTECT, related_name="all_entries", verbose_name=_("prize draw"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"))
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="draw_entries", verbose_name=_("member"), db_index=False
    )
    holder = models.CharField(_("public name"), max_length=16)
    redemption = models.ForeignKey(
        "rewards.Redemption", models.PROTECT, related_name="draw_entries", verbose_name=_("redemption")
    )
    entered_at = models.DateTimeField(_("entered at"))

    class Meta:
        verbose_name = _("entry of a draw")
        verbose_name_plural = _("entries of draws")
        ordering = ["draw", "number"]
        constraints = [
            models.UniqueConstraint(fields=["draw", "number"], name="draw_entry_numbered_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="draw_entry_numbered_from_one"),
        ]
        indexes = [models.Index(fields=["member", "draw"], name="draw_entry_by_member")]

    def __str__(self) -> str:
        return f"#{self.number}"


class DrawWithdrawal(models.Model):
    """An entry that takes part no more: its points went back before the close, or its member left."""

    class Reason(models.TextChoices):
        CANCELLED = "cancelled", _("its points went back")
        LEFT = "left", _("its member left the program")

    is_append_only = True
    entry = models.OneToOneField(DrawEntry, models.PROTECT, related_name="withdrawal", verbose_name=_("entry"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    withdrawn_at = models.DateTimeField(_("withdrawn at"))
    withdrawn_by = models.CharField(_("withdrawn by"), max_length=64)

    class Meta:
        verbose_name = _("withdrawal from a draw")
        verbose_name_plural = _("withdrawals from draws")

    def __str__(self) -> str:
        return f"#{self.entry_id}"


class DrawResult(models.Model):
    """What was drawn: the seed for everybody to see, the digest of the list it was drawn from, and the numbers by place."""

    is_append_only = True
    draw = models.OneToOneField(Draw, models.PROTECT, related_name="result", verbose_name=_("prize draw"))
    seed = models.CharField(_("seed"), max_length=64)
    list_digest = models.CharField(_("digest of the list"), max_length=64)
    numbers = models.JSONField(_("winning numbers"))
    drawn_at = models.DateTimeField(_("drawn at"))

    class Meta:
        verbose_name = _("result of a draw")
        verbose_name_plural = _("results of draws")

    def __str__(self) -> str:
        return self.seed[:12]


class DrawWin(models.Model):
    """A place and its entry; one that was passed on stays to be seen, the next holder has a row of their own."""

    class Passed(models.TextChoices):
        LEFT = "left", _("the winner left the program")
        EXCLUDED = "excluded", _("the winner may not take part")
        UNREACHED = "unreached", _("the winner could not be reached")

    draw = models.ForeignKey(Draw, models.PROTECT, related_name="wins", verbose_name=_("prize draw"), db_index=False)
    place = models.PositiveSmallIntegerField(_("place"))
    prize = models.ForeignKey(DrawPrize, models.PROTECT, related_name="wins", verbose_name=_("prize"))
    entry = models.OneToOneField(DrawEntry, models.PROTECT, related_name="win", verbose_name=_("entry"))
    won_at = models.DateTimeField(_("won at"))
    given_at = models.DateTimeField(_("given at"), null=True, blank=True)
    redemption = models.OneToOneField(
        "rewards.Redemption",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="draw_win",
        verbose_name=_("redemption"),
    )
    credit = models.OneToOneField(
        Entry, models.PROTECT, null=True, blank=True, related_name="draw_win", verbose_name=_("ledger entry")
    )
    owed = models.CharField(_("why it waits"), max_length=40, blank=True)
    passed_at = models.DateTimeField(_("passed on at"), null=True, blank=True)
    passed_by = models.CharField(_("passed on by"), max_length=64, blank=True)
    passed_why = models.CharField(_("why it was passed on"), max_length=10, choices=Passed, blank=True)
    # The how many-th place of this draw that was passed on; the public page tells the order.
    passed_number = models.PositiveSmallIntegerField(_("order of passing on"), null=True, blank=True)

    class Meta:
        verbose_name = _("win of a draw")
        verbose_name_plural = _("wins of draws")
        ordering = ["draw", "place", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["draw", "place"], condition=Q(passed_at__isnull=True), name="draw_place_has_one_winner"
            ),
            models.UniqueConstraint(fields=["draw", "passed_number"], name="draw_places_passed_in_order"),
            models.CheckConstraint(
                condition=Q(passed_at__isnull=True, passed_why="", passed_number__isnull=True)
                | (Q(passed_at__isnull=False, passed_number__isnull=False) & ~Q(passed_why="")),
                name="draw_win_passed_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(given_at__isnull=True, redemption__isnull=True, credit__isnull=True)
                | Q(given_at__isnull=False, redemption__isnull=False, credit__isnull=True, passed_at__isnull=True)
                | Q(given_at__isnull=False, redemption__isnull=True, credit__isnull=False, passed_at__isnull=True),
                name="draw_win_given_or_passed_on",
            ),
        ]
        indexes = [
            models.Index(
                fields=["draw"], condition=Q(given_at__isnull=True, passed_at__isnull=True), name="draw_win_to_give"
            )
        ]

    def __str__(self) -> str:
        return f"{self.place}"
