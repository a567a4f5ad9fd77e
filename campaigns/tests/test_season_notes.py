"""Marketers see which days a season has now and next, where they come from, and what to do when the table ends."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import season_notes
from campaigns.models import Campaign
from campaigns.tests.shop import add_campaign, add_rule
from loyalty.common.clock import local_day
from loyalty.desk import roles
from loyalty.desk.panels import day
from loyalty.ledger import seasons
from loyalty.ledger.models import Season
from loyalty.tests.desk import staff_client
from members.testing import make_member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY = timezone.timedelta(days=1)
RAMADAN = {"award": {"kind": "multiplier", "factor": "2"}, "conditions": {"seasons": ["ramadan"]}}


@pytest.fixture
def table(program):
    seasons.load_known(program, at=NOW, actor="test")
    return program


def withdraw(program, slug):
    season = Season.objects.get(program=program, slug=slug)
    for period in seasons.periods_of([season.pk])[season.pk]:
        seasons.set_period(season, period.label, first_day=None, last_day=None, source="", at=NOW, actor="test")
    return season


def test_a_campaign_of_a_season_first_counts_in_its_season(table):
    def first(since, definition=RAMADAN, slug="c"):
        campaign = add_campaign(table, slug, since, since + 600 * DAY)
        add_rule(table, slug, definition, campaign=campaign)
        found = season_notes.first_moment(campaign, at=NOW)
        return found and found.astimezone(UTC).isoformat()[:16]

    assert first(NOW + 30 * DAY) == "2027-02-08T05:00"  # midday of the next Ramadan in Jakarta
    assert first(NOW + DAY, slug="d") == "2026-03-07T05:00"  # within this one
    assert first(NOW + DAY, {"award": {"kind": "multiplier", "factor": "2"}}, slug="e") == "2026-03-07T05:00"
    assert first(NOW - DAY, {"award": {"kind": "multiplier", "factor": "2"}}, slug="f") is None


def test_a_season_is_offered_with_its_days_now_and_next(table):
    offered = dict(season_notes.choices(table, at=NOW))
    assert offered["ramadan"] == "Ramadan: 18 Feb 2026 – 19 Mar 2026, then 8 Feb 2027 – 8 Mar 2027"
    last = dict(season_notes.choices(table, at=datetime(2035, 11, 5, tzinfo=UTC)))
    assert last["ramadan"] == "Ramadan: 1 Nov 2035 – 30 Nov 2035, then not entered"
    over = dict(season_notes.choices(table, at=datetime(2036, 6, 1, tzinfo=UTC)))
    assert over["ramadan"] == "Ramadan: no days entered for the time ahead"


def test_the_form_and_the_page_of_a_campaign_tell_the_days(table):
    desk = staff_client(roles.MARKETING_ASSISTANT)
    assert "Ramadan: " in desk.get(reverse("admin:campaigns_campaign_add")).content.decode()
    now = timezone.now()
    campaign = add_campaign(table, "ramadan", now - DAY, now + 1000 * DAY)
    add_rule(table, "ramadan", RAMADAN, campaign=campaign)
    page = desk.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert "Days of its seasons" in page
    assert "30 Nov 2035" in page  # entered until
    assert "correct the year on the page of the season" in page
    plain = add_campaign(table, "plain", now - DAY, now + DAY)
    add_rule(table, "plain", {"award": {"kind": "fixed", "points": "5"}}, campaign=plain)
    page = desk.get(reverse("admin:campaigns_campaign_change", args=[plain.pk])).content.decode()
    assert "Days of its seasons" not in page


def test_a_live_campaign_out_of_its_season_says_what_it_waits_for(table):
    campaign = add_campaign(table, "ramadan", NOW - 90 * DAY, NOW + 1000 * DAY)
    add_rule(table, "ramadan", RAMADAN, campaign=campaign)
    plain = add_campaign(table, "plain", NOW - DAY, NOW + 90 * DAY)
    add_rule(table, "plain", {"award": {"kind": "fixed", "points": "5"}}, campaign=plain)

    def waits(at):
        return {pk: period.label for pk, period in season_notes.between_seasons([campaign, plain], at=at).items()}

    assert waits(NOW) == {}  # in Ramadan
    assert waits(NOW + 30 * DAY) == {campaign.pk: "1448 H"}
    assert waits(NOW - 80 * DAY) == {campaign.pk: "1447 H"}
    assert waits(NOW - 91 * DAY) == {}  # not begun
    campaign.status = Campaign.Status.PAUSED
    assert waits(NOW + 30 * DAY) == {}


def test_the_desk_shows_a_campaign_between_its_seasons_as_waiting(table):
    now = timezone.now()
    season = withdraw(table, "ramadan")
    first = local_day(now + 20 * DAY, table.time_zone)
    seasons.set_period(season, "next", first_day=first, last_day=first, source="", at=now, actor="test")
    campaign = add_campaign(table, "ramadan", now - DAY, now + 1000 * DAY)
    add_rule(table, "ramadan", RAMADAN, campaign=campaign)
    make_member(table, "ani")
    desk, page_of = staff_client(roles.PROGRAM_MANAGER), reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    for page in (reverse("admin:campaigns_campaign_changelist"), page_of, reverse("admin:index")):
        shown = desk.get(page).content.decode()
        assert "live, waits for its season" in shown
        assert day(first) in shown


def test_a_live_campaign_of_a_season_without_days_is_a_warning_with_where_to_enter_them(table):
    now = timezone.now()
    campaign = add_campaign(table, "ramadan", now - DAY, now + 1000 * DAY)
    add_rule(table, "ramadan", RAMADAN, campaign=campaign)
    assert season_notes.without_days(table, at=now) == []
    season = withdraw(table, "ramadan")
    assert season_notes.without_days(table, at=now) == [(campaign, season)]
    page = staff_client(roles.PROGRAM_MANAGER).get(reverse("admin:index")).content.decode()
    assert "“Ramadan” counts in Ramadan, but no days of it are entered for the time ahead: it gives nothing." in page
    assert reverse("admin:ledger_season_change", args=[season.pk]) in page
    Campaign.objects.update(status=Campaign.Status.ENDED)
    assert season_notes.without_days(table, at=now) == []
