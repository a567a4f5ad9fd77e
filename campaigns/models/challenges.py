"""Challenges as data: what counts and what is won stands in versions; progress and prizes follow from what members did."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaigns import Campaign
from loyalty.common.languages import Told
from loyalty.ledger.models import Entry, Program
from members.models import Member
from rewards.models import Redemption


class Challenge(Told):
    """Something to do again and again for a prize (DOMAIN 10.3). It counts from `since` until `until`, pauses left out.

    `entries` is how many entries of an instant win have been numbered. `seed` decides a drawing by chance; only its digest is shown
    before the challenge has ended, so that nobody can choose the winners and everybody can check them (DOMAIN 7.5).
    """

    class Kind(models.TextChoices):
        CARD = "card", _("stamp card or goal")
        STREAK = "streak", _("streak")
        INSTANT = "instant", _("instant win")

    class Icon(models.TextChoices):
        STAR = "star", _("star")
        CUP = "cup", _("cup")
        FLAME = "flame", _("flame")
        TROPHY = "trophy", _("trophy")
        LEAF = "leaf", _("leaf")
        GIFT = "gift", _("gift")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="challenges", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(_("short name"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.CARD)
    icon = models.CharField(_("picture"), max_length=8, choices=Icon, default=Icon.STAR)
    summary = models.CharField(_("what members read"), max_length=200, blank=True)
    summary_id = models.CharField(_("what members read, in Indonesian"), max_length=200, blank=True)
    summary_ms = models.CharField(_("what members read, in Malay"), max_length=200, blank=True)
    since = models.DateTimeField(_("starts at"))
    until = models.DateTimeField(_("ends before"))
    status = models.CharField(
        _("status"), max_length=8, choices=Campaign.Status, default=Campaign.Status.DRAFT, editable=False
    )
    pauses = models.JSONField(_("pauses"), default=list, blank=True, editable=False)
    has_board = models.BooleanField(
        _("has a leaderboard"), default=False, help_text=_("Only members who chose a display name are on it.")
    )
    entries = models.PositiveBigIntegerField(_("entries"), default=0, editable=False)
    seed = models.CharField(_("seed"), max_length=64, blank=True, editable=False)
    seed_digest = models.CharField(_("digest of the seed"), max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="challenge_slug_once_per_program"),
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="challenge_ends_after_it_began"),
        ]

    def shown_seed(self, *, at: datetime) -> str:
        """The seed once the challenge is over; empty before."""
        return self.seed if self.status == Campaign.Status.ENDED or at >= self.until else ""


class ChallengeVersion(models.Model):
    """What a challenge says from `since` until its next version (campaigns.challenges.definitions). Prizes keep theirs."""

    challenge = models.ForeignKey(
        Challenge, models.PROTECT, related_name="versions", verbose_name=_("challenge"), db_index=False
    )
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    since = models.DateTimeField(_("since"))
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=64)

    class Meta:
        verbose_name = _("challenge version")
        verbose_name_plural = _("challenge versions")
        ordering = ["challenge_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "number"], name="version_number_once_per_challenge"),
            models.CheckConstraint(condition=Q(number__gt=0), name="challenge_version_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge.slug}@{self.number}"


class ChallengeProgress(models.Model):
    """How far a member is: made with the first thing that counts, made again from the facts whenever they change.

    `count` is what the running round has, `total` what the running period has in all; `period` is that period's first day, or empty.
    `counts_from` is when somebody of the challenge's segments or languages began, which stays when they leave those.
    """

    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="progress", verbose_name=_("challenge"), db_index=False)  # fmt: skip
    member = models.ForeignKey(Member, models.PROTECT, related_name="challenge_progress", verbose_name=_("member"), db_index=False)  # fmt: skip
    count = models.DecimalField(_("in this round"), max_digits=16, decimal_places=3, default=0)
    total = models.DecimalField(_("in this period"), max_digits=16, decimal_places=3, default=0)
    period = models.CharField(_("period"), max_length=10, blank=True)
    rounds = models.PositiveIntegerField(_("times done"), default=0)
    counts_from = models.DateTimeField(_("counts from"))
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("progress in a challenge")
        verbose_name_plural = _("progress in challenges")
        ordering = ["-changed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "member"], name="progress_once_per_member"),
            models.CheckConstraint(condition=Q(count__gte=0, total__gte=0), name="progress_not_below_zero"),
        ]
        indexes = [
            models.Index(fields=["member"], name="progress_by_member"),
            models.Index(fields=["challenge", "period", "-total"], name="progress_by_total"),
        ]

    def __str__(self) -> str:
        return f"{self.member}: {self.challenge}"


class ChallengeEntry(models.Model):
    """One entry of an instant win: its number among all, and on its day. Numbers are given once and never again.

    `is_void` when the goods came back: the number stays, what it won goes.
    """

    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="entry_rows", verbose_name=_("challenge"), db_index=False)  # fmt: skip
    member = models.ForeignKey(Member, models.PROTECT, related_name="challenge_entries", verbose_name=_("member"), db_index=False)  # fmt: skip
    number = models.PositiveBigIntegerField(_("number"))
    day = models.DateField(_("day"))
    day_number = models.PositiveIntegerField(_("number on its day"))
    reference = models.CharField(_("reference"), max_length=160)
    entered_at = models.DateTimeField(_("entered at"))
    version = models.PositiveIntegerField(_("version"))
    is_win = models.BooleanField(_("won"), default=False)
    is_void = models.BooleanField(_("taken back"), default=False)

    class Meta:
        verbose_name = _("entry of an instant win")
        verbose_name_plural = _("entries of instant wins")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "number"], name="entry_number_once_per_challenge"),
            models.UniqueConstraint(fields=["challenge", "day", "day_number"], name="entry_day_number_once"),
            models.UniqueConstraint(fields=["challenge", "reference"], name="challenge_entry_once_per_reference"),
        ]
        indexes = [models.Index(fields=["member", "challenge"], name="entry_by_member")]

    def __str__(self) -> str:
        return f"{self.challenge} {self.number}"


class Prize(models.Model):
    """What a member won by a challenge, once per round or winning entry (`key`).

    Given; taken back when goods came back and it is no longer deserved; or it stands although it is not, because its voucher was used.
    `given_times` counts the givings of one prize, so that each has a reference of its own in the books. `owed` says why a reward could
    not be given yet.
    """

    class Status(models.TextChoices):
        GIVEN = "given", _("given")
        TAKEN_BACK = "back", _("taken back")
        STANDS = "stands", _("used before goods came back, so it stands")

    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="prizes", verbose_name=_("challenge"), db_index=False)  # fmt: skip
    member = models.ForeignKey(Member, models.PROTECT, related_name="prizes", verbose_name=_("member"), db_index=False)
    key = models.CharField(_("round"), max_length=40)
    version = models.PositiveIntegerField(_("version"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.GIVEN)
    won_at = models.DateTimeField(_("won at"))
    cause = models.CharField(_("cause"), max_length=160)
    points = models.BigIntegerField(_("points"), default=0)
    is_badge = models.BooleanField(_("badge"), default=False)
    reward = models.SlugField(_("reward"), blank=True)
    owed = models.CharField(_("why the reward waits"), max_length=40, blank=True)
    entry = models.OneToOneField(Entry, models.PROTECT, null=True, blank=True, related_name="prize", verbose_name=_("ledger entry"))  # fmt: skip
    redemption = models.OneToOneField(Redemption, models.PROTECT, null=True, blank=True, related_name="prize", verbose_name=_("voucher"))  # fmt: skip
    given_times = models.PositiveIntegerField(_("times given"), default=1)
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("prize")
        verbose_name_plural = _("prizes")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "member", "key"], name="prize_once_per_round"),
            models.CheckConstraint(condition=Q(points__gte=0), name="prize_points_not_negative"),
        ]
        indexes = [
            models.Index(fields=["member", "-won_at"], name="prize_by_member"),
            models.Index(fields=["challenge", "-won_at"], name="prize_by_challenge"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge}: {self.member}"

    @property
    def reference(self) -> str:
        """The reference of its points in the books."""
        return f"challenge:{self.challenge_id}:{self.key}:{self.given_times}"


class DisplayName(models.Model):
    """The name by which a member stands on leaderboards; without one a member is on none of them."""

    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    member = models.OneToOneField(Member, models.PROTECT, related_name="display_name", verbose_name=_("member"))
    name = models.CharField(_("display name"), max_length=24)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("display name")
        verbose_name_plural = _("display names")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(F("program"), Lower("name"), name="display_name_once_per_program")]

    def __str__(self) -> str:
        return self.name
