"""The API's doors of surveys: what is open to a member, and a member's answers."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from campaigns.answers import member_of
from campaigns.ways import overview, surveys
from campaigns.ways.models import Question, Survey
from loyalty.common.languages import in_language
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, InstantOut, Outgoing

router = Router(tags=["Ways to earn"])


class QuestionOut(Outgoing):
    """A question: `lowest` and `highest` bound the number that answers it; a choice is answered by its place from 0."""

    position: int
    kind: str
    text: str
    is_needed: bool
    choices: list[str]
    lowest: int | None
    highest: int | None


class SurveyOut(Outgoing):
    """A survey that is open to a member, in the member's language, with what answering earns now."""

    survey: str
    name: str
    intro: str
    until: InstantOut
    points: int
    questions: list[QuestionOut]


class SurveysOut(Outgoing):
    """The open surveys a member has not answered, soonest to end first."""

    member: str
    surveys: list[SurveyOut]


class ReplyIn(Incoming):
    """The answer to one question: a number, or `text` for a question that asks for words."""

    position: int = Field(ge=1, le=200)
    number: int | None = Field(None, ge=0, le=1000)
    text: str = Field("", max_length=1000)


class SurveyAnswerIn(Incoming):
    """A member's answers to a survey."""

    member: str = Field(min_length=1, max_length=20)
    replies: list[ReplyIn] = Field(min_length=1, max_length=200)


class SurveyAnswerOut(Outgoing):
    """An answered survey and what it earned."""

    member: str
    survey: str
    answered_at: InstantOut
    points: int
    is_repeat: bool


@router.get(
    "/members/{number}/surveys",
    response=SurveysOut,
    operation_id="read_surveys",
    summary=gettext_noop("Read the surveys open to a member"),
    description=gettext_noop("With their questions. What the member has answered is left out."),
)
@reads("members:read")
def read_surveys(request: HttpRequest, number: str) -> Any:
    """With their questions. What the member has answered is left out."""
    at = timezone.now()
    member = member_of(request, number)
    found = surveys.open_to(member, at=at)
    asked: dict[int, list[Question]] = {survey.pk: [] for survey in found}
    for question in Question.objects.filter(survey__in=found).order_by("survey", "position"):
        asked[question.survey_id].append(question)
    points = overview.worth(member, surveys.SURVEY, at=at) if found else 0
    return SurveysOut(
        member=member.number,
        surveys=[_survey_out(survey, asked[survey.pk], points, member.language) for survey in found],
    )


@router.post(
    "/surveys/{survey}/answers",
    response={201: SurveyAnswerOut, 200: SurveyAnswerOut},
    operation_id="answer_survey",
    summary=gettext_noop("Answer a survey"),
    description=gettext_noop("Each member answers once: a second answer changes nothing and gets the first with 200."),
)
@writes("events:write")
def answer_survey(request: HttpRequest, survey: str, told: SurveyAnswerIn) -> Any:
    """Each member answers once: a second answer changes nothing and gets the first with 200."""
    program = caller(request).program
    member = member_of(request, told.member)
    replies = {one.position: one.text if one.number is None else one.number for one in told.replies}
    asked = surveys.by_slug(program, survey)
    made, is_new = surveys.answer(asked, member, replies, at=timezone.now(), actor=actor(request))
    answer = SurveyAnswerOut(
        member=member.number, survey=asked.slug, answered_at=made.answered_at, points=made.points, is_repeat=not is_new
    )
    return Status(201 if is_new else 200, answer)


def _survey_out(survey: Survey, questions: list[Question], points: int, language: str) -> SurveyOut:
    return SurveyOut(
        survey=survey.slug, name=in_language(survey, "name", language), intro=in_language(survey, "intro", language),
        until=survey.until, points=points, questions=[_question_out(one, language) for one in questions],
    )  # fmt: skip


def _question_out(one: Question, language: str) -> QuestionOut:
    is_words = one.kind == Question.Kind.TEXT
    lowest, highest = (None, None) if is_words else surveys.limits(one)
    choices = surveys.choices(one, language) if one.kind == Question.Kind.CHOICE else []
    return QuestionOut(
        position=one.position, kind=one.kind, text=in_language(one, "text", language), is_needed=one.is_needed,
        choices=choices, lowest=lowest, highest=highest,
    )  # fmt: skip
