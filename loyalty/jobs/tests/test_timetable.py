"""Operators say when jobs are due and which rest; what they say stays, and each business date is still run once."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.apps import apps
from django.core.management import call_command

from loyalty.common.clock import local_day
from loyalty.jobs import calendar, nudging, overview, timetable
from loyalty.jobs.models import JobRun, JobSchedule
from loyalty.jobs.tests import jobs_for_tests

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 2, 28, 17, tzinfo=UTC)  # 1 March, 00:00 in Jakarta
MARCH_1 = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def only_our_jobs(settings):
    base = "loyalty.jobs.tests.jobs_for_tests."
    settings.SETIA_JOBS = {
        "first": {"run": base + "count", "every": "day", "title": "First"},
        "second": {"run": base + "count", "every": "day", "title": "Second"},
        "third": {"run": base + "count", "every": "nudge", "title": "Third"},
    }
    timetable.make_schedules()
    jobs_for_tests.calls.clear()


def change(job, **values):
    assert JobSchedule.objects.filter(job=job).update(**values)


def nudge(at):
    with time_machine.travel(at, tick=False):
        return nudging.nudge(at)


def dated():
    dates = JobRun.objects.filter(business_date__isnull=False).order_by("id")
    return list(dates.values_list("job", "business_date"))


def test_a_migration_adds_what_is_missing_and_leaves_what_operators_said(settings):
    JobSchedule.objects.filter(job="first").delete()
    change("second", is_on=False, due_from=time(3, 30), reason="moving house")
    call_command("migrate", verbosity=0, interactive=False)
    assert apps.get_app_config("jobs").models_module
    assert list(JobSchedule.objects.filter(job__in=["first", "second"]).values_list("job", "is_on", "due_from", "reason")) == [
        ("first", True, time(0, 5), ""), ("second", False, time(3, 30), "moving house"),
    ]  # fmt: skip


def test_a_migration_that_has_not_come_to_the_timetable_yet_or_goes_back_before_it_ends_well(monkeypatch):
    monkeypatch.setattr(JobSchedule._meta, "db_table", "not_made_yet")
    timetable.make_schedules()


def test_a_job_is_due_from_its_time_of_day_in_the_program_clock_and_settles_up_to_midnight_all_the_same(program):
    nudge(MIDNIGHT - timedelta(hours=12))
    change("second", due_from=time(4, 0))
    nudge(MIDNIGHT + timedelta(hours=3, minutes=59))
    assert ("second", MARCH_1) not in dated() and ("first", MARCH_1) in dated()
    nudge(MIDNIGHT + timedelta(hours=4))
    assert JobRun.objects.get(job="second", business_date=MARCH_1).as_of == MIDNIGHT


def test_a_job_is_never_due_before_those_that_stand_before_it(program):
    change("first", due_from=time(6, 0))
    nudge(MIDNIGHT - timedelta(hours=12))
    nudge(MIDNIGHT + timedelta(hours=5))
    assert [day for _job, day in dated()] == [date(2026, 2, 28)] * 2
    nudge(MIDNIGHT + timedelta(hours=6))
    assert dated()[2:] == [("first", MARCH_1), ("second", MARCH_1)]


def test_a_job_that_rests_owes_nothing_and_makes_up_its_days_when_it_is_back(program):
    nudge(MIDNIGHT + timedelta(minutes=5))
    change("first", is_on=False)
    nudge(MIDNIGHT + timedelta(days=2, minutes=5))
    assert [job for job, _day in dated()] == ["first", "second", "second", "second"]
    at = MIDNIGHT + timedelta(days=2, hours=1)
    state = {state.job.name: state for state in overview.states(program, at=at)}["first"]
    assert (state.is_on, state.is_late, state.missed, state.next_due) == (False, False, 0, None)
    assert nudging.oldest_due(at) is None
    change("first", is_on=True)
    nudge(at)
    assert dated()[-2:] == [("first", MARCH_1 + timedelta(days=1)), ("first", MARCH_1 + timedelta(days=2))]


def test_a_job_of_every_nudge_rests_too(program):
    change("third", is_on=False)
    nudge(MIDNIGHT + timedelta(minutes=5))
    assert not JobRun.objects.filter(job="third").exists()


def test_a_failed_run_of_a_resting_job_is_not_tried_again_and_a_silent_one_does_not_hold_up_the_night(program):
    change("first", is_on=False)
    terms = {"program": program, "as_of": MIDNIGHT, "started_by": "x", "started_at": MIDNIGHT, "seen_at": MIDNIGHT}
    JobRun.objects.create(job="first", business_date=MARCH_1, **terms)
    failed = JobRun.objects.create(
        job="first", business_date=date(2026, 2, 28), status="failed", ended_at=MIDNIGHT, **terms
    )
    nudge(MIDNIGHT + timedelta(hours=1))
    failed.refresh_from_db()
    assert failed.status == "failed"
    assert JobRun.objects.get(job="first", business_date=MARCH_1).status == "failed"
    assert ("second", MARCH_1) in dated()


@pytest.mark.parametrize(
    ("zone", "changes_on", "due_from"),
    [
        ("America/New_York", date(2026, 3, 8), time(2, 15)),  # skipped
        ("America/New_York", date(2026, 11, 1), time(1, 30)),  # twice
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45)),  # twice, by half an hour
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15)),  # skipped, by half an hour
        ("Pacific/Chatham", date(2026, 4, 5), time(3, 0)),  # twice, at a quarter to
        ("Pacific/Chatham", date(2026, 9, 27), time(3, 0)),  # skipped
        ("Africa/Casablanca", date(2026, 2, 15), time(2, 30)),  # twice: Ramadan begins
        ("Africa/Casablanca", date(2026, 3, 22), time(2, 30)),  # skipped: it is over
        ("America/Santiago", date(2026, 9, 6), time(0, 0)),  # no midnight
        ("America/Asuncion", date(2023, 10, 1), time(0, 0)),  # no midnight
        ("Asia/Beirut", date(2026, 3, 29), time(0, 5)),  # no midnight, nor five past
        ("Asia/Beirut", date(2026, 10, 25), time(0, 0)),  # two midnights
        ("Africa/Cairo", date(2026, 4, 24), time(0, 5)),  # no midnight
        ("Africa/Cairo", date(2026, 10, 30), time(0, 0)),  # two midnights
        ("Pacific/Apia", date(2011, 12, 30), time(0, 5)),  # a whole day was left out
    ],
)
def test_where_the_clock_is_changed_each_business_date_is_run_once_and_settles_up_to_its_first_instant(
    program, zone, changes_on, due_from
):
    type(program).objects.filter(pk=program.pk).update(time_zone=zone)
    change("first", due_from=due_from)
    at = datetime(changes_on.year, changes_on.month, changes_on.day, tzinfo=UTC) - timedelta(days=1)
    for _hour in range(24 * 2 + 14):
        nudge(at)
        at += timedelta(hours=1)
    runs = JobRun.objects.filter(job="first").order_by("id")
    days = [run.business_date for run in runs]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))] and len(days) >= 3
    assert set(runs.values_list("status", "attempts")) == {("done", 1)}
    for run in runs:
        is_lived = zone != "Pacific/Apia" or run.business_date != changes_on
        first = local_day(run.as_of, zone)
        assert first == run.business_date if is_lived else first == changes_on + timedelta(days=1)
        assert local_day(run.as_of - timedelta(seconds=1), zone) < run.business_date
    assert [run.as_of for run in runs] == sorted(run.as_of for run in runs)


def test_the_calendar_tells_what_waits_first_and_then_the_days_ahead_in_the_program_clock(program):
    nudge(MIDNIGHT + timedelta(minutes=5))
    change("second", due_from=time(4, 0))
    told = calendar.coming(program, at=MIDNIGHT + timedelta(days=2, hours=1))
    waiting = [one for one in told if one.is_waiting]
    assert [(one.day.day, one.jobs) for one in waiting] == [(2, ["First"]), (2, ["Second"]), (3, ["First"])]
    ahead = [one for one in told if not one.is_waiting]
    assert [(one.day.day, one.jobs) for one in ahead[:3]] == [(3, ["Second"]), (4, ["First"]), (4, ["Second"])]
    assert ahead[0].due_at == MIDNIGHT + timedelta(days=2, hours=4)
    assert ahead[0].settles_up_to == MIDNIGHT + timedelta(days=2)
    change("first", is_on=False)
    assert not any("First" in one.jobs for one in calendar.coming(program, at=MIDNIGHT + timedelta(days=2)))


def test_a_job_that_is_moved_to_a_later_hour_after_its_run_is_next_due_tomorrow(program):
    nudge(MIDNIGHT + timedelta(minutes=5))
    change("first", due_from=time(9, 0))
    at = MIDNIGHT + timedelta(hours=1)
    assert next(one.day for one in calendar.coming(program, at=at) if "First" in one.jobs) == MARCH_1 + timedelta(
        days=1
    )
    (first,) = [state for state in overview.states(program, at=at) if state.job.name == "first"]
    assert first.next_due == MIDNIGHT + timedelta(days=1, hours=9)
