"""Surveys: each member answers once and earns what the rule for survey gives; results are counts, means and the NPS (DOMAIN 13.1).

NPS is the share of promoters (9 and 10) less the share of detractors (0 to 6), from -100 to 100. Its interval is the 95 % one of a
difference of shares of one sample: 1.96 standard errors to both sides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils.translation import gettext as _

from campaigns.ways.models import Question, Reply, Survey, SurveyAnswer
from campaigns.ways.recording import Happening, record
from loyalty.common.errors import Refusal
from loyalty.common.languages import in_language
from loyalty.ledger import locking
from loyalty.ledger.models import Program
from members.activity import members_of
from members.models import Member
from members.sales import MemberClosed

SURVEY = "survey"
LIMITS = {Question.Kind.NPS: (0, 10), Question.Kind.RATING: (1, 5)}
TEXT_LENGTH = 1000
Z = 1.96


class SurveyClosed(Refusal):
    """The survey is not open at this moment."""

    code = "survey_closed"


class SurveyUnknown(Refusal):
    """The program has no such survey."""

    code = "survey_unknown"
    status = 404


class AnswersRefused(Refusal):
    """Some replies do not fit their questions; `numbers["errors"]` names them by position."""

    code = "answers_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Nps:
    """A net promoter score with its 95 % interval, in points from -100 to 100."""

    promoters: int
    passives: int
    detractors: int
    score: float
    low: float
    high: float

    @property
    def count(self) -> int:
        """How many replied."""
        return self.promoters + self.passives + self.detractors


@dataclass(slots=True)
class Result:
    """What was replied to one question: how often each number, the mean, words; the NPS where it asks for one."""

    question: Question
    counts: list[tuple[str, int]] = field(default_factory=list)
    total: int = 0
    mean: float | None = None
    nps: Nps | None = None
    words: list[str] = field(default_factory=list)


def by_slug(program: Program, slug: str) -> Survey:
    """A survey by its short name. Raises SurveyUnknown."""
    found = Survey.objects.filter(program=program, slug=slug).first()
    if found is None:
        raise SurveyUnknown(_("There is no survey of this name."))
    return found


def open_to(member: Member, *, at: datetime) -> list[Survey]:
    """Surveys open at an instant that this member has not answered, soonest to end first: one query."""
    answered = SurveyAnswer.objects.filter(survey=OuterRef("pk"), member=member)
    asks = Question.objects.filter(survey=OuterRef("pk"))
    found = Survey.objects.filter(program=member.program, since__lte=at, until__gt=at)
    return list(found.filter(Exists(asks)).exclude(Exists(answered)).order_by("until", "pk"))


@transaction.atomic
def answer(
    survey: Survey, member: Member, replies: Mapping[int, Any], *, at: datetime, actor: str
) -> tuple[SurveyAnswer, bool]:
    """Keep a member's replies (by position of the question) and give what the survey earns; whether they are new.

    A second answer changes nothing and returns the first. Raises SurveyClosed, AnswersRefused, MemberClosed.
    """
    ((status, account_id),) = members_of(survey.program, {member.pk}).values()
    locking.lock(account_id)
    first = SurveyAnswer.objects.filter(survey=survey, member=member).first()
    if first:
        return first, False
    if status == Member.Status.CLOSED:
        raise MemberClosed(_("This member has left the program."))
    if not survey.since <= at < survey.until:
        raise SurveyClosed(_("This survey is not open now. Thank you all the same."))
    questions = list(survey.questions.order_by("position"))
    errors = problems(questions, replies)
    if errors:
        raise AnswersRefused(_("Some answers are missing or do not fit. Look at the marked questions."), errors=errors)
    made = SurveyAnswer.objects.create(survey=survey, member=member, answered_at=at)
    Reply.objects.bulk_create(_reply(made, one, replies[one.position]) for one in questions if _is_given(replies, one))
    key = f"{SURVEY}:{survey.pk}:{member.pk}"
    events = record(survey.program, SURVEY, [Happening(member.pk, key, at)], at=at, actor=actor)
    made.points = events[key].points if key in events else 0
    made.save(update_fields=["points"])
    return made, True


def problems(questions: Iterable[Question], replies: Mapping[int, Any]) -> dict[str, str]:
    """What is wrong with replies, by position of the question."""
    known = {one.position: one for one in questions}
    errors = {str(position): _("There is no such question.") for position in replies if position not in known}
    for position, question in known.items():
        if not _is_given(replies, question):
            if question.is_needed:
                errors[str(position)] = _("Please answer this question.")
            continue
        value = replies[position]
        if question.kind == Question.Kind.TEXT:
            if not isinstance(value, str) or len(value) > TEXT_LENGTH:
                errors[str(position)] = _("Write at most %(most)d characters.") % {"most": TEXT_LENGTH}
            continue
        low, high = limits(question)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            errors[str(position)] = _("Choose one of the answers.")
    return errors


def limits(question: Question) -> tuple[int, int]:
    """The least and the greatest number of a question that is answered by one."""
    return LIMITS.get(Question.Kind(question.kind)) or (0, len(choices(question)) - 1)


def choices(question: Question, language: str | None = None) -> list[str]:
    """The choices of a question in the reader's language; English where the number of lines differs."""
    own = [line.strip() for line in in_language(question, "choices", language).splitlines() if line.strip()]
    english = [line.strip() for line in question.choices.splitlines() if line.strip()]
    return own if len(own) == len(english) else english


