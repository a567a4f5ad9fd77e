"""The page of one change: what it is, exactly what would be posted, what is unusual, and what to do now."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import EMPTY, Panel, Stat, badge, link, signed
from loyalty.jobs.changes import charting, kinds, people, spreading
from loyalty.jobs.models import ChangeLine, ChangeRequest
from loyalty.ledger.models import Entry

SHOWN = 25
TONES = {
    "waiting": "warn", "approved": "info", "posting": "info", "done": "good", "refused": "bad", "stale": "bad",
    "failed": "bad",
}  # fmt: skip
OUTCOME_TONES = {"posted": "good", "skipped": "bad"}
LINE_HEADERS = [_("Member"), _("What"), _("Points"), _("Missing"), _("In words"), _("Outcome")]


def page(change: ChangeRequest, user: Any) -> dict[str, Any]:
    """Figures and tables of a change."""
    chart = charting.chart(change)
    return ({"before_include": "admin/desk/chart.html", "chart": chart} if chart else {}) | {
        "stats": _stats(change),
        "panels_before": [_now(change, user), *_said(change)],
        "panels": [*spreading.panel(change), *_outliers(change), _lines(change), *_left_out(change)],
    }


def tone(change: ChangeRequest) -> str:
    """The colour of a state."""
    return TONES.get(change.status, "")


def kind_title(change: ChangeRequest) -> str:
    """What kind of change it is, and whether it takes another one back."""
    known = {kind.name: kind.title for kind in kinds.kinds()}
    title = known.get(change.kind, change.kind)
    return str(_("Undo: %(title)s") % {"title": title}) if change.undoes_id else str(title)


def points(change: ChangeRequest, amount: int) -> str:
    """An amount of the change in the reader's numbers."""
    return show_points(amount, change.wallet.decimals if change.wallet else 0)


def line_cells(lines: list[ChangeLine], change: ChangeRequest) -> list[tuple[Any, ...]]:
    """Lines as rows of a table; one query for all names."""
    kind, asked = kinds.find(change.kind), kinds.asked(change)
    whose = people.holders(line.account_id for line in lines)
    return [
        (
            whose.get(line.account_id or 0, line.key),
            str(dict(Entry.Kind.choices).get(line.kind, kind.title)),
            signed(line.amount, points(change, line.amount)),
            points(change, line.short) if line.short else EMPTY,
            kind.words(asked, kinds.row(line)),
            line.said or line.get_outcome_display(),
        )
        for line in lines
    ]


def _stats(change: ChangeRequest) -> list[Stat]:
    """What it moves; a change of prices or terms that touches no account says nothing of points."""
    touched = change.summary.get("members", 0)
    told = [Stat(_("Lines"), show_points(change.lines_count), _("What is posted, line by line below."))]
    if touched or not change.lines_count:
        told += [
            Stat(_("Members"), show_points(touched), _("How many accounts it touches.")),
            Stat(_("Points given"), points(change, change.points_given), note=_worth(change, change.points_given)),
            Stat(_("Points taken"), points(change, change.points_taken), note=_worth(change, change.points_taken)),
        ]
    if change.summary.get("short"):
        short = points(change, change.summary["short"])
        told.append(Stat(_("Cannot be taken back"), short, _("Spent meanwhile."), tone="bad"))
    if change.posted_count or change.skipped_count:
        told.append(Stat(_("Posted"), f"{change.posted_count:,}", note=_skipped(change)))
    return told


def _skipped(change: ChangeRequest) -> Any:
    return _("%(count)d not posted") % {"count": change.skipped_count} if change.skipped_count else ""


def _worth(change: ChangeRequest, amount: int) -> str:
    wallet = change.wallet
    if not (wallet and wallet.money_per_unit and amount):
        return ""
    return show_money((amount * wallet.money_per_unit).scaleb(-wallet.decimals), change.program.currency)


