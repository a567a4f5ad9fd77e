"""Charts of the desk: bars and lines told as data, each with the same numbers as a table for whoever does not see them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language

from loyalty.common.money import show_points
from loyalty.desk.panels import EMPTY, Panel

INK, QUIET, WARM = "var(--color-primary-500)", "#2563eb", "#d97706"
COLOURS = (INK, QUIET, WARM)
GREY = "#6b7280"
Number = Any


@dataclass(frozen=True)
class Series:
    """One row of bars or one line: its name and a number (or None: nothing known) for each label."""

    name: Any
    values: Sequence[Number | None]
    colour: str = ""


def chart(
    title: Any,
    definition: Any,
    first: Any,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    kind: str = "bar",
    is_sideways: bool = False,
    show: Callable[[Number], str] = show_points,
) -> dict[str, Any]:
    """What `admin/desk/chart.html` draws. `first` is the title of the labels' column, `show` writes a number for the table."""
    sets = [_set(one, one.colour or COLOURS[place % len(COLOURS)], kind) for place, one in enumerate(series)]
    rows = [
        (label, *[EMPTY if one.values[place] is None else show(one.values[place]) for one in series])
        for place, label in enumerate(labels)
    ]
    heads, numeric = [first, *[one.name for one in series]], frozenset(range(1, len(series) + 1))
    return {
        "title": title,
        "definition": definition,
        "type": kind,
        "value": json.dumps({"labels": [str(label) for label in labels], "datasets": sets}),
        "options": json.dumps(_options(is_sideways=is_sideways, has_legend=len(series) > 1)),
        "table": Panel("", heads, rows, numeric=numeric),
    }


def _set(series: Series, colour: str, kind: str) -> dict[str, Any]:
    values = [value if value is None or isinstance(value, int) else float(value) for value in series.values]
    return {
        "label": str(series.name), "data": values, "backgroundColor": colour, "borderColor": colour, "borderRadius": 3,
        "maxBarThickness": 28, "tension": 0.3, "pointRadius": 0 if kind == "line" and len(values) > 14 else 3,
    }  # fmt: skip


def _options(*, is_sideways: bool, has_legend: bool) -> dict[str, Any]:
    ticks = {"color": GREY, "maxRotation": 0, "autoSkipPadding": 12}
    plain = {"border": {"display": False}, "ticks": ticks}
    # Bars that lie down have their names beside them: none of these may be left out.
    named = plain | {"ticks": ticks | {"autoSkip": False}} if is_sideways else plain
    return {
        "locale": get_language() or "en",
        "responsive": True,
        "maintainAspectRatio": False,
        "animation": False,
        "indexAxis": "y" if is_sideways else "x",
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "display": has_legend,
                "position": "bottom",
                "labels": {"boxWidth": 12, "boxHeight": 12, "color": GREY},
            }
        },
        "scales": {
            "x": plain | {"grid": {"display": is_sideways}, "beginAtZero": True},
            "y": named | {"grid": {"display": not is_sideways}, "beginAtZero": True},
        },
    }
