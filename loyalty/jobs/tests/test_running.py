"""A run is a row: claimed before the work, owned by one, and it keeps how it ended."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from loyalty.jobs import nudging, running
from loyalty.jobs.models import JobRun
from loyalty.jobs.registry import UnknownJob
from loyalty.jobs.tests import jobs_for_tests

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def only_our_jobs(settings, monkeypatch):
    base = "loyalty.jobs.tests.jobs_for_tests."
    verbs = ("count", "fail", "go_on_until_told", "find_nothing")
    settings.SETIA_JOBS = {name: {"run": base + name, "every": "day", "title": name} for name in verbs}
    jobs_for_tests.calls.clear()
    jobs_for_tests.stop_after.clear()
    monkeypatch.setattr(running, "SECONDS_BETWEEN_SIGNS", 0)


def run(job, program=None, **more):
    return running.run(job, program=program, as_of=AT, started_by="test", **more)


def test_a_run_keeps_what_its_job_counted(program):
    done = run("count", program)
    assert (done.status, done.found, done.done, done.skipped, done.report) == ("done", 3, 2, 1, {"odd": 1})
    assert done.ended_at is not None and done.error == ""
    assert jobs_for_tests.calls == [("kopi", AT, False)]


def test_a_failure_is_kept_in_words_with_the_figures_so_far_and_no_personal_detail(program):
    failed = run("fail", program)
    assert (failed.status, failed.found, failed.done) == ("failed", 5, 2)
    assert failed.error.startswith("ValueError: the third one is broken (loyalty/jobs/tests/jobs_for_tests.py:")
    assert "someone@example.com" not in failed.error


def test_an_unknown_job_is_refused_and_leaves_no_row():
    with pytest.raises(UnknownJob, match="Choose one of: count"):
        run("no_such_job")
    assert not JobRun.objects.exists()


def test_a_business_date_is_run_once_and_the_second_comer_gets_the_first_answer(program):
    first = run("count", program, business_date=date(2026, 3, 1))
    second = run("count", program, business_date=date(2026, 3, 1))
    assert second.pk == first.pk
    assert len(jobs_for_tests.calls) == 1


def test_runs_by_hand_need_no_business_date_and_may_be_repeated(program):
    assert run("count", program).pk != run("count", program).pk


def test_a_preview_tells_the_job_to_change_nothing(program):
    assert run("count", program, dry_run=True).is_dry
    assert jobs_for_tests.calls == [("kopi", AT, True)]


def test_a_job_ends_after_its_batch_when_staff_ask_it_to(program):
    def ask():
        row = JobRun.objects.get()
        assert running.request_stop(row, at=timezone.now(), actor="staff:7")
        assert not running.request_stop(row, at=timezone.now(), actor="staff:8")

    jobs_for_tests.stop_after[:] = [4, ask]
    stopped = run("go_on_until_told", program)
    assert (stopped.status, stopped.done, stopped.stop_requested_by) == ("stopped", 4, "staff:7")
    assert not running.request_stop(stopped, at=timezone.now(), actor="staff:7")


def test_an_owner_whose_row_was_taken_over_stops_and_writes_nothing_more(program):
    def lose():
        row = JobRun.objects.get()
        assert running.take_over(row, actor="job:nudge")

    jobs_for_tests.stop_after[:] = [2, lose]
    run("go_on_until_told", program)
    row = JobRun.objects.get()
    assert (row.status, row.attempts, row.ended_at) == ("running", 2, None)


def test_of_two_who_take_over_one_run_only_one_gets_it(program):
    run("fail", program, business_date=date(2026, 3, 1))
    seen_by_one, seen_by_other = JobRun.objects.get(), JobRun.objects.get()
    assert running.take_over(seen_by_one, actor="one")
    assert not running.take_over(seen_by_other, actor="other")


def test_a_process_that_is_told_to_end_leaves_its_run_failed_and_not_running(program, monkeypatch):
    def be_interrupted(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs_for_tests, "count", be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("count", program)
    row = JobRun.objects.get()
    assert row.status == "failed" and "told to end" in row.error


def test_the_command_runs_a_job_and_prints_it_for_machines(program):
    out = StringIO()
    call_command("run_job", "count", "--as-of", "2026-03-01", "--json", stdout=out)
    (told,) = json.loads(out.getvalue())
    assert told | {"run": 0} == {
        "run": 0, "job": "count", "program": "kopi", "as_of": "2026-02-28T17:00:00+00:00", "dry_run": False,
        "status": "done", "found": 3, "done": 2, "skipped": 1, "report": {"odd": 1}, "error": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "invalid choice"),
        (["count", "--program", "none"], "no program “none”"),
        (["count", "--as-of", "yesterday"], "neither a day nor an instant"),
        (["count", "--as-of", "2026-03-01T00:00"], "has no time zone"),
        (["fail"], "The job failed"),
    ],
)
def test_the_command_says_what_was_wrong(program, arguments, said):
    with pytest.raises(CommandError, match=said):
        call_command("run_job", *arguments, stdout=StringIO(), stderr=StringIO())


# --- Left to the worker, stopped, taken up again --------------------------------------------------------------------
def taken_up(at=AT):
    return [run.pk for run in nudging._asked_for(at)]


def test_what_a_person_leaves_to_the_worker_waits_once_and_is_taken_up_once(program):
    asked = running.ask("count", program=program, as_of=AT, started_by="staff:7")
    assert (asked.status, jobs_for_tests.calls) == ("waiting", [])
    assert running.ask("count", program=program, as_of=AT, started_by="staff:8").pk == asked.pk
    assert nudging.oldest_due(AT) is not None
    assert (taken_up(), taken_up()) == ([asked.pk], [])
    asked.refresh_from_db()
    assert (asked.status, asked.attempts, asked.done, asked.started_by) == ("done", 1, 2, "staff:7")


def test_a_new_wish_is_not_answered_by_an_old_run_that_goes_on(program):
    old = JobRun.objects.create(
        job="count", program=program, as_of=AT, status="stopped", started_by="x", started_at=AT, seen_at=AT, ended_at=AT
    )
    running.resume(old, at=AT, actor="staff:7")
    later = AT + timedelta(days=1)
    asked = running.ask("count", program=program, as_of=later, started_by="staff:7")
    assert (asked.pk != old.pk, asked.as_of) == (True, later)
    assert taken_up(later) == [old.pk, asked.pk]


@pytest.mark.parametrize("attempts", [0, 3])
def test_a_job_of_every_nudge_that_waited_for_the_worker_writes_as_of_when_it_is_taken_up(settings, attempts):
    settings.SETIA_JOBS["count"]["every"] = "nudge"
    JobRun.objects.create(
        job="count", as_of=AT, status="waiting", attempts=attempts, started_by="x", started_at=AT, seen_at=AT
    )
    later = AT + timedelta(hours=3)
    with time_machine.travel(later, tick=False):
        assert len(taken_up(later)) == 1
    assert jobs_for_tests.calls == [(None, later, False)]
    assert JobRun.objects.get().as_of == later


def test_of_two_workers_one_takes_up_what_waits(program):
    asked = running.ask("count", program=program, as_of=AT, started_by="staff:7")
    other = JobRun.objects.get()
    assert running.take_up(asked) and not running.take_up(other)


def test_a_run_that_waits_is_called_off_at_once(program):
    asked = running.ask("count", program=program, as_of=AT, started_by="staff:7")
    assert running.request_stop(asked, at=AT, actor="staff:7")
    assert (taken_up(), JobRun.objects.get().status) == ([], "stopped")


def test_a_stopped_date_goes_on_when_a_person_says_so_as_of_the_same_instant(program):
    terms = {"started_by": "x", "started_at": AT, "seen_at": AT, "ended_at": AT}
    row = JobRun.objects.create(
        job="count", program=program, business_date=date(2026, 3, 1), as_of=AT, status="stopped", attempts=6, **terms
    )
    assert running.resume(row, at=AT, actor="staff:7").status == "waiting"
    assert taken_up() == [row.pk]
    row.refresh_from_db()
    assert (row.status, row.attempts, row.started_by) == ("done", 7, "staff:7")
    assert jobs_for_tests.calls == [("kopi", AT, False)]


def test_a_date_that_a_person_lets_go_on_waits_while_another_job_of_its_program_runs(program):
    terms = {"program": program, "as_of": AT, "started_by": "x", "started_at": AT, "seen_at": AT}
    JobRun.objects.create(job="find_nothing", business_date=date(2026, 3, 1), **terms)
    JobRun.objects.create(job="count", business_date=date(2026, 3, 1), status="waiting", **terms)
    assert taken_up() == []
    JobRun.objects.filter(job="find_nothing").update(status="done")
    assert len(taken_up()) == 1


@pytest.mark.parametrize("status", ["done", "running", "waiting"])
def test_what_has_not_ended_early_does_not_go_on(program, status):
    terms = {"as_of": AT, "started_by": "x", "started_at": AT, "seen_at": AT}
    row = JobRun.objects.create(job="count", program=program, status=status, **terms)
    with pytest.raises(running.NotToBeResumed, match="stopped or has failed"):
        running.resume(row, at=AT, actor="staff:7")
    row.refresh_from_db()
    assert row.status == status


def test_a_preview_is_not_let_go_on(program):
    run("fail", program, dry_run=True)
    with pytest.raises(running.NotToBeResumed):
        running.resume(JobRun.objects.get(), at=AT, actor="staff:7")
