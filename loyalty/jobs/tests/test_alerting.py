"""Trouble is told once when it begins, again after each day, and once when it is over: by letter and by a call."""

import json
import socket
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from loyalty.desk import roles
from loyalty.jobs import alerting, calling, nudging, troubles
from loyalty.jobs.models import Alert, Heartbeat, JobRun, JobSchedule
from loyalty.mail import outbox
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.tests.desk import hire

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 3, tzinfo=UTC)  # 10:00 in Jakarta
DAY = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def one_job(settings):
    base = "loyalty.jobs.tests.jobs_for_tests."
    settings.SETIA_JOBS = {
        "count": {"run": base + "count", "every": "day", "title": "Count"},
        "look": {"run": base + "find_nothing", "every": "nudge", "title": "Look"},
    }
    settings.SETIA_DISK_FREE_MB = 0


@pytest.fixture
def ops():
    """One of operations, who gets the letters, and an auditor, who gets none."""
    hire(roles.AUDITOR)
    return hire(roles.OPS)


@pytest.fixture
def program_at_work(program):
    """A program whose daily job was run today, with the machinery awake."""
    run_of(program)
    awake(AT)
    return program


def run_of(program, *, day=DAY, **more):
    terms = {
        "as_of": AT,
        "started_by": nudging.ACTOR,
        "started_at": AT,
        "seen_at": AT,
        "ended_at": AT,
        "status": "done",
    }
    return JobRun.objects.create(**{"job": "count", "program": program, "business_date": day} | terms | more)


def awake(at):
    for name in ("nudge", "worker"):
        nudging.beat(name, at=at)


def told():
    return list(Message.objects.order_by("id").values_list("kind", flat=True))


def look(at):
    return alerting.send_alerts(at=at).done


def names(at):
    return [trouble.name for trouble in troubles.find(at)]


def test_an_installation_that_does_its_work_alerts_nobody(program_at_work, ops):
    assert (look(AT), told(), Alert.objects.count()) == (0, [], 0)


def test_a_failed_job_is_told_once_to_those_who_may_run_jobs_and_told_again_when_it_works(program_at_work, ops):
    run = JobRun.objects.get()
    JobRun.objects.update(status="failed", error="It broke.")
    assert look(AT) == 1
    letter = Message.objects.get()
    assert (letter.recipient, letter.address, letter.kind) == (f"staff:{ops.pk}", ops.email, "job_failed")
    assert letter.context["said"] == "Kopi Nusantara: Count failed."
    assert [look(AT + timedelta(minutes=minute)) for minute in (1, 2, 3)] == [0, 0, 0]
    JobRun.objects.filter(pk=run.pk).update(status="done")
    assert look(AT + timedelta(minutes=12)) == 0  # perhaps it is only being tried again
    assert look(AT + timedelta(minutes=13)) == 1
    assert told() == ["job_failed", "job_mended"]
    assert Alert.objects.get().ended_at == AT + timedelta(minutes=3)
    assert look(AT + timedelta(minutes=14)) == 0


def test_trouble_that_lasts_is_told_again_after_a_day(program_at_work, ops):
    JobRun.objects.update(status="failed")
    for hours in (0, 23, 24, 25, 47, 48):
        awake(AT + timedelta(hours=hours))
        alerting._see(
            troubles.Trouble("failed:count:kopi", "failed", {"jobs": ["count"]}), at=AT + timedelta(hours=hours)
        )
    assert told() == ["job_failed"] * 3
    assert Alert.objects.count() == 1


def test_a_failure_that_is_tried_again_and_again_is_one_trouble(program_at_work, ops):
    for minute in range(0, 30, 3):
        JobRun.objects.update(status="failed" if minute % 2 else "running")
        look(AT + timedelta(minutes=minute))
    assert told() == ["job_failed"]


def test_a_late_job_is_named_with_its_program(program_at_work, ops):
    at = AT + timedelta(days=1)
    awake(at)
    type(program_at_work).objects.update(created_at=AT - timedelta(days=9))
    assert names(at) == ["late:kopi"]
    look(at)
    assert Message.objects.get().context["said"] == "Kopi Nusantara: Late: Count."


def test_a_program_of_today_and_a_switched_off_job_are_not_late(program_at_work):
    at = AT + timedelta(days=1)
    awake(at)
    type(program_at_work).objects.update(created_at=at)
    assert names(at) == []


def test_a_job_of_every_nudge_is_told_when_it_failed_three_times_in_a_row_and_lately(program_at_work):
    row = run_of(None, day=None, job="look", status="failed", attempts=2)
    assert names(AT) == []
    JobRun.objects.filter(pk=row.pk).update(attempts=3)
    assert names(AT) == ["failed:look:"]
    later = AT + troubles.FAILS_NO_MORE + timedelta(seconds=1)
    awake(later)
    assert names(later) == []


def test_what_a_person_runs_and_sees_fail_wakes_nobody_up(program_at_work):
    run_of(program_at_work, day=None, status="failed", started_by="staff:1", attempts=9)
    run_of(program_at_work, day=None, status="failed", is_dry=True, attempts=9)
    assert names(AT) == []


