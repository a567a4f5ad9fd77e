"""What the desk shows of a survey: how many answered, and each question's results."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from campaigns.ways import surveys
from campaigns.ways.models import Survey, SurveyAnswer
from loyalty.desk.panels import Panel, Stat


def count_answers(rows: Sequence[Any]) -> None:
    """Give each survey, as `answered`, how many answered it: one query."""
    answers = SurveyAnswer.objects.filter(survey__in=[one.pk for one in rows]).order_by()
    counts = dict(answers.values_list("survey").annotate(count=Count("pk")))
    for one in rows:
        one.answered = counts.get(one.pk, 0)


def page(survey: Survey) -> dict[str, Any]:
    """Figures and tables of a survey's page."""
    found = surveys.results(survey)
    stats = [Stat(_("Answers"), number_format(survey.answers.count()), _("Members who answered. Each answers once."))]
    stats += [_nps(one.nps) for one in found if one.nps]
    return {"stats": stats, "panels": [_panel(one) for one in found]}


def _nps(score: surveys.Nps) -> Stat:
    """The score with its interval."""
    between = _("95 %% interval: %(low)s to %(high)s, of %(count)d answers") % {
        "low": _signed(score.low), "high": _signed(score.high), "count": score.count,
    }  # fmt: skip
    hint = _("Promoters (9 and 10) less detractors (0 to 6), in percent of those who replied.")
    return Stat(_("NPS"), _signed(score.score), hint, between)


def _signed(number: float) -> str:
    whole = round(number)
    return f"+{whole}" if whole > 0 else str(whole).replace("-", "−")


def _panel(one: surveys.Result) -> Panel:
    """The results of one question as a table."""
    if one.question.kind == one.question.Kind.TEXT:
        return Panel(one.question, [_("Words")], [(text,) for text in one.words], _("Nobody wrote anything yet."))
    rows = [
        (name, number_format(count), number_format(100 * count / one.total, 1) + " %" if one.total else "–")
        for name, count in one.counts
    ]
    note = _("Mean: %(mean)s") % {"mean": number_format(one.mean, 2)} if one.mean is not None else ""
    headers = [_("Answer"), _("Members"), _("Share")]
    return Panel(one.question, headers, rows, numeric=frozenset({1, 2}), note=note)
