"""When seasons are: a program's own table of days, filled from known calendars and corrected by people.

Days are those of the program clock, both included. What is entered counts from then on; a correction is another revision
of the same year and leaves what was promised under the earlier days as it was (DOMAIN 9.1, 9.4).
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.clock import add_months, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger.models import ExpiryPolicy, Program, Season, SeasonPeriod

# Days of a season that ends points are to be entered so far ahead.
ENTERED_MONTHS = 18
KNOWN = Path(__file__).parent / "known_seasons.csv"
# Slug: names in English, Indonesian and Malay.
NAMES = {
    "ramadan": ("Ramadan", "Ramadan", "Ramadan"),
    "eid-al-fitr": ("Eid al-Fitr", "Idulfitri", "Hari Raya Aidilfitri"),
    "lunar-new-year": ("Lunar New Year", "Tahun Baru Imlek", "Tahun Baharu Cina"),
    "independence-id": ("Indonesian independence month", "Bulan Kemerdekaan", "Bulan kemerdekaan Indonesia"),
    "singles-day": ("11.11", "11.11", "11.11"),
    "harbolnas": ("Harbolnas 12.12", "Harbolnas 12.12", "Harbolnas 12.12"),
    "christmas": ("Christmas", "Natal", "Krismas"),
}


class PeriodNotPossible(Refusal):
    """A season cannot end before it begins, nor begin without an end, nor lie over another year of itself."""

    code = "season_not_possible"
    status = 422


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a season in one year, both included."""

    id: int
    label: str
    first_day: date
    last_day: date

    def holds(self, day: date) -> bool:
        """Whether a day of the program clock lies in it."""
        return self.first_day <= day <= self.last_day


def periods_of(season_ids: Iterable[int]) -> dict[int, list[Period]]:
    """The periods that count now of some seasons, earliest first; withdrawn ones are left out. One query."""
    ids = list(season_ids)
    rows = SeasonPeriod.objects.filter(season__any_of=ids).order_by("season_id", "label", "revision")
    latest: dict[tuple[int, str], tuple[Any, ...]] = {}
    for row in rows.values_list("season_id", "label", "id", "first_day", "last_day"):
        latest[row[:2]] = row
    found: dict[int, list[Period]] = {season_id: [] for season_id in ids}
    for season_id, label, period_id, first_day, last_day in latest.values():
        if first_day is not None and last_day is not None:
            found[season_id].append(Period(period_id, label, first_day, last_day))
    for periods in found.values():
        periods.sort(key=lambda period: (period.first_day, period.id))
    return found


def next_end(periods: Iterable[Period], day: date) -> Period | None:
    """The first period that ends on or after a day: the season that runs then, or else the next; None: none is known."""
    return next((period for period in periods if period.last_day >= day), None)


def running_out(program: Program, *, at: datetime) -> list[tuple[Season, date | None]]:
    """The seasons that points of a program end with and whose days are entered for less than eighteen months ahead.

    With the last day entered; None when no days are. Points earned after it would never expire. Two queries at most.
    """
    newest: dict[tuple[int, str], ExpiryPolicy] = {}
    made = ExpiryPolicy.objects.filter(wallet__program=program).select_related("season")
    for policy in made.order_by("version"):
        newest[policy.wallet_id, policy.name] = policy
    seasonal = [policy for policy in newest.values() if policy.season]
    known = periods_of({policy.season_id for policy in seasonal if policy.season_id}) if seasonal else {}
    until = add_months(local_day(at, program.time_zone), ENTERED_MONTHS)
    found: dict[Season, date | None] = {}
    for policy in seasonal:
        last = max((period.last_day for period in known[policy.season_id or 0]), default=None)
        if policy.season and (last is None or last < until + timedelta(days=policy.at_least)):
            found[policy.season] = last
    return list(found.items())


@transaction.atomic
def set_period(
    season: Season,
    label: str,
    *,
    first_day: date | None,
    last_day: date | None,
    source: str,
    at: datetime,
    actor: str,
) -> SeasonPeriod:
    """Say or correct on which days a season is in one year; without days it is withdrawn.

    Saying the same again returns the revision there is. Raises PeriodNotPossible.
    """
    locked = Season.objects.select_for_update().get(id=season.id)
    _judge(locked, label, first_day, last_day)
    latest = locked.periods.filter(label=label).order_by("-revision").first()
    if latest and (latest.first_day, latest.last_day, latest.source) == (first_day, last_day, source):
        return latest
    return SeasonPeriod.objects.create(
        season=locked,
        label=label,
        revision=latest.revision + 1 if latest else 1,
        first_day=first_day,
        last_day=last_day,
        source=source,
        recorded_at=at,
        recorded_by=actor,
    )


@transaction.atomic
def load_known(program: Program, *, at: datetime, actor: str) -> int:
    """Give a program the seasons and days that ship with Setia; what it has already stays. Returns the periods added."""
    Program.objects.select_for_update().get(id=program.id)
    there = {season.slug: season for season in Season.objects.filter(program=program)}
    missing = [slug for slug in NAMES if slug not in there]
    fields = ("name", "name_id", "name_ms")
    Season.objects.bulk_create(
        [Season(program=program, slug=slug, **dict(zip(fields, NAMES[slug], strict=True))) for slug in missing]
    )
    seasons = {season.slug: season.id for season in Season.objects.filter(program=program, slug__in=NAMES)}
    entered = set(SeasonPeriod.objects.filter(season__any_of=list(seasons.values())).values_list("season_id", "label"))
    new = [
        SeasonPeriod(season_id=seasons[row["season"]], label=row["label"], revision=1, first_day=row["first_day"],
                     last_day=row["last_day"], source=row["source"], recorded_at=at, recorded_by=actor)
        for row in _known_rows() if (seasons[row["season"]], row["label"]) not in entered
    ]  # fmt: skip
    return len(SeasonPeriod.objects.bulk_create(new))


def _known_rows() -> list[dict[str, str]]:
    with KNOWN.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _judge(season: Season, label: str, first_day: date | None, last_day: date | None) -> None:
    if (first_day is None) != (last_day is None):
        raise PeriodNotPossible(_("Give both the first and the last day, or neither to withdraw this year."))
    if first_day is None or last_day is None:
        return
    if last_day < first_day:
        raise PeriodNotPossible(_("The last day lies before the first one."))
    for period in periods_of([season.id])[season.id]:
        if period.label != label and period.first_day <= last_day and first_day <= period.last_day:
            raise PeriodNotPossible(
                _("These days lie over those of %(label)s. Correct that year first.") % {"label": period.label}
            )
