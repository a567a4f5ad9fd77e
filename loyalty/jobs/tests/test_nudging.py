"""Outages, doubles and storms of nudges change nothing: each business date is run once, oldest first."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from loyalty.jobs import nudging
from loyalty.jobs.models import Heartbeat, JobRun
from loyalty.jobs.tests import jobs_for_tests
from members.testing import make_program

# 1 March 2026, 00:05 in Jakarta (UTC+7).
DUE = datetime(2026, 2, 28, 17, 5, tzinfo=UTC)
MARCH_1 = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def only_our_jobs(settings):
    base = "loyalty.jobs.tests.jobs_for_tests."
    settings.SETIA_JOBS = {
        "first": {"run": base + "count", "every": "day", "title": "First"},
        "second": {"run": base + "count", "every": "day", "title": "Second"},
    }
    jobs_for_tests.calls.clear()


def only(settings, verb, every="day"):
    settings.SETIA_JOBS = {verb: {"run": f"loyalty.jobs.tests.jobs_for_tests.{verb}", "every": every, "title": verb}}


def nudge(at):
    with time_machine.travel(at, tick=False):
        return nudging.nudge(at)


def runs():
    return list(JobRun.objects.order_by("id").values_list("job", "business_date"))


@pytest.mark.django_db
def test_a_fresh_installation_begins_today(program):
    nudge(DUE)
    assert runs() == [("first", MARCH_1), ("second", MARCH_1)]


@pytest.mark.django_db
def test_a_business_date_is_due_from_five_past_midnight_in_the_program_clock_and_settles_up_to_its_midnight(program):
    nudge(DUE - timedelta(seconds=1))
    assert runs()[-1] == ("second", date(2026, 2, 28))
    nudge(DUE)
    assert runs()[-1] == ("second", MARCH_1)
    assert JobRun.objects.get(job="second", business_date=MARCH_1).as_of == datetime(2026, 2, 28, 17, tzinfo=UTC)


@pytest.mark.django_db
def test_a_doubled_beat_runs_nothing_twice(program):
    for minute in range(10):
        nudge(DUE + timedelta(minutes=minute))
        nudge(DUE + timedelta(minutes=minute))
    assert len(jobs_for_tests.calls) == 2


@pytest.mark.django_db
def test_after_three_days_of_outage_every_date_is_made_up_oldest_first_and_in_the_jobs_order(program):
    nudge(DUE)
    nudge(DUE + timedelta(days=3, hours=5))
    expected = [(job, date(2026, 3, day)) for day in (1, 2, 3, 4) for job in ("first", "second")]
    assert runs() == expected
    assert [at for _, at, _ in jobs_for_tests.calls] == sorted(at for _, at, _ in jobs_for_tests.calls)


@pytest.mark.django_db
def test_an_outage_of_a_year_is_made_up_for_the_last_month_only(program):
    nudge(DUE)
    jobs_for_tests.calls.clear()
    nudge(DUE + timedelta(days=365))
    assert len(jobs_for_tests.calls) == 2 * nudging.CATCH_UP_DAYS


@pytest.mark.django_db
def test_each_program_has_its_own_clock_and_a_resting_one_is_left_alone(program):
    newyork = make_program("newyork")
    type(newyork).objects.filter(pk=newyork.pk).update(time_zone="America/New_York")
    resting = make_program("resting")
    type(resting).objects.filter(pk=resting.pk).update(is_active=False)
    nudge(DUE)
    latest = dict(JobRun.objects.filter(job="first").values_list("program__slug", "business_date"))
    assert latest == {"kopi": MARCH_1, "newyork": date(2026, 2, 28)}


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["2026-03-08", "2026-11-01"])
def test_the_hours_around_a_clock_change_run_each_date_once(program, change):
    type(program).objects.filter(pk=program.pk).update(time_zone="America/New_York")
    start = datetime.fromisoformat(change + "T00:00+00:00")
    for quarter in range(4 * 36):
        nudge(start + timedelta(minutes=15 * quarter))
    days = [day for job, day in runs() if job == "first"]
    assert days == [start.date() - timedelta(days=1), start.date(), start.date() + timedelta(days=1)]


@pytest.mark.django_db
def test_a_clock_set_back_runs_nothing_again(program):
    nudge(DUE + timedelta(days=2))
    nudge(DUE)
    assert [day for _, day in runs()] == [date(2026, 3, 3)] * 2


@pytest.mark.django_db
def test_a_failed_date_is_tried_again_after_growing_pauses_and_given_up_in_the_end(program, settings):
    only(settings, "fail")
    tried = []
    for minute in range(240):
        tried += [minute for _ in nudge(DUE + timedelta(minutes=minute))]
    assert tried == [0, 2, 6, 14, 30, 62]
    row = JobRun.objects.get()
    assert (row.status, row.attempts) == ("failed", nudging.MOST_ATTEMPTS)


@pytest.mark.django_db
def test_a_failed_date_does_not_hold_up_the_others(program, settings):
    only(settings, "fail")
    nudge(DUE)
    settings.SETIA_JOBS["first"] = {"run": "loyalty.jobs.tests.jobs_for_tests.count", "every": "day", "title": ""}
    nudge(DUE + timedelta(minutes=1))
    assert JobRun.objects.get(job="first").status == "done"


@pytest.mark.django_db
def test_a_run_whose_process_died_is_taken_over_once_it_was_silent_for_long(program, settings):
    only(settings, "count")
    dead = JobRun.objects.create(
        job="count", program=program, business_date=MARCH_1, as_of=DUE, started_by="x", started_at=DUE, seen_at=DUE
    )
    assert nudge(DUE + nudging.SILENT_AFTER) == []
    nudge(DUE + nudging.SILENT_AFTER + timedelta(seconds=1))
    dead.refresh_from_db()
    assert (dead.status, dead.attempts, dead.done) == ("done", 2, 2)


@pytest.mark.django_db
def test_a_run_that_kills_its_process_every_time_is_given_up(program, settings):
    only(settings, "count")
    JobRun.objects.create(
        job="count", program=program, business_date=MARCH_1, as_of=DUE, started_by="x", started_at=DUE, seen_at=DUE,
        attempts=nudging.MOST_ATTEMPTS,
    )  # fmt: skip
    nudge(DUE + timedelta(hours=1))
    row = JobRun.objects.get()
    assert row.status == "failed" and "6 times without finishing" in row.error
    assert jobs_for_tests.calls == []


@pytest.mark.django_db
def test_a_run_by_hand_that_died_is_shown_as_failed_and_not_repeated(program, settings):
    only(settings, "find_nothing", every="nudge")
    JobRun.objects.create(job="find_nothing", as_of=DUE, started_by="staff:1", started_at=DUE, seen_at=DUE)
    nudge(DUE + timedelta(hours=1))
    row = JobRun.objects.get()
    assert row.status == "failed" and "15 minutes" in row.error


@pytest.mark.django_db
def test_a_stopped_date_stays_stopped(program, settings):
    only(settings, "count")
    JobRun.objects.create(
        job="count", program=program, business_date=MARCH_1, as_of=DUE, started_by="x", started_at=DUE, seen_at=DUE,
        status="stopped", ended_at=DUE,
    )  # fmt: skip
    assert nudge(DUE + timedelta(hours=1)) == []


@pytest.mark.django_db
def test_a_job_of_every_nudge_leaves_a_record_only_when_it_did_something(settings):
    only(settings, "find_nothing", every="nudge")
    nudge(DUE)
    assert runs() == []
    only(settings, "count", every="nudge")
    nudge(DUE)
    assert runs() == [("count", None)]


@pytest.mark.django_db
def test_an_outage_that_fails_the_same_way_every_minute_is_one_record_that_counts(settings):
    only(settings, "fail", every="nudge")
    settings.SETIA_JOBS["fail"]["run"] = "loyalty.jobs.tests.jobs_for_tests.fail_at_once"
    for minute in range(60):
        nudge(DUE + timedelta(minutes=minute))
    row = JobRun.objects.get()
    assert (row.status, row.attempts, row.ended_at) == ("failed", 60, DUE + timedelta(minutes=59))


@pytest.mark.django_db
def test_nudge_and_worker_leave_signs_of_life(program):
    nudge(DUE)
    assert dict(Heartbeat.objects.values_list("name", "seen_at")) == {"nudge": DUE, "worker": DUE}


@pytest.mark.django_db
def test_a_date_that_was_passed_over_is_made_up(program):
    nudge(DUE)
    nudge(DUE + timedelta(days=3))
    JobRun.objects.filter(business_date=MARCH_1 + timedelta(days=1)).delete()
    nudge(DUE + timedelta(days=3, minutes=1))
    assert runs()[-2:] == [("first", MARCH_1 + timedelta(days=1)), ("second", MARCH_1 + timedelta(days=1))]
    assert nudge(DUE + timedelta(days=3, minutes=2)) == []


@pytest.mark.django_db
def test_whoever_finds_a_program_at_work_leaves_all_its_dates_to_the_other(program, monkeypatch):
    nudge(DUE)
    at_work = iter([True])  # the other's run is over by the time the next date is looked at
    monkeypatch.setattr(nudging, "_is_at_work", lambda program: next(at_work, False))
    assert nudge(DUE + timedelta(days=2)) == []


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="races need PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_eight_nudgers_at_once_after_an_outage_run_each_date_exactly_once(program):
    nudge(DUE)
    jobs_for_tests.calls.clear()
    start = threading.Barrier(8)
    failures = []

    def race():
        try:
            start.wait()
            nudging.nudge(DUE + timedelta(days=5))
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    # A nudger leaves a program whose jobs another one is running; what both left is there for the next nudge.
    nudge(DUE + timedelta(days=5))
    assert len(jobs_for_tests.calls) == 10
    assert JobRun.objects.filter(status="done", attempts=1).count() == 12
