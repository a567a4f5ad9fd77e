"""Mailings: letters with news to a segment, written once, sent once; and to whom each went."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from campaigns.models.campaigns import new_secret
from loyalty.common.languages import in_language
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger.models import Program
from members.models import Member
from members.segments.models import Segment

# So long after its start nothing of a mailing leaves, and it can be stopped as a whole.
STOP_WINDOW = timedelta(minutes=10)


class Mailing(models.Model):
    """News to the members of a segment (DOMAIN 10.4, 11.2). Its audience is frozen when it starts; its words do not change from then on.

    `control_percent` of the audience, drawn by `control_secret`, get nothing, so that its effect can be measured; one that belongs to a
    campaign with a control group takes that group. `released_to` is the last member of the audience, in the order of their ids, whose
    letter is written, and `paced_at` until when the pace has been used up. `audience` are the numbers of the frozen audience.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        SCHEDULED = "scheduled", _("scheduled")
        RUNNING = "running", _("going out")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped")
        DONE = "done", _("sent")

    class Per(models.TextChoices):
        MINUTE = "minute", _("minute")
        HOUR = "hour", _("hour")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="mailings", verbose_name=_("program"), db_index=False
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("For the desk; readers see the subject line."))
    segment = models.ForeignKey(Segment, models.PROTECT, related_name="mailings", verbose_name=_("to the segment"))
    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mailings",
        verbose_name=_("for the campaign"),
        help_text=_("Its control group, if it has one, gets no letter."),
    )
    subject = models.CharField(_("subject line"), max_length=200)
    subject_id = models.CharField(_("subject line in Indonesian"), max_length=200, blank=True)
    subject_ms = models.CharField(_("subject line in Malay"), max_length=200, blank=True)
    text = models.TextField(_("text"), max_length=10_000)
    text_id = models.TextField(_("text in Indonesian"), max_length=10_000, blank=True)
    text_ms = models.TextField(_("text in Malay"), max_length=10_000, blank=True)
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    pace = models.PositiveIntegerField(
        _("most letters"), null=True, blank=True, help_text=_("Empty: as fast as the mail system takes them.")
    )
    pace_per = models.CharField(_("per"), max_length=6, choices=Per, default=Per.HOUR)
    control_percent = models.PositiveSmallIntegerField(
        _("kept out, percent"),
        default=0,
        blank=True,
        help_text=_(
            "So many of a hundred get no letter, drawn by lot, so that its effect can be measured. At most 90."
        ),
    )
    control_secret = models.CharField(_("secret of the draw"), max_length=32, default=new_secret, editable=False)
    measured_days = models.PositiveSmallIntegerField(
        _("days that count"), default=14, help_text=_("What members buy and redeem in so many days after it began to go out.")
    )  # fmt: skip
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.DRAFT, editable=False)
    change = models.ForeignKey(
        ChangeRequest, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("change"), editable=False
    )  # fmt: skip
    started_at = models.DateTimeField(_("started at"), null=True, blank=True, editable=False)
    audience = models.JSONField(_("audience"), default=dict, blank=True, editable=False)
    released = models.PositiveIntegerField(_("letters written"), default=0, editable=False)
    released_to = models.BigIntegerField(_("written up to"), default=0, editable=False)
    paced_at = models.DateTimeField(_("pace used until"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)
    said = models.CharField(_("what happened"), max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), editable=False)
    created_by = models.CharField(_("created by"), max_length=64, editable=False)

    class Meta:
        verbose_name = _("mailing")
        verbose_name_plural = _("mailings")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(control_percent__lte=90), name="mailing_leaves_some_readers"),
            models.CheckConstraint(
                condition=Q(pace__isnull=True) | Q(pace__gte=1), name="mailing_pace_lets_something_out"
            ),
            models.CheckConstraint(condition=Q(measured_days__range=(1, 90)), name="mailing_measured_for_days"),
            models.CheckConstraint(
                condition=~Q(status="scheduled") | Q(starts_at__isnull=False), name="mailing_scheduled_has_a_start"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "paused", "done"]) | Q(started_at__isnull=False),
                name="mailing_on_its_way_has_started",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(status__in=["stopped", "done"]), name="mailing_ended_is_over"
            ),
        ]
        indexes = [
            models.Index(fields=["program", "-id"], name="mailing_by_program"),
            models.Index(fields=["id"], condition=Q(status__in=["scheduled", "running"]), name="mailing_to_send"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def about(self) -> str:
        """What its letters are about: the subject they have in the outbox."""
        return f"mailing:{self.pk}"

    @property
    def leaves_at(self) -> datetime | None:
        """When the first letter may leave; None before it has started."""
        return self.started_at + STOP_WINDOW if self.started_at else None

    @property
    def seconds_a_letter(self) -> float:
        """How much time a letter takes of the pace; 0 without one."""
        return {self.Per.MINUTE: 60, self.Per.HOUR: 3600}[self.Per(self.pace_per)] / self.pace if self.pace else 0

    def words_in(self, language: str) -> tuple[str, str]:
        """Subject line and text in a language; in English where there is none."""
        return in_language(self, "subject", language), in_language(self, "text", language)


class Recipient(models.Model):
    """A member of the frozen audience of a mailing: gets its letter, or was drawn to be kept out."""

    mailing = models.ForeignKey(
        Mailing, models.PROTECT, related_name="recipients", verbose_name=_("mailing"), db_index=False
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="mailings", verbose_name=_("member"), db_index=False
    )
    is_kept_out = models.BooleanField(_("kept out"), default=False, db_default=False)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        ordering = ["mailing_id", "member_id"]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "member"], name="member_once_in_a_mailing"),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.member_id}"