def _now(change: ChangeRequest, user: Any) -> Panel:
    """What the state means and what comes next."""
    mine = change.asked_by == f"staff:{user.pk}"
    limits = change.summary.get("limits", [])
    said = {
        "draft": _("This is only a preview: nothing has moved. Post it or ask for it with the button above.")
        if not limits
        else _("This is only a preview: nothing has moved. It is above a limit, so a second person has to approve it."),
        "waiting": _("You asked for this. Somebody else has to approve it; you can withdraw it.")
        if mine
        else _("It waits for a second person. Approving looks everything up once more: if a line would be another now, nothing is posted."),
        "approved": _("It is approved. The job “Post changes” takes it up at the next nudge, in chunks."),
        "posting": _("It is being posted in chunks. A stop in between loses nothing and posts nothing twice."),
        "done": _done(change),
        "undone": _("It was posted and taken back."),
        "refused": _("It was refused: %(decision)s") % {"decision": change.decision},
        "withdrawn": _("It was withdrawn. Nothing has moved."),
        "stale": _("Something changed since it was looked up, so nothing was posted. Look it up again above."),
        "failed": _("Posting stopped with an error: %(error)s What was posted stays; mend the cause and try again.") % {"error": change.error},
    }[change.status]  # fmt: skip
    more = [link(reverse("admin:jobs_changerequest_change", args=[change.undoes_id]), _("Open the change it takes back"))] if change.undoes_id else []  # fmt: skip
    more += [link(reverse("admin:jobs_changerequest_change", args=[undo.pk]), _("Taken back by %(change)s") % {"change": undo}) for undo in change.undone_by.exclude(status="draft")[:5]]  # fmt: skip
    return Panel(
        _("What to do now"), [], [], format_html("{} {}", said, format_html_join(" ", "{}", ((m,) for m in more)))
    )


def _done(change: ChangeRequest) -> Any:
    if not kinds.find(change.kind).can_undo:
        return _("It was posted as shown.")
    if not change.summary.get("members", 0):
        return _("It was posted as shown. It can be taken back.")
    return _("It was posted as shown. It can be undone as far as the points are still there.")


def _said(change: ChangeRequest) -> list[Panel]:
    """Sentences for whoever decides: limits, warnings, differences."""
    parts = [
        (_("Why a second person is needed"), change.summary.get("limits", [])),
        (_("Mind this"), change.summary.get("warnings", [])),
        (_("What changed meanwhile"), change.differences),
    ]
    return [
        Panel(title, [], [], format_html_join(SafeString("<br>"), "{}", ((word,) for word in words)))
        for title, words in parts
        if words
    ]


def _outliers(change: ChangeRequest) -> list[Panel]:
    keys = change.summary.get("outliers", [])
    if not keys:
        return []
    lines = sorted(change.lines.filter(key__in=keys), key=lambda line: -abs(line.amount))
    note = _("Lines that move more than ten times the usual points of this change.")
    rows = line_cells(lines, change)
    return [Panel(_("Outliers"), LINE_HEADERS, rows, note=note, numeric=frozenset({2, 3}))]


def _lines(change: ChangeRequest) -> Panel:
    lines = list(change.lines.order_by("number")[:SHOWN])
    rows = [(*cells[:5], badge(cells[5], OUTCOME_TONES.get(line.outcome, ""))) for line, cells in zip(lines, line_cells(lines, change), strict=True)]  # fmt: skip
    more = reverse("admin:jobs_changerequest_lines", args=[change.pk])
    words = _("All lines as a CSV file")
    title = _("Exactly what is posted") if change.lines_count <= SHOWN else _("The first lines of what is posted")
    return Panel(title, LINE_HEADERS, rows, more=more, more_words=words, numeric=frozenset({2, 3}))


def _left_out(change: ChangeRequest) -> list[Panel]:
    rows = change.summary.get("left_out", [])
    if not rows:
        return []
    note = _("%(count)d lines were asked for and cannot be posted.") % {"count": change.summary["left_out_count"]}
    more = reverse("admin:jobs_changerequest_lines", args=[change.pk])
    words = _("All lines as a CSV file")
    return [Panel(_("Left out"), [_("Member"), _("Why")], rows[:SHOWN], note=note, more=more, more_words=words)]


def all_cells(change: ChangeRequest) -> Iterator[tuple[Any, ...]]:
    """Every line for a file, a thousand at a time, then what is left out: plain numbers, no markup."""
    first, decimals = 0, change.wallet.decimals if change.wallet else 0
    while lines := list(change.lines.filter(number__gt=first).order_by("number")[:1000]):
        for line, cells in zip(lines, line_cells(lines, change), strict=True):
            amounts = Decimal(line.amount).scaleb(-decimals), Decimal(line.short).scaleb(-decimals)
            yield (cells[0], cells[1], f"{amounts[0]:f}", f"{amounts[1]:f}", cells[4], cells[5])
        first = lines[-1].number
    for who, why in change.summary.get("left_out", []):
        yield (who, "", "", "", why, str(_("left out")))
