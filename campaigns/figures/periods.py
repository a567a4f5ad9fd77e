"""Stretches of time one can look at, each with the one before it, all in whole days of the program clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program

A_DAY = timedelta(days=1)
LONGEST = timedelta(days=3660)


class PeriodRefused(Refusal):
    """No stretch of time one can look at."""

    code = "period_refused"
    status = 422


@dataclass(frozen=True)
class Period:
    """The days from `first` until before `after`. `months` is how far the period before it lies back; 0: as many days."""

    name: str
    title: Any
    first: date
    after: date
    zone: str
    months: int = 0

    @property
    def since(self) -> datetime:
        """Its first instant."""
        return day_start(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The first instant after it."""
        return day_start(self.after, self.zone)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.after - A_DAY

    @property
    def before(self) -> "Period":
        """The period it is compared with: the same days so many months before, or as many days just before."""
        if not self.months:
            return Period("before", "", self.first - (self.after - self.first), self.first, self.zone)
        first, after = add_months(self.first, -self.months), add_months(self.after, -self.months)
        return Period("before", "", first, min(after, self.first), self.zone)


def periods(program: Program, *, at: datetime) -> dict[str, Period]:
    """The periods one can look at by name; those that are still running end with today."""
    zone, today = program.time_zone, local_day(at, program.time_zone)
    month, tomorrow = today.replace(day=1), today + A_DAY
    found = [
        Period("month", gettext_lazy("This month"), month, tomorrow, zone, 1),
        Period("last_month", gettext_lazy("Last month"), add_months(month, -1), month, zone, 1),
        Period("quarter", gettext_lazy("The last 3 months"), _back(today, 3), tomorrow, zone, 3),
        Period("year", gettext_lazy("The last 12 months"), _back(today, 12), tomorrow, zone, 12),
    ]
    return {period.name: period for period in found}


def _back(today: date, months: int) -> date:
    return add_months(today, -months) + A_DAY


def month_of(day: date, zone: str) -> Period:
    """The whole month that a day lies in."""
    first = day.replace(day=1)
    return Period(f"{first:%Y-%m}", "", first, add_months(first, 1), zone, 1)


def between(program: Program, first: date, last: date, *, at: datetime) -> Period:
    """The days from the first to the last one. Raises PeriodRefused."""
    if first > last:
        raise PeriodRefused(_("The first day lies after the last one."), field="since")
    if first > local_day(at, program.time_zone):
        raise PeriodRefused(_("This period lies in the future."), field="since")
    if last - first > LONGEST or first.year < 1990:
        raise PeriodRefused(_("Choose ten years or less."), field="since")
    return Period("days", gettext_lazy("These days"), first, last + A_DAY, program.time_zone)