def results(survey: Survey) -> list[Result]:
    """The results of every question: two queries, and one for words."""
    questions = list(survey.questions.order_by("position"))
    rows = Reply.objects.filter(question__survey=survey, number__isnull=False).values_list("question", "number")
    counted: dict[int, dict[int, int]] = {}
    for question_id, number, count in rows.annotate(count=Count("id")).order_by():
        counted.setdefault(question_id, {})[number] = count
    words: dict[int, list[str]] = {}
    said = (
        Reply.objects.filter(question__survey=survey).exclude(text="").order_by("-id").values_list("question", "text")
    )
    for question_id, text in said[:500]:
        words.setdefault(question_id, []).append(text)
    return [_result(one, counted.get(one.pk, {}), words.get(one.pk, [])) for one in questions]


def nps(counts: Mapping[int, int]) -> Nps | None:
    """The score of replies by number (0 to 10); None without any."""
    total = sum(counts.values())
    if not total:
        return None
    promoters = sum(count for number, count in counts.items() if number >= 9)
    detractors = sum(count for number, count in counts.items() if number <= 6)
    up, down = promoters / total, detractors / total
    half = Z * sqrt(max(0.0, up + down - (up - down) ** 2) / total)
    score = up - down
    low, high = max(-1.0, score - half), min(1.0, score + half)
    return Nps(promoters, total - promoters - detractors, detractors, score * 100, low * 100, high * 100)


def program_nps(program: Program, *, since: datetime, until: datetime) -> Nps | None:
    """The score over all surveys of a program that asked for it, answered from `since` until `until`: one query."""
    rows = Reply.objects.filter(
        question__kind=Question.Kind.NPS, answer__survey__program=program, answer__answered_at__gte=since,
        answer__answered_at__lt=until, number__isnull=False,
    ).values_list("number")  # fmt: skip
    return nps(dict(rows.annotate(count=Count("id")).order_by()))


def _is_given(replies: Mapping[int, Any], question: Question) -> bool:
    return replies.get(question.position) not in (None, "")


def _reply(made: SurveyAnswer, question: Question, value: Any) -> Reply:
    is_text = question.kind == Question.Kind.TEXT
    return Reply(answer=made, question=question, number=None if is_text else value, text=value if is_text else "")


def _result(question: Question, counts: Mapping[int, int], words: Sequence[str]) -> Result:
    total = sum(counts.values())
    found = Result(question, total=total or len(words), words=list(words[:50]))
    if question.kind == Question.Kind.TEXT:
        return found
    low, high = limits(question)
    names = choices(question) if question.kind == Question.Kind.CHOICE else [str(n) for n in range(low, high + 1)]
    found.counts = [(name, counts.get(low + place, 0)) for place, name in enumerate(names)]
    if question.kind != Question.Kind.CHOICE and total:
        found.mean = sum(number * count for number, count in counts.items()) / total
    if question.kind == Question.Kind.NPS:
        found.nps = nps(counts)
    return found
