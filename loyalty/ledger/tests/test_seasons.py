"""Seasons: a table of days per year, filled from known calendars, corrected by people, never overwritten."""

from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, transaction

from loyalty.ledger import policies, seasons
from loyalty.ledger.models import ExpiryPolicy, Season, SeasonPeriod
from loyalty.tests.desk import staff_client
from members.testing import OPENING


@pytest.fixture
def ramadan(program):
    seasons.load_known(program, at=OPENING, actor="test")
    return Season.objects.get(program=program, slug="ramadan")


def days(season):
    return {p.label: (p.first_day, p.last_day) for p in seasons.periods_of([season.id])[season.id]}


def correct(season, first, last, label="1448 H"):
    return seasons.set_period(
        season, label, first_day=first, last_day=last, source="Isbat", at=OPENING, actor="staff:1"
    )


def test_known_seasons_are_loaded_once_and_reach_to_2035(program, ramadan):
    known = seasons.periods_of(Season.objects.filter(program=program).values_list("id", flat=True))
    assert all(periods[0].first_day.year == 2024 and periods[-1].last_day.year == 2035 for periods in known.values())
    assert seasons.load_known(program, at=OPENING, actor="test") == 0
    assert days(ramadan)["1448 H"] == (date(2027, 2, 8), date(2027, 3, 8))


@pytest.mark.parametrize(
    ("slug", "label", "first", "last"),
    [
        ("eid-al-fitr", "1445 H", date(2024, 4, 10), date(2024, 4, 11)),
        ("eid-al-fitr", "1446 H", date(2025, 3, 31), date(2025, 4, 1)),
        ("lunar-new-year", "2027", date(2027, 2, 6), date(2027, 2, 20)),
        ("lunar-new-year", "2034", date(2034, 2, 19), date(2034, 3, 5)),
        ("harbolnas", "2026", date(2026, 12, 10), date(2026, 12, 12)),
        ("christmas", "2030", date(2030, 12, 24), date(2030, 12, 26)),
    ],
)
def test_known_days(program, ramadan, slug, label, first, last):
    assert days(Season.objects.get(program=program, slug=slug))[label] == (first, last)


def test_every_ramadan_ends_the_day_before_eid(program, ramadan):
    eid = days(Season.objects.get(program=program, slug="eid-al-fitr"))
    assert [(eid[label][0] - last).days for label, (_, last) in days(ramadan).items()] == [1] * 13


def test_a_sighted_day_corrects_the_computed_one_and_both_stay(ramadan):
    made = correct(ramadan, date(2027, 2, 9), date(2027, 3, 9))
    assert made.revision == 2
    assert days(ramadan)["1448 H"] == (date(2027, 2, 9), date(2027, 3, 9))
    assert ramadan.periods.filter(label="1448 H").count() == 2
    assert correct(ramadan, date(2027, 2, 9), date(2027, 3, 9)) == made


def test_a_year_can_be_withdrawn(ramadan):
    correct(ramadan, None, None)
    assert "1448 H" not in days(ramadan)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2027, 3, 9), date(2027, 2, 9)),
        (date(2027, 2, 9), None),
        (date(2026, 3, 1), date(2026, 3, 2)),
    ],
)
def test_days_that_cannot_be_are_refused_and_nothing_changes(ramadan, first, last):
    before = days(ramadan)
    with pytest.raises(seasons.PeriodNotPossible):
        correct(ramadan, first, last)
    assert days(ramadan) == before


def test_the_database_keeps_what_was_entered(ramadan):
    with pytest.raises(DatabaseError), transaction.atomic():
        SeasonPeriod.objects.filter(season=ramadan).update(source="x")


def test_the_season_that_runs_or_else_the_next(ramadan):
    periods = seasons.periods_of([ramadan.id])[ramadan.id]
    assert seasons.next_end(periods, date(2027, 3, 8)).label == "1448 H"
    assert seasons.next_end(periods, date(2027, 3, 9)).label == "1449 H"
    assert seasons.next_end(periods, date(2036, 1, 1)) is None


def test_staff_load_the_seasons_and_correct_a_year(program):
    client = staff_client("program manager")
    client.post("/admin/ledger/season/load-known")
    told = client.get("/admin/ledger/season/load-known", follow=True).content.decode()
    ramadan = Season.objects.get(program=program, slug="ramadan")
    assert "Ramadan" in told
    page = client.get(f"/admin/ledger/season/{ramadan.pk}/change/").content.decode()
    assert "8 Feb 2027" in page and "Umm al-Qura" in page
    values = {"season": ramadan.pk, "label": "1448 H", "first_day": "2027-02-09", "last_day": "2027-03-09", "source": "Isbat"}  # fmt: skip
    assert client.post("/admin/ledger/seasonperiod/add/", values).status_code == 302
    assert days(ramadan)["1448 H"] == (date(2027, 2, 9), date(2027, 3, 9))


def until_ramadan(program, season, at, **more):
    return policies.set_expiry(program.wallets.get(), kind="season", season=season, at=at, actor="test", **more)


def test_points_cannot_end_with_a_season_that_has_no_days_ahead(program):
    season = Season.objects.create(program=program, slug="fair", name="Fair")
    before = ExpiryPolicy.objects.count()
    with pytest.raises(policies.SeasonWithoutDays):
        until_ramadan(program, season, OPENING)
    seasons.set_period(
        season, "2025", first_day=date(2025, 5, 1), last_day=date(2025, 5, 9), source="x", at=OPENING, actor="t"
    )
    with pytest.raises(policies.SeasonWithoutDays):
        until_ramadan(program, season, OPENING)
    assert ExpiryPolicy.objects.count() == before


@pytest.mark.parametrize(
    ("day", "at_least", "told"),
    [
        (datetime(2034, 5, 31, tzinfo=UTC), 0, []),
        (datetime(2034, 6, 1, tzinfo=UTC), 0, ["Ramadan"]),
        (datetime(2034, 4, 30, tzinfo=UTC), 30, []),
        (datetime(2034, 5, 1, tzinfo=UTC), 30, ["Ramadan"]),
    ],
)
def test_a_season_that_ends_points_is_told_of_when_its_days_reach_less_than_eighteen_months(
    program, ramadan, day, at_least, told
):
    until_ramadan(program, ramadan, OPENING, at_least=at_least, name="Ramadan points")
    assert [season.name for season, _last in seasons.running_out(program, at=day)] == told
    policies.set_expiry(program.wallets.get(), name="Ramadan points", kind="never", at=OPENING, actor="test")
    assert seasons.running_out(program, at=day) == []  # nothing new ends with it


def test_the_desk_warns_of_it_and_the_form_refuses_a_season_without_days(program, ramadan):
    until_ramadan(program, ramadan, OPENING)
    for period in ramadan.periods.all():
        if period.first_day.year > 2026:
            seasons.set_period(ramadan, period.label, first_day=None, last_day=None, source="x", at=OPENING, actor="t")
    client = staff_client("program manager")
    assert "but no days of it are entered" in client.get("/admin/").content.decode()
    values = {"wallet": program.wallets.get().pk, "kind": "season", "season": ramadan.pk}
    answer = client.post("/admin/ledger/expirypolicy/add/", values, follow=True).content.decode()
    assert "No days of this season are entered for the time ahead" in answer
    assert ExpiryPolicy.objects.filter(kind="season").count() == 1


def test_a_marketing_assistant_sees_seasons_but_does_not_change_them(program, ramadan):
    client = staff_client("marketing assistant")
    assert client.get("/admin/ledger/season/").status_code == 200
    assert client.get("/admin/ledger/seasonperiod/add/").status_code == 403
