"""Faults of what Setia stands on, with real processes: a broker that is refused, silent, emptied or repeats itself, and a database that goes away.

In all of them the books are right, each business date is run once, and the work completes by itself once things are back.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from loyalty.tests.installation import Installation, free_port, until
from loyalty.tests.test_processes import (
    EXPIRED,
    MANY_POINTS_THAT_RAN_OUT,
    NUDGE_EVERY_SECOND,
    POINTS_THAT_RAN_OUT,
    RUN,
)

pytestmark = [
    pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(600),
    pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc"),  # noqa: PTH112
]  # fmt: skip
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("p")
REDIS = shutil.which("redis-server")
# Whatever broke off rests no longer: it is taken up at the next look.
RESTED = """
from datetime import timedelta
from django.db.models import F
from loyalty.jobs.models import JobRun
hour = timedelta(hours=1)
JobRun.objects.filter(status__in=["running", "failed"]).update(seen_at=F("seen_at") - hour, ended_at=F("ended_at") - hour)
"""
LOOKED_AT = "SELECT seen_at FROM jobs_heartbeat WHERE name = 'nudge'"
CAME_THROUGH = "SELECT seen_at FROM jobs_heartbeat WHERE name = 'broker'"
RUNS_OF_EACH_DATE = """
SELECT count(*) FROM (SELECT job FROM jobs_jobrun WHERE business_date IS NOT NULL
GROUP BY job, program_id, business_date HAVING count(*) > 1) AS twice
"""


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


def expired_once(house, lots=1, points=-100):
    """Everything that ran out is expired, once, and the books prove it."""
    until(lambda: [(n, int(total)) for n, total in house.ask(EXPIRED)] == [(lots, points)])
    until(lambda: house.ask(RUN)[0][0] == "done")
    assert house.ask(RUNS_OF_EACH_DATE)[0][0] == 0
    house.manage("verify_ledger")


def waiting_messages(house):
    return sorted((house.folder / "broker" / "queue").glob("*.msg"))


def test_a_broker_that_lost_everything_loses_nothing_that_matters(install):
    house = install()
    house.tell(POINTS_THAT_RAN_OUT + NUDGE_EVERY_SECOND)
    beat = house.start_beat()
    until(lambda: waiting_messages(house))
    beat.send_signal(signal.SIGKILL)
    beat.wait()
    for message in waiting_messages(house):
        message.unlink()
    house.start_worker()  # no beat and no message: a worker that starts looks by itself
    expired_once(house)


def test_one_message_delivered_many_times_runs_each_date_once(install):
    house = install()
    house.tell(POINTS_THAT_RAN_OUT + NUDGE_EVERY_SECOND)
    beat = house.start_beat()
    message = until(lambda: waiting_messages(house))[0]
    beat.send_signal(signal.SIGKILL)
    beat.wait()
    for number in range(20):
        shutil.copyfile(message, message.with_name(f"{number}_{message.name}"))
    house.start_worker()
    until(lambda: not waiting_messages(house))
    expired_once(house)


class Silent:
    """Takes connections and never says a word."""

    def __init__(self, port):
        self.server = socket.create_server(("127.0.0.1", port))
        self.taken = []
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        while True:
            try:
                self.taken.append(self.server.accept()[0])
            except OSError:
                return

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join()
        for connection in self.taken:
            connection.close()


@pytest.mark.skipif(not REDIS, reason="needs redis-server")
@pytest.mark.parametrize("is_silent", [False, True], ids=["refused", "silent"])
def test_without_a_broker_work_is_done_by_hand_and_it_goes_on_by_itself_once_the_broker_is_back(install, is_silent):
    port = free_port()
    silent = Silent(port) if is_silent else None
    house = install(broker=f"redis://127.0.0.1:{port}/0")
    house.tell(POINTS_THAT_RAN_OUT + NUDGE_EVERY_SECOND)
    house.start_worker()
    house.start_beat()
    if silent:
        until(lambda: silent.taken)
    house.manage("nudge")
    expired_once(house)
    if silent:
        silent.close()
    words = [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    broker = subprocess.Popen(words, cwd=house.folder, stdout=subprocess.DEVNULL)
    try:
        seen = until(lambda: house.ask(CAME_THROUGH), deadline=240)
        until(lambda: house.ask(CAME_THROUGH) != seen, deadline=240)
        expired_once(house)
    finally:
        broker.kill()
        broker.wait()


@pytest.mark.skipif(not ON_POSTGRESQL, reason="needs a database server that can go away")
def test_a_database_that_goes_away_in_the_middle_of_a_sweep_and_comes_back_costs_nothing(install):
    house = install()
    house.tell(MANY_POINTS_THAT_RAN_OUT + NUDGE_EVERY_SECOND)
    house.start("manage.py", "serve", "--port", str(free_port()))
    until(lambda: house.ask(RUN), every=0.01)
    house.on_server(f'ALTER DATABASE "{house.name}" ALLOW_CONNECTIONS false')
    house.on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{house.name}'")
    until(lambda: "not currently accepting connections" in house.log())
    house.on_server(f'ALTER DATABASE "{house.name}" ALLOW_CONNECTIONS true')
    before = house.ask(LOOKED_AT)
    until(lambda: house.ask(LOOKED_AT) not in ([], before))
    if house.ask(RUN)[0][0] != "done":
        house.tell(RESTED)
    expired_once(house, lots=30_000, points=-300_000)
