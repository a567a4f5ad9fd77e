"""Figures told: beside the period before, month by month, as plain values, and as lines of a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.translation import gettext as _

from campaigns.figures.catalogue import (
    DAY,
    FIGURES,
    MONEY,
    SCORE,
    SHARE,
    TEXT,
    TIMES,
    Column,
    Estimate,
    Figure,
    Reading,
)
from campaigns.figures.people import months_until
from campaigns.figures.periods import month_of
from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal

MONTHS = 12
THOUSANDTH = Decimal("0.001")
PLACES = {MONEY: Decimal("0.01"), SHARE: Decimal("0.0001"), TIMES: Decimal("0.01"), SCORE: Decimal("0.1")}


class FigureUnknown(Refusal):
    """There is no such figure."""

    code = "figure_unknown"
    status = 404


@dataclass(frozen=True)
class Told:
    """A number of a period, with that of the period before; `before` is None where there is nothing to compare with."""

    figure: Figure
    value: Any
    before: Any = None

    @property
    def change(self) -> Decimal | None:
        """Of amounts the growth as a share; of shares and scores the difference, in their own unit."""
        now, before = number(self.value), number(self.before)
        if now is None or before is None:
            return None
        if self.figure.unit in (SHARE, SCORE):
            return now - before
        return ((now - before) / before).quantize(THOUSANDTH, ROUND_HALF_UP) if before else None


def find(name: str) -> Figure:
    """A figure by its name. Raises FigureUnknown."""
    if name not in FIGURES:
        raise FigureUnknown(_("There is no figure of this name."))
    return FIGURES[name]


def number(value: Any) -> Decimal | None:
    """A figure as a plain number; of an estimate its middle."""
    if value is None:
        return None
    return value.value if isinstance(value, Estimate) else Decimal(value)


def numbers() -> list[Figure]:
    """The figures that are one number, in the order of the page."""
    return [one for one in FIGURES.values() if one.unit]


def tell(asked: Reading, figures: Iterable[Figure]) -> list[Told]:
    """Numbers of a period beside those of the period before; what is always of now is not compared."""
    earlier, figures = asked.of(asked.period.before), list(figures)
    for together in {one.together for one in figures if one.together}:
        together([asked, earlier])
    return [Told(one, one.function(asked), None if one.is_now else one.function(earlier)) for one in figures]


def by_month(figure: Figure, asked: Reading) -> list[tuple[date, Any]]:
    """A number in each of the 12 months up to the end of the period, oldest first; the last one up to now."""
    zone = asked.program.time_zone
    firsts = months_until(local_day(asked.instant, zone), MONTHS)
    readings = [asked.of(month_of(first, zone)) for first in firsts]
    if figure.together:
        figure.together(readings)
    return [(first, figure.function(reading)) for first, reading in zip(firsts, readings, strict=True)]


def plain(value: Any, unit: str) -> Any:
    """A value as JSON and files carry it: whole numbers as numbers, amounts and shares as decimal text, days as ISO dates."""
    if value is None:
        return None
    if isinstance(value, Estimate):
        value = value.value
    if unit == TEXT:
        return str(value)
    if unit == DAY:
        return value.isoformat()
    return f"{Decimal(value).quantize(PLACES[unit], ROUND_HALF_UP):f}" if unit in PLACES else int(value)


def rows(figure: Figure, asked: Reading) -> list[list[Any]]:
    """A table as plain values, or a number month by month."""
    if figure.columns:
        return [[plain(row[c.name], c.unit) for c in figure.columns] for row in figure.function(asked)]
    table = table_of(figure)
    if table is not None:
        return rows(table, asked)
    return [[first.isoformat(), plain(value, figure.unit)] for first, value in by_month(figure, asked)]


def table_of(figure: Figure) -> Figure | None:
    """The table that pictures a number which is not told month by month."""
    return FIGURES[figure.shown_in] if figure.shown_in else None


def columns(figure: Figure) -> list[Column]:
    """The columns of `rows`."""
    table = table_of(figure) or figure
    return list(table.columns) or [Column("month", _("Month"), DAY), Column("value", figure.title, figure.unit)]


def lines(told: Iterable[Told]) -> list[list[Any]]:
    """Numbers as lines of a file: name, title, unit, value, interval, the period before, and the definition."""
    found = []
    for one in told:
        unit, estimate = one.figure.unit, one.value if isinstance(one.value, Estimate) else None
        edges = [plain(edge, unit) for edge in ((estimate.low, estimate.high) if estimate else (None, None))]
        now, before = plain(one.value, unit), plain(one.before, unit)
        found.append([one.figure.name, one.figure.title, unit, now, *edges, before, one.figure.definition])
    return found
