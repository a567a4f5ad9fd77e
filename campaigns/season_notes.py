"""What marketers are told about the seasons that terms name: their days this year and next, where they come from, and where the table ends.

Without days for the time ahead a season never comes, and what counts only in it gives nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign, RuleVersion
from campaigns.publishing import LIVE, state_at
from loyalty.common.clock import day_start, local_day
from loyalty.desk.panels import Panel, day, link
from loyalty.ledger import seasons
from loyalty.ledger.models import Program, Season

MIDDAY = timedelta(hours=12)
HEADERS = [gettext_lazy("Season"), gettext_lazy("Now or next"), gettext_lazy("After that"), gettext_lazy("Entered until")]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coming:
    """A season with its periods that are not over, earliest first."""

    season: Season
    periods: list[seasons.Period]

    @property
    def last_day(self) -> date | None:
        """The last day that is entered for the time ahead."""
        return self.periods[-1].last_day if self.periods else None


def coming(program: Program, *, at: datetime) -> list[Coming]:
    """Every season of a program with what of it lies ahead: two queries."""
    found = list(Season.objects.filter(program=program).order_by("name"))
    known, today = seasons.periods_of(one.pk for one in found), local_day(at, program.time_zone)
    return [Coming(one, [period for period in known[one.pk] if period.last_day >= today]) for one in found]


def choices(program: Program, *, at: datetime) -> list[tuple[str, str]]:
    """Seasons to tick, each with its days now or next and after that."""
    return [(one.season.slug, _("%(season)s: %(days)s") % {"season": one.season, "days": _days(one)}) for one in coming(program, at=at)]  # fmt: skip


def panel(program: Program, definition: Mapping[str, Any], *, at: datetime) -> list[Panel]:
    """The days of the seasons that terms name, as a table; nothing where they name none. Two queries."""
    named = set(definition.get("conditions", {}).get("seasons", ()))
    if not named:
        return []
    found = [one for one in coming(program, at=at) if one.season.slug in named]
    rows = [
        (
            link(reverse("admin:ledger_season_change", args=[one.season.pk]), one.season),
            *([span_in_words(period) for period in one.periods[:2]] + [_("not entered")] * 2)[:2],
            day(one.last_day),
        )
        for one in found
    ]
    note = _(
        "Days of calendars that follow the moon are computed, and announced ones may differ: correct the year on the page of the season. Where the table ends, enter the next year; without days nothing is given."
    )
    return [Panel(_("Days of its seasons"), HEADERS, rows, note=note)]


def without_days(program: Program, *, at: datetime) -> list[tuple[Campaign, Season]]:
    """Live campaigns that are not over and count in a season of which no days lie ahead. Four queries at most."""
    live = Campaign.objects.filter(program=program, status=Campaign.Status.LIVE, until__gt=at)
    versions = RuleVersion.objects.filter(rule__campaign__in=live).select_related("rule__campaign").order_by("number")
    latest = {version.rule_id: version for version in versions}
    named = [(version.rule.campaign, slug) for version in latest.values() for slug in _seasons(version)]
    empty = {one.season.slug: one.season for one in coming(program, at=at) if not one.periods} if named else {}
    return [(campaign, empty[slug]) for campaign, slug in named if campaign is not None and slug in empty]


def between_seasons(campaigns: Iterable[Campaign], *, at: datetime) -> dict[int, seasons.Period]:
    """By campaign of one program: the period it waits for, of campaigns that run but count only in seasons of which none is now. Three queries at most."""
    running = [one for one in campaigns if state_at(one, at) == LIVE]
    if not running:
        return {}
    versions = (
        RuleVersion.objects.filter(rule__campaign__any_of=[one.pk for one in running])
        .select_related("rule")
        .order_by("number")
    )
    named = {version.rule.campaign_id or 0: set(_seasons(version)) for version in versions}
    if not any(named.values()):
        return {}
    program = running[0].program
    today, ahead = local_day(at, program.time_zone), coming(program, at=at)
    found = {}
    for campaign_id, slugs in named.items():
        periods = [period for one in ahead if one.season.slug in slugs for period in one.periods]
        first = min(periods, key=lambda period: period.first_day, default=None)
        if first and first.first_day > today:
            found[campaign_id] = first
    return found


def span_in_words(period: seasons.Period) -> str:
    """A period by its first and last day."""
    first, last = day(period.first_day), day(period.last_day)
    return first if first == last else f"{first} – {last}"


def first_moment(campaign: Campaign, *, at: datetime) -> datetime | None:
    """When a campaign may first count: its beginning, or midday in its seasons; None when that is not ahead. Three queries at most."""
    version = RuleVersion.objects.filter(rule__campaign=campaign).order_by("-number").first()
    zone, first = campaign.program.time_zone, max(at, campaign.since)
    named = Season.objects.filter(program=campaign.program_id, slug__in=_seasons(version) if version else ())
    known = seasons.periods_of(named.values_list("pk", flat=True))
    day_of = local_day(first, zone)
    ahead = [max(one.first_day, day_of) for periods in known.values() for one in periods if one.last_day >= day_of]
    if ahead:
        first = max(day_start(min(ahead), zone) + MIDDAY, first)
    return first if first > at else None


def _seasons(version: RuleVersion) -> Iterable[str]:
    return version.definition.get("conditions", {}).get("seasons", ())


def _days(one: Coming) -> str:
    if not one.periods:
        return _("no days entered for the time ahead")
    after = span_in_words(one.periods[1]) if one.periods[1:] else _("not entered")
    return _("%(days)s, then %(after)s") % {"days": span_in_words(one.periods[0]), "after": after}
