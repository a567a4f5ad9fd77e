"""Calendar arithmetic in the program clock (DOMAIN 2).

Instants are stored in UTC; days, months and seasons are computed in the program's IANA zone. The end of a validity is
exclusive: 00:00 in the program clock after the last valid day.
"""

import calendar
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ROUND_TO_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def local_day(at: datetime, zone: str) -> date:
    """The calendar day of an instant in the program clock."""
    return at.astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=4096)
def day_start(day: date, zone: str) -> datetime:
    """00:00 of a day in the program clock, as a UTC instant. Where the clock skips midnight: the first instant after."""
    local = datetime.combine(day, time.min, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def last_valid_day(expires_at: datetime, zone: str) -> date:
    """The day shown to people for an exclusive end (DOMAIN 2.2)."""
    return local_day(expires_at - timedelta(microseconds=1), zone)


def add_months(day: date, months: int) -> date:
    """The same day of the month, `months` later, clamped to that month's last day (DOMAIN 2.3)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def period_end(day: date, period: str) -> date:
    """The last day of the month, quarter or year that `day` lies in."""
    months = ROUND_TO_MONTHS[period]
    last_month = ((day.month - 1) // months + 1) * months
    return date(day.year, last_month, calendar.monthrange(day.year, last_month)[1])


def next_of_days(days: Collection[tuple[int, int]], earliest: date) -> date:
    """The first of some days of the year (month, day) on or after `earliest`; 29 February is the 28th in other years."""
    years = (earliest.year, earliest.year + 1)
    found = (_day_of(year, month, number) for year in years for month, number in days)
    return min(day for day in found if day >= earliest)


def _day_of(year: int, month: int, number: int) -> date:
    return date(year, month, min(number, calendar.monthrange(year, month)[1]))


def end_of_quiet(at: datetime, begins: time, ends: time, zone: str) -> datetime | None:
    """When the daily quiet hours that an instant lies in end, as a UTC instant after it; None when it lies in none."""
    local = at.astimezone(ZoneInfo(zone))
    now = local.time()
    is_quiet = begins <= now < ends if begins < ends else now >= begins or now < ends
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=1 if now >= ends else 0)
    found = datetime.combine(day, ends, tzinfo=ZoneInfo(zone))
    # Where the clock goes back, an hour comes twice: then the second one is meant.
    return next(end for fold in (0, 1) if (end := found.replace(fold=fold).astimezone(UTC)) > at)
