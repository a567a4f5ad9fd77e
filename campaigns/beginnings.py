"""What a marketer may begin a campaign with: common campaigns, filled in as far as they go. Everything can be changed."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from campaigns import short_names
from campaigns.models import Campaign
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.ledger.models import Program, Season


class Beginning(NamedTuple):
    """A campaign to begin from: its name, what it is for, and the fields it fills in."""

    slug: str
    title: Any
    what_for: Any
    fields: dict[str, Any]


BEGINNINGS = [
    Beginning(
        "double-weekend", _("Double points weekend"), _("Twice the points on Saturday and Sunday."),
        {"kind": "multiplier", "factor": "2", "weekdays": ["6", "7"]},
    ),
    Beginning(
        "birthday-week", _("Birthday week"), _("Three times the points in the week of the birthday."),
        {"kind": "multiplier", "factor": "3", "birthday": "week"},
    ),
    Beginning(
        "ramadan", _("Ramadan bonus"), _("Twice the points in Ramadan, every year anew, at most 5,000 points a member a month."),
        {"kind": "multiplier", "factor": "2", "seasons": ["ramadan"], "cap_month": "5000"},
    ),
    Beginning(
        "harbolnas", _("Harbolnas 12.12"), _("Three times the points around 12 December, every year anew."),
        {"kind": "multiplier", "factor": "3", "seasons": ["harbolnas"]},
    ),
    Beginning(
        "merdeka", _("Merdeka bonus"), _("Twice the points in the month of Indonesia's independence, every year anew."),
        {"kind": "multiplier", "factor": "2", "seasons": ["independence-id"]},
    ),
    Beginning(
        "lunar-new-year", _("Lunar New Year gift"), _("88 extra points, once around each Lunar New Year."),
        {"kind": "fixed", "points": "88", "seasons": ["lunar-new-year"], "cap_year": "88"},
    ),
    Beginning(
        "christmas", _("Christmas bonus"), _("Twice the points at Christmas, every year anew."),
        {"kind": "multiplier", "factor": "2", "seasons": ["christmas"]},
    ),
    Beginning(
        "new-member", _("New member bonus"), _("100 extra points for the first purchase within 30 days of enrolment."),
        {"kind": "fixed", "points": "100", "new_within_days": 30, "nth": 1},
    ),
    Beginning(
        "category", _("Category bonus"), _("Twice the points on the products of a category."),
        {"kind": "multiplier", "factor": "2"},
    ),
    Beginning(
        "nth-purchase", _("Every fifth purchase"), _("50 extra points for every fifth purchase."),
        {"kind": "fixed", "points": "50", "every_nth": 5},
    ),
    Beginning(
        "happy-hours", _("Happy hours"), _("Twice the points on weekdays from 15:00 to 17:00."),
        {"kind": "multiplier", "factor": "2", "weekdays": ["1", "2", "3", "4", "5"], "hours": "15:00 to 17:00"},
    ),
]  # fmt: skip


def offered(program: Program | None) -> list[Beginning]:
    """Those that fit a program: without the days of its season a campaign would count all year. One query."""
    known = set(Season.objects.filter(program=program).values_list("slug", flat=True))
    return [one for one in BEGINNINGS if known.issuperset(one.fields.get("seasons", ()))]


def fields_of(slug: str, program: Program | None, *, at: datetime) -> dict[str, Any]:
    """The fields a beginning fills in, from tomorrow for a year (five where a season comes back); nothing for an unknown one."""
    found = next((one for one in offered(program) if one.slug == slug), None)
    if found is None or program is None:
        return {}
    tomorrow = local_day(at, program.time_zone) + timedelta(days=1)
    end = add_months(tomorrow, 60 if "seasons" in found.fields else 12)
    taken = set(Campaign.objects.filter(program=program).values_list("slug", flat=True))
    return {
        "name": str(found.title),
        "slug": short_names.free(taken, found.slug),
        "since": day_start(tomorrow, program.time_zone),
        "until": day_start(end, program.time_zone),
    } | found.fields
