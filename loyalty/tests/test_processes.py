"""Real worker, real beat, real server: what must hold when they are started, killed and ended."""

import asyncio
import os
import signal
import urllib.request

import pytest

from loyalty.mail.tests.servers import MailServer, Script
from loyalty.tests.installation import Installation, until
from loyalty.tests.nights import (
    EXPIRED,
    MANY_POINTS_THAT_RAN_OUT,
    NUDGE_EVERY_SECOND,
    POINTS_THAT_RAN_OUT,
    RUN,
    SILENT_FOR_LONG,
)
from loyalty.tests.ports import free_port

pytestmark = [
    pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800),
    pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc"),  # noqa: PTH112
]  # fmt: skip
REDIS = os.environ.get("SETIA_TEST_REDIS_URL", "")
BROKERS = [
    "filesystem://localhost",
    pytest.param(REDIS, marks=pytest.mark.skipif(not REDIS, reason="SETIA_TEST_REDIS_URL names no Redis"), id="redis"),
]


@pytest.fixture
def install(tmp_path):
    """Makes installations, and ends everything that runs on them."""
    made = []

    def make(**environment):
        made.append(Installation(tmp_path, **environment))
        return made[-1].__enter__()

    yield make
    for installation in made:
        installation.__exit__()


@pytest.mark.parametrize("broker", BROKERS)
def test_worker_and_beat_expire_points_by_themselves_and_only_once(install, broker):
    house = install(broker=broker)
    house.tell(POINTS_THAT_RAN_OUT + NUDGE_EVERY_SECOND)
    house.start_worker()
    house.start_beat()
    until(lambda: house.ask(EXPIRED)[0][0] == 1)
    seen = "SELECT seen_at FROM jobs_heartbeat WHERE name = 'nudge'"
    for _ in range(3):
        before = until(lambda: house.ask(seen))
        until(lambda before=before: house.ask(seen) != before)
    until(lambda: set(house.ask(RUN)) == {("done", 1)})  # of one day, or of two when midnight passed
    assert [(n, int(points)) for n, points in house.ask(EXPIRED)] == [(1, -100)]
    house.manage("verify_ledger")


def test_a_worker_killed_in_the_middle_of_a_sweep_is_made_up_for_and_nothing_expires_twice(install):
    house = install()
    house.tell(MANY_POINTS_THAT_RAN_OUT + NUDGE_EVERY_SECOND)
    house.start_beat()
    worker = house.start_worker()
    until(lambda: house.ask(RUN), every=0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    status = house.ask(RUN)[0][0]
    house.start_worker()
    if status == "running":
        house.tell(SILENT_FOR_LONG)
    until(lambda: house.ask(RUN)[0][0] == "done")
    assert [(n, int(points)) for n, points in house.ask(EXPIRED)] == [(30_000, -300_000)]
    assert house.ask(RUN)[0][1] == (2 if status == "running" else 1)
    house.manage("verify_ledger")


def test_the_one_command_mends_a_killed_worker_and_ends_without_leaving_a_process(install):
    house = install()
    port = str(free_port())
    command = house.start("manage.py", "serve", "--port", port)
    until(lambda: "Setia is ready at" in house.log())
    assert urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=60).status == 200
    worker = one(house, "worker")
    os.kill(worker, signal.SIGKILL)
    until(lambda: one(house, "worker") not in (None, worker))
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=180) == 0
    until(lambda: house.alive() == [])
    assert "worker ended (signal 9) and is started again" in house.log()


def test_a_second_start_is_refused_and_a_killed_one_leaves_nothing_in_the_way(install):
    house = install()
    first = house.start("manage.py", "serve", "--port", str(free_port()))
    until(lambda: "Setia is ready at" in house.log())
    second = house.start("manage.py", "serve", "--port", str(free_port()))
    assert second.wait(timeout=180) == 1
    assert f"Setia is running already as process {first.pid}" in house.log()
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: house.alive() == [])
    third = house.start("manage.py", "serve", "--port", str(free_port()))
    until(lambda: house.log().count("Setia is ready at") == 2)
    third.send_signal(signal.SIGINT)
    assert third.wait(timeout=180) == 0
    until(lambda: house.alive() == [])


def test_a_worker_killed_while_it_hands_over_a_letter_leaves_it_uncertain_and_never_sends_it_twice(install):
    class NeverDone(Script):
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            self.taken.append(envelope)
            await asyncio.sleep(600)

    script = NeverDone()
    server = MailServer(script)
    server.start()
    try:
        house = install(EMAIL_URL=f"smtp://127.0.0.1:{server.port}")
        house.tell("""
from django.utils import timezone
from loyalty.mail import outbox
outbox.queue(recipient="1", address="a@example.com", language="en", kind="welcome", subject="x",
    context={"name": "Ani", "number": "1"}, at=timezone.now())
""")
        sender = house.start("manage.py", "run_job", "deliver_mail")
        until(lambda: script.taken)
        sender.send_signal(signal.SIGKILL)
        sender.wait()
        assert house.ask("SELECT status FROM mail_message") == [("sending",)]
        house.tell("""
from datetime import timedelta
from django.db.models import F
from loyalty.mail.models import Message
Message.objects.update(claimed_at=F("claimed_at") - timedelta(hours=1))
""")
        house.manage("run_job", "deliver_mail")
        assert house.ask("SELECT status FROM mail_message") == [("uncertain",)]
        house.manage("run_job", "deliver_mail")
        assert len(script.taken) == 1
    finally:
        server.stop()


def one(house, part):
    """The process of a part of the one command, None while there is none."""
    for pid in house.alive():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
                words = file.read().split(b"\0")
        except OSError:
            continue
        if part.encode() in words:
            return pid
    return None
