"""Figures as the desk shows them: tiles with the period before, charts with their tables, in the reader's language."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.figures import telling
from campaigns.figures.catalogue import (
    DAY,
    FIGURES,
    MONEY,
    POINTS,
    SCORE,
    SHARE,
    TEXT,
    TIMES,
    Column,
    Estimate,
    Figure,
    Reading,
)
from campaigns.figures.telling import Told, number
from loyalty.common.money import show_money, show_points, show_share
from loyalty.desk import charts
from loyalty.desk.charts import Series
from loyalty.desk.panels import EMPTY, Panel, Stat, link

# How a table is drawn: which columns are bars or lines; the others are read in its table.
DRAWN = {
    "members_by_tier": ["members"],
    "purchases_by_week": ["purchases"],
    "points_by_month": ["issued", "redeemed", "expired"],
    "outstanding_by_end": ["points"],
    "breakage_by_month": ["granted", "unused", "open"],
    "reward_popularity": ["redemptions"],
    "rewards_redeemed": ["cost", "margin"],
    "redemptions_by_tier": ["redemptions"],
    "redemptions_by_segment": ["redemptions"],
    "rewards_unwanted": ["points"],
    "campaigns": ["cost", "incremental"],
}
SIDEWAYS = {
    "members_by_tier",
    "reward_popularity",
    "campaigns",
    "rewards_redeemed",
    "redemptions_by_tier",
    "redemptions_by_segment",
    "rewards_unwanted",
}
MOST_BARS = 12


def show(value: Any, unit: str, asked: Reading) -> str:
    """A value in the reader's language."""
    if value is None:
        return EMPTY
    if isinstance(value, Estimate):
        value = value.value
    if unit == MONEY:
        return show_money(value, asked.program.currency)
    if unit == SHARE:
        return show_share(value)
    if unit == POINTS:
        return show_points(value, asked.wallet.decimals)
    if unit == DAY:
        return date_format(value, "j M Y")
    if unit in (TIMES, SCORE):
        return _decimal(value, "#,##0.00" if unit == TIMES else "#,##0.0")
    return str(value) if unit == TEXT else show_points(value)


def _decimal(value: Decimal, pattern: str) -> str:
    return str(format_decimal(value, format=pattern, locale=get_language() or "en"))


def change_in_words(told: Told) -> str:
    """How a figure moved against the period before: `+12.0%`, of shares in percentage points."""
    change = told.change
    if change is None:
        return ""
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    if told.figure.unit == SHARE:
        return _("%(sign)s%(points)s percentage points") % {"sign": sign, "points": _decimal(abs(change) * 100, "0.0")}
    if told.figure.unit == SCORE:
        return sign + _decimal(abs(change), "0.0")
    return sign + show_share(abs(change))


def note(told: Told, asked: Reading) -> str:
    """What stands under a figure: how it moved and what it was, or its interval."""
    unit = told.figure.unit
    if isinstance(told.value, Estimate) and told.value.low is not None:
        edges = {"low": show(told.value.low, unit, asked), "high": show(told.value.high, unit, asked)}
        return _("95%% interval: %(low)s to %(high)s") % edges
    if told.figure.is_now:
        return _("now")
    if told.value is None:
        return _("nothing to count in this period")
    if told.before is None:
        return _("nothing before to compare with")
    moved, before = change_in_words(told), show(told.before, unit, asked)
    return _("%(change)s, before: %(before)s") % {"change": moved, "before": before} if moved else _("before: %(before)s") % {"before": before}  # fmt: skip


def tile(told: Told, asked: Reading, query: str = "") -> Stat:
    """A figure as a tile that leads to its own page."""
    known = told.figure
    address = reverse("admin:campaigns_figure", args=[known.name]) + query
    return Stat(known.title, show(told.value, known.unit, asked), known.definition, note(told, asked), url=address)


def chart(figure: Figure, asked: Reading) -> dict[str, Any]:
    """The picture of a figure with the same numbers as a table."""
    table = figure if figure.columns else telling.table_of(figure)
    if table is None:
        return _by_month(figure, asked)
    found = table.function(asked)
    return _retention(table, found) if table.name == "retention" else _drawn(table, found, asked)


