"""Segments, who was in them from when until when, frozen lists, and how members buy (RFM)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named
from loyalty.ledger.models import Program
from members.models import Member


class Segment(Named):
    """A saved question about members (DOMAIN 10.1). Rules and rewards know it by `slug`, which never changes.

    `members_count` is how many were in it when it was last refreshed, at `refreshed_at`.
    """

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="segments", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(_("short name"))
    note = models.CharField(_("what it is for"), max_length=200, blank=True)
    definition = models.JSONField(_("who is in it"))
    is_standard = models.BooleanField(_("standard"), default=False, editable=False)
    members_count = models.PositiveIntegerField(_("members"), default=0, editable=False)
    refreshed_at = models.DateTimeField(_("refreshed at"), null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), editable=False)
    created_by = models.CharField(_("created by"), max_length=64, editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["program_id", "name", "id"]
        constraints = [models.UniqueConstraint(fields=["program", "slug"], name="segment_slug_once_per_program")]


class SegmentStay(models.Model):
    """One stretch of time in which a member was in a segment, as refreshed. The open one has no end."""

    segment = models.ForeignKey(
        Segment, models.CASCADE, related_name="stays", verbose_name=_("segment"), db_index=False
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="segment_stays", verbose_name=_("member"), db_index=False
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("stay in a segment")
        verbose_name_plural = _("stays in segments")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "member"],
                condition=Q(until__isnull=True),
                name="one_open_stay_per_segment_and_member",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="segment_stay_ends_after_it_began"
            ),
        ]
        indexes = [models.Index(fields=["member", "segment", "since"], name="segment_stay_by_member")]

    def __str__(self) -> str:
        return f"{self.segment_id}/{self.member_id} {self.since:%Y-%m-%d}"


class Snapshot(models.Model):
    """A list of members frozen in time: who answered a segment's question when it was taken. Never changed."""

    is_append_only = True
    program = models.ForeignKey(Program, models.PROTECT, related_name="snapshots", verbose_name=_("program"))
    segment = models.ForeignKey(Segment, models.PROTECT, related_name="snapshots", verbose_name=_("segment"))
    name = models.CharField(_("name"), max_length=80)
    definition = models.JSONField(_("who was asked for"))
    members_count = models.PositiveIntegerField(_("members"))
    taken_at = models.DateTimeField(_("taken at"))
    taken_by = models.CharField(_("taken by"), max_length=64)

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["program", "name"], name="snapshot_name_once_per_program")]

    def __str__(self) -> str:
        return self.name


class SnapshotMember(models.Model):
    """A member on a frozen list."""

    is_append_only = True
    snapshot = models.ForeignKey(
        Snapshot, models.PROTECT, related_name="listed", verbose_name=_("snapshot"), db_index=False
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="snapshots", verbose_name=_("member"))

    class Meta:
        verbose_name = _("member of a snapshot")
        verbose_name_plural = _("members of snapshots")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["snapshot", "member"], name="member_once_per_snapshot")]

    def __str__(self) -> str:
        return f"{self.snapshot_id}/{self.member_id}"


class ScoringPolicy(models.Model):
    """Over which time purchases are scored in a program, and when that was last done."""

    program = models.OneToOneField(Program, models.PROTECT, related_name="scoring_policy", verbose_name=_("program"))
    window_days = models.PositiveSmallIntegerField(
        _("days looked at"), default=365, help_text=_("Purchases of so many days are compared. Who bought before, but not within them, is lapsed.")
    )  # fmt: skip
    new_days = models.PositiveSmallIntegerField(
        _("days as a new customer"), default=60, help_text=_("So long after the first purchase a member with few purchases is called new.")
    )  # fmt: skip
    scored_on = models.DateField(_("scored on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("scoring policy")
        verbose_name_plural = _("scoring policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(window_days__gte=1, new_days__gte=1), name="scoring_looks_at_a_day_or_more"
            )
        ]

    def __str__(self) -> str:
        return str(self.program)


class MemberScore(models.Model):
    """How a member buys, compared with the program's others: recency, frequency and money from 1 to 5, 5 the best.

    The scores are empty for a member who bought before the days looked at, but not within them. `day` is the business date
    on which they became what they are; `class_since` the one on which the class did.
    """

    class Class(models.TextChoices):
        CHAMPION = "champions", _("champions")
        LOYAL = "loyal", _("loyal")
        POTENTIAL = "potential", _("potential")
        NEW = "new", _("new")
        AT_RISK = "at_risk", _("at risk")
        LAPSED = "lapsed", _("lapsed")

    member = models.OneToOneField(
        Member, models.PROTECT, primary_key=True, related_name="score", verbose_name=_("member")
    )
    program = models.ForeignKey(Program, models.PROTECT, verbose_name=_("program"), db_index=False)
    recency = models.PositiveSmallIntegerField(_("recency"), null=True)
    frequency = models.PositiveSmallIntegerField(_("frequency"), null=True)
    money = models.PositiveSmallIntegerField(_("money"), null=True)
    class_name = models.CharField(_("class"), max_length=10, choices=Class)
    class_before = models.CharField(_("class before"), max_length=10, choices=Class, blank=True)
    class_since = models.DateField(_("in this class since"))
    last_bought_at = models.DateTimeField(_("last bought at"))
    purchases = models.PositiveIntegerField(_("purchases"))
    spent = models.DecimalField(_("spent"), max_digits=16, decimal_places=2)
    day = models.DateField(_("scored on"))

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        ordering = ["member_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(recency__isnull=True, frequency__isnull=True, money__isnull=True)
                | Q(recency__range=(1, 5), frequency__range=(1, 5), money__range=(1, 5)),
                name="scores_from_one_to_five_or_none",
            )
        ]
        indexes = [models.Index(fields=["program", "class_name"], name="score_by_class")]

    def __str__(self) -> str:
        return f"{self.recency or '–'}{self.frequency or '–'}{self.money or '–'} {self.class_name}"
