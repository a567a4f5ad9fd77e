"""The picture of a change that moves the ends of points: how many end in which month before and after."""

import json
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from loyalty.common.money import show_points
from loyalty.desk.panels import Panel
from loyalty.jobs.models import ChangeRequest

MOST_MONTHS = 60


def chart(change: ChangeRequest) -> dict[str, Any] | None:
    """Bars and the same numbers as a table; None for a change that moves no ends."""
    months = change.summary.get("months", [])[:MOST_MONTHS]
    if not months:
        return None
    decimals = change.wallet.decimals if change.wallet else 0
    names = [_month(month) for month, _before, _after in months]
    series = [
        (_("End now"), [before for _month, before, _after in months], "#9ca3af"),
        (_("End after the change"), [after for _month, _before, after in months], "var(--color-primary-500)"),
    ]
    datasets = [
        {"label": label, "data": [points / 10**decimals for points in values], "backgroundColor": shade, "borderRadius": 3, "maxBarThickness": 28}
        for label, values, shade in series
    ]  # fmt: skip
    axis = {"border": {"display": False}, "ticks": {"color": "#6b7280", "maxRotation": 0, "autoSkipPadding": 12}}
    options = {
        "locale": get_language() or "en", "responsive": True, "maintainAspectRatio": False, "animation": False,
        "plugins": {"legend": {"position": "bottom", "labels": {"boxWidth": 12, "boxHeight": 12, "color": "#6b7280"}}},
        "scales": {"x": {**axis, "grid": {"display": False}}, "y": {**axis, "beginAtZero": True}},
    }  # fmt: skip
    rows = [(name, show_points(before, decimals), show_points(after, decimals)) for name, (_m, before, after) in zip(names, months, strict=True)]  # fmt: skip
    return {
        "title": _("Points by the month they end in"),
        "definition": _("The points that would be moved, by the month of their last valid day: as it is, and after the change."),
        "type": "bar",
        "value": json.dumps({"labels": names, "datasets": datasets}),
        "options": json.dumps(options),
        "table": Panel("", [_("Month"), *(label for label, _values, _shade in series)], rows, numeric=frozenset({1, 2})),
    }  # fmt: skip


def _month(text: str) -> str:
    return str(date_format(date.fromisoformat(f"{text}-01"), "M Y")) if text else _("never")