def _by_month(figure: Figure, asked: Reading) -> dict[str, Any]:
    """A number month by month."""
    months = telling.by_month(figure, asked)
    values = [number(value) for _first, value in months]
    return charts.chart(
        figure.title, figure.definition, _("Month"), [month(first) for first, _value in months],
        [Series(figure.title, _scaled(values, figure.unit, asked))], kind="line", show=_shower(figure.unit, asked),
    )  # fmt: skip


def _drawn(figure: Figure, found: Sequence[dict[str, Any]], asked: Reading) -> dict[str, Any]:
    """Some columns of a table as bars, or as a line over weeks."""
    drawn = [column for column in figure.columns if column.name in DRAWN[figure.name]]
    bars = found[:MOST_BARS] if figure.name in SIDEWAYS else found
    series = [Series(c.title, _scaled([number(row[c.name]) for row in bars], c.unit, asked)) for c in drawn]
    first = figure.columns[0]
    labels = [label(row[first.name], figure.name) for row in bars]
    kind = "line" if figure.name == "purchases_by_week" else "bar"
    return charts.chart(
        figure.title, figure.definition, first.title, labels, series, kind=kind,
        is_sideways=figure.name in SIDEWAYS, show=_shower(drawn[0].unit, asked),
    )  # fmt: skip


def _retention(figure: Figure, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The average of all months of joining, weighted by their members, by months since."""
    columns = figure.columns[2:]
    shares: list[Decimal | None] = []
    for column in columns:
        known = [(row[column.name], row["members"]) for row in found if row[column.name] is not None]
        people = sum(members for _share, members in known)
        shares.append(sum(share * members for share, members in known) / people if people else None)
    series = [Series(_("Share that bought, all months of joining together"), shares)]
    titles = [str(column.title) for column in columns]
    return charts.chart(figure.title, figure.definition, _("Months since"), titles, series, kind="line", show=show_share)  # fmt: skip


def _scaled(values: Sequence[Decimal | None], unit: str, asked: Reading) -> list[Decimal | None]:
    """Points as people count them, not in the smallest unit."""
    if unit != POINTS or not asked.wallet.decimals:
        return list(values)
    return [None if value is None else value.scaleb(-asked.wallet.decimals) for value in values]


def _shower(unit: str, asked: Reading) -> Any:
    def shown(value: Decimal) -> str:
        return show(value.scaleb(asked.wallet.decimals) if unit == POINTS else value, unit, asked)

    return shown


def month(first: date) -> str:
    """A month, as `Nov 2026`."""
    return date_format(first, "M Y")


def label(value: Any, name: str) -> str:
    """What stands beside a bar."""
    if value is None:
        return _("never")
    if isinstance(value, date):
        return date_format(value, "j M") if name == "purchases_by_week" else month(value)
    return str(value)


def panel(figure: Figure, asked: Reading, *, has_note: bool = True) -> Panel | None:
    """All columns of a table; None for a number told month by month, whose chart has the whole table."""
    table = figure if figure.columns else telling.table_of(figure)
    if table is None:
        return None
    shown = [[_cell(row[c.name], c, table, asked) for c in table.columns] for row in table.function(asked)]
    numeric = frozenset(place for place, c in enumerate(table.columns) if c.unit not in (TEXT, DAY))
    return Panel(
        table.title, [c.title for c in table.columns], shown, _("Nothing of this happened in the period."),
        numeric=numeric, note=table.definition if has_note or table is not figure else "", stays_table=True,
    )  # fmt: skip


def _cell(value: Any, column: Column, table: Figure, asked: Reading) -> Any:
    """A cell of a table; campaigns lead to their report."""
    if column.name == "campaign":
        return link(reverse("admin:campaigns_campaign_report", args=[value.pk]), str(value))
    if column.unit == DAY:
        return label(value, table.name) if table.name != "purchases_by_week" else show(value, DAY, asked)
    return show(value, column.unit, asked)


def figures_of(group: str) -> list[Figure]:
    """The numbers of a group, in the order of the page."""
    return [one for one in FIGURES.values() if one.group == group and one.unit]
