"""Which campaigns run when: each as a bar over the months around now, for the desk's timeline."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format

from campaigns.models import Campaign
from campaigns.publishing import state_at
from loyalty.common.clock import add_months, day_start, local_day

MONTHS_BEFORE, MONTHS_AFTER = 2, 7
MOST = 100


@dataclass(frozen=True)
class Bar:
    """One campaign: where its bar begins and how long it is, in hundredths of the whole."""

    campaign: Campaign
    state: str
    first: datetime
    last: datetime
    left: str
    width: str


@dataclass(frozen=True)
class Timeline:
    """The months shown with where each begins, the bars, and where now is."""

    months: list[tuple[str, str]]
    bars: list[Bar]
    now: str


def timeline(campaigns: QuerySet[Campaign], *, at: datetime, zone: str) -> Timeline:
    """The campaigns that run between two months ago and seven months ahead."""
    month = local_day(at, zone).replace(day=1)
    days = [add_months(month, number) for number in range(-MONTHS_BEFORE, MONTHS_AFTER + 1)]
    edges = [day_start(day, zone) for day in days]
    begin, end = edges[0], edges[-1]

    def place(instant: datetime) -> float:
        return 100 * (min(max(instant, begin), end) - begin) / (end - begin)

    found = campaigns.filter(since__lt=end, until__gt=begin).order_by("since", "id")[:MOST]
    bars: list[Any] = [
        Bar(
            one,
            state_at(one, at),
            one.since,
            one.until - timedelta(microseconds=1),
            f"{place(one.since):.2f}",
            f"{max(place(one.until) - place(one.since), 0.6):.2f}",
        )
        for one in found
    ]
    months = [(date_format(day, "M Y"), f"{place(edge):.2f}") for day, edge in zip(days[:-1], edges[:-1], strict=True)]
    return Timeline(months, bars, f"{place(at):.2f}")
