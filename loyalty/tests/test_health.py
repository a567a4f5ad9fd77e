"""What machines are told about the installation: true, short, and nothing that helps an attacker."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection

from loyalty import health
from loyalty.jobs import nudging
from loyalty.jobs.models import Heartbeat
from loyalty.mail import outbox
from loyalty.mail.models import Message

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def two_harmless_jobs(settings):
    settings.SETIA_DISK_FREE_MB = 0  # whatever the machine of the tests has
    settings.SETIA_JOBS = {"a": {"run": "loyalty.jobs.tests.jobs_for_tests.find_nothing", "every": "day", "title": "A"}}


def nudged(at):
    with time_machine.travel(at, tick=False):
        nudging.nudge(at)


def ready(client, at):
    with time_machine.travel(at, tick=False):
        answer = client.get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_a_living_process_says_so(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_an_installation_that_does_its_work_is_ready(client, program):
    nudged(AT)
    status, checks = ready(client, AT + timedelta(minutes=5))
    assert status == 200
    assert {name: check["ok"] for name, check in checks.items()} == {
        "database": True, "migrations": True, "due_work": True, "letters": True, "nudge": True, "worker": True, "broker": True, "disk": True,
    }  # fmt: skip
    assert checks["nudge"]["seen_at"] == AT.isoformat()


def test_without_a_nudge_it_is_not_ready_and_says_what_to_start(client):
    status, checks = ready(client, AT)
    assert status == 503
    assert checks["nudge"] == {"ok": False, "detail": "not seen yet; start worker and beat", "seen_at": None}
    assert checks["worker"] == {"ok": False, "detail": "not seen yet; start the worker", "seen_at": None}


def test_a_nudge_that_stopped_is_told(client, program):
    nudged(AT)
    status, checks = ready(client, AT + timedelta(minutes=31))
    assert status == 503 and not checks["nudge"]["ok"] and checks["due_work"]["ok"]
    assert checks["worker"] == {"ok": False, "detail": "not seen for too long; does it run?", "seen_at": AT.isoformat()}


def test_a_daily_job_that_nobody_took_up_makes_it_late(client, program):
    nudged(AT)
    next_day = AT + timedelta(days=1)
    Heartbeat.objects.update(seen_at=next_day)
    status, checks = ready(client, next_day)
    # Due since 00:05 in Jakarta, and it is 10:00 there.
    assert status == 503
    assert checks["due_work"] == {
        "ok": False, "oldest_minutes": 595, "limit_minutes": 30,
        "detail": "has been waiting for too long; are worker, beat and mail server running?",
    }  # fmt: skip


def test_letters_are_counted_by_what_became_of_them(client, program):
    nudged(AT)
    for number, status in enumerate(("queued", "queued", "sending", "uncertain", "failed", "sent")):
        letter = {"recipient": str(number), "address": "a@example.com", "kind": "welcome", "subject": "x"}
        Message.objects.create(status=status, queued_at=AT, due_at=AT, **letter)
    status, checks = ready(client, AT + timedelta(minutes=3))
    assert (status, checks["letters"]) == (
        200, {"ok": True, "detail": "none is late", "minutes": 3, "waiting": 2, "uncertain": 1, "refused": 1},
    )  # fmt: skip


def test_a_silent_broker_is_told_and_does_no_harm_while_something_nudges(client, program):
    nudged(AT)
    assert ready(client, AT)[1]["broker"] == {"ok": True, "detail": "not used yet", "seen_at": None}
    nudging.beat("broker", at=AT - timedelta(hours=3))
    assert ready(client, AT)[1]["broker"]["detail"] == "silent, but work is looked for"
    status, checks = ready(client, AT + timedelta(minutes=31))
    assert (status, checks["broker"]["ok"]) == (503, False)


def test_a_disk_that_is_nearly_full_is_told(client, program, settings):
    nudged(AT)
    settings.SETIA_DISK_FREE_MB = 10**12
    status, checks = ready(client, AT)
    assert (status, checks["disk"]["ok"], checks["disk"]["detail"]) == (503, False, "nearly full; make room")


def test_letters_that_wait_too_long_make_it_late(client):
    nudged(AT)
    outbox.queue(recipient="1", address="a@example.com", language="en", kind="welcome", subject="x", context={}, at=AT)
    Heartbeat.objects.update(seen_at=AT + timedelta(minutes=31))
    assert ready(client, AT + timedelta(minutes=30))[0] == 200
    assert ready(client, AT + timedelta(minutes=31))[0] == 503


def test_a_database_that_is_behind_the_code_is_not_ready(client, monkeypatch):
    health._seen_migrated.clear()
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *args: ["one", "two"])
    status, checks = ready(client, AT)
    assert status == 503 and checks["migrations"]["waiting"] == 2


def test_a_database_that_does_not_answer_is_told_without_its_secrets(client, monkeypatch):
    def refuse():
        raise DatabaseError("could not connect to db.internal as setia with password hunter2")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": {"ok": False, "detail": "does not answer"}}
    assert b"hunter2" not in answer.content


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_only_read_and_never_cached(client, path):
    assert client.post(path).status_code == 405
    assert "no-store" in client.get(path)["Cache-Control"]