def test_what_failed_before_its_job_was_switched_off_is_nobodys_trouble(program_at_work):
    JobRun.objects.update(status="failed", error="It broke.")
    assert names(AT) == ["failed:count:kopi"]
    JobSchedule.objects.update_or_create(job="count", defaults={"is_on": False})
    assert names(AT) == []


def test_letters_that_wait_and_a_full_disk_are_told(program_at_work, settings):
    outbox.queue(recipient="1", address="a@example.com", language="en", kind="welcome", subject="x", context={}, at=AT)
    later = AT + timedelta(minutes=45)
    awake(later)
    assert names(later) == ["check:letters"]
    settings.SETIA_DISK_FREE_MB = 10**12
    assert names(later) == ["check:letters", "check:disk"]
    letters, disk = troubles.find(later)
    assert troubles.words(letters.kind, letters.facts) == "Letters have been waiting for 45 minutes."
    assert "MB are left" in troubles.words(disk.kind, disk.facts)


def test_where_nothing_nudges_the_same_job_from_cron_tells_it_but_a_nudge_does_not_tell_it_of_itself(program_at_work):
    Heartbeat.objects.filter(name="nudge").update(seen_at=AT - timedelta(hours=2))
    assert names(AT) == []
    Heartbeat.objects.filter(name="worker").update(seen_at=AT - timedelta(hours=2))
    assert names(AT) == ["check:nudge"]


def test_a_preview_only_counts(program_at_work, ops):
    JobRun.objects.update(status="failed")
    assert (alerting.send_alerts(at=AT, dry_run=True).found, told(), Alert.objects.count()) == (1, [], 0)


@pytest.mark.parametrize("kind", ["job_failed", "job_mended"])
@pytest.mark.parametrize("language", ["en", "id", "ms"])
def test_the_letters_say_what_is_wrong_and_lead_to_the_page_of_health(kind, language):
    letter = Message(kind=kind, language=language, context={"said": "Count failed.", "alert": 1})
    subject, text, html = render(letter)
    assert "Count failed." in subject and "Count failed." in text and "Count failed." in html
    assert "/admin/jobs/alert/health/" in text and "/admin/jobs/alert/health/" in html


# --- The call -------------------------------------------------------------------------------------------------------
class Pager:
    """An address that keeps what it is told and answers with what it is set to."""

    def __init__(self):
        self.taken, self.status = [], 200
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                pager.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(pager.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def pager(settings):
    pager = Pager()
    settings.SETIA_ALERT_URL = pager.address
    yield pager
    pager.close()


def test_the_address_is_called_when_trouble_begins_and_when_it_is_over(program_at_work, pager):
    JobRun.objects.update(status="failed")
    look(AT)
    look(AT + timedelta(minutes=1))
    JobRun.objects.update(status="done")
    look(AT + timedelta(minutes=11))
    begun, over = pager.taken
    assert (begun["text"], begun["is_over"]) == ("Setia: Kopi Nusantara: Count failed.", False)
    assert (over["text"], over["is_over"]) == ("Setia: over: Kopi Nusantara: Count failed.", True)
    assert begun["alert"] == over["alert"] and begun["page"].endswith("/admin/jobs/alert/health/")
    assert Alert.objects.get().call == "done"


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_call_that_is_not_taken_is_made_again_and_holds_nothing_up(program_at_work, ops, pager, status):
    pager.status = status
    JobRun.objects.update(status="failed")
    assert look(AT) == 1
    assert (told(), Alert.objects.get().call, len(pager.taken)) == (["job_failed"], "due", 1)
    pager.status = 204
    look(AT + timedelta(minutes=1))
    assert (Alert.objects.get().call, len(pager.taken)) == ("done", 2)


def test_an_address_where_nobody_listens_costs_nothing_but_the_call(program_at_work, ops, settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listened at: every connection is refused
        settings.SETIA_ALERT_URL = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        JobRun.objects.update(status="failed")
        assert (look(AT), told(), Alert.objects.get().call) == (1, ["job_failed"], "due")


def test_a_call_whose_process_died_is_made_again_after_its_claim(program_at_work, pager):
    JobRun.objects.update(status="failed")
    look(AT)
    Alert.objects.update(call="calling", called_at=AT)
    look(AT + timedelta(minutes=5))
    assert len(pager.taken) == 1
    look(AT + timedelta(minutes=6))
    assert (len(pager.taken), Alert.objects.get().call) == (2, "done")


def test_what_the_address_gets_is_in_the_language_of_the_installation(program, monkeypatch):
    monkeypatch.setattr(calling, "_", lambda said: said.replace("over", "selesai"), raising=False)
    alert = Alert(trouble="x", kind="nudge", began_at=AT, seen_at=AT, told_at=AT, ended_at=AT)
    assert calling.told(alert)["text"].startswith("Setia: selesai: Nobody looks")


def test_a_folder_that_cannot_be_read_is_told_without_a_figure(program_at_work, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "gone"
    disk = next(trouble for trouble in troubles.find(AT) if trouble.kind == "disk")
    assert "None" not in troubles.words(disk.kind, disk.facts)
