"""Surveys, as data: questions, and what each member replied once."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named, in_language
from loyalty.ledger.models import Program
from members.models import Member


class Survey(Named):
    """Questions to members, open from `since` until `until`. Each member answers once."""

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="surveys", verbose_name=_("program"), db_index=False
    )
    slug = models.SlugField(_("short name"))
    intro = models.CharField(_("what members read first"), max_length=300, blank=True)
    intro_id = models.CharField(_("what members read first, in Indonesian"), max_length=300, blank=True)
    intro_ms = models.CharField(_("what members read first, in Malay"), max_length=300, blank=True)
    since = models.DateTimeField(_("starts at"))
    until = models.DateTimeField(_("ends before"))

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "slug"], name="survey_slug_once_per_program"),
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="survey_ends_after_it_began"),
        ]

    @property
    def shown_intro(self) -> str:
        """What members read first, in the reader's language."""
        return in_language(self, "intro")


class Question(models.Model):
    """One question. `choices` has one line per choice; NPS asks from 0 to 10, a rating from 1 to 5."""

    class Kind(models.TextChoices):
        NPS = "nps", _("recommendation, 0 to 10 (NPS)")
        RATING = "rating", _("stars, 1 to 5")
        CHOICE = "choice", _("one of several choices")
        TEXT = "text", _("words")

    survey = models.ForeignKey(
        Survey, models.PROTECT, related_name="questions", verbose_name=_("survey"), db_index=False
    )
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    text = models.CharField(_("question"), max_length=200)
    text_id = models.CharField(_("question in Indonesian"), max_length=200, blank=True)
    text_ms = models.CharField(_("question in Malay"), max_length=200, blank=True)
    choices = models.TextField(_("choices"), blank=True, help_text=_("One per line."))
    choices_id = models.TextField(_("choices in Indonesian"), blank=True)
    choices_ms = models.TextField(_("choices in Malay"), blank=True)
    is_needed = models.BooleanField(_("must be answered"), default=True)

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ["survey_id", "position"]
        constraints = [models.UniqueConstraint(fields=["survey", "position"], name="question_position_once_per_survey")]

    def __str__(self) -> str:
        return in_language(self, "text")


class SurveyAnswer(models.Model):
    """That a member answered a survey: once."""

    survey = models.ForeignKey(Survey, models.PROTECT, related_name="answers", verbose_name=_("survey"), db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="survey_answers", verbose_name=_("member"))
    answered_at = models.DateTimeField(_("answered at"))
    points = models.BigIntegerField(_("points earned"), default=0)

    class Meta:
        verbose_name = _("answer to a survey")
        verbose_name_plural = _("answers to surveys")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["survey", "member"], name="survey_answered_once_per_member")]
        indexes = [models.Index(fields=["answered_at"], name="answer_by_time")]

    def __str__(self) -> str:
        return f"{self.survey}: {self.member}"


class Reply(models.Model):
    """The reply to one question: a number for NPS, stars and choices (from 0), else words."""

    answer = models.ForeignKey(
        SurveyAnswer, models.PROTECT, related_name="replies", verbose_name=_("answer"), db_index=False
    )
    question = models.ForeignKey(Question, models.PROTECT, related_name="replies", verbose_name=_("question"))
    number = models.SmallIntegerField(_("number"), null=True, blank=True)
    text = models.CharField(_("words"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        constraints = [models.UniqueConstraint(fields=["answer", "question"], name="question_replied_once_per_answer")]

    def __str__(self) -> str:
        return self.text or str(self.number)
