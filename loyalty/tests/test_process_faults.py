"""Broker, database and mail server fail while real worker, beat and web processes run: the books stay right, no letter goes twice, and
the work completes by itself (RELIABILITY R-3 to R-6).
"""

import importlib.util
import json
import signal
import urllib.error
import urllib.request
from contextlib import suppress

import pytest
from django.conf import settings

from loyalty.mail.tests.servers import MailServer, Script
from loyalty.tests import nights
from loyalty.tests.brokers import Line, OwnRedis, needs_redis
from loyalty.tests.installation import Installation, until
from loyalty.tests.ports import free_port
from loyalty.tests.test_http_races import Servers

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]
PATIENT = 600  # a machine under load: what is waited for is a condition, never a time
THREE_DAYS_AGO = """
from datetime import timedelta
from django.db.models import F
from loyalty.jobs.models import JobRun
from loyalty.ledger.models import Program
JobRun.objects.filter(business_date__isnull=False).update(business_date=F("business_date") - timedelta(days=3))
Program.objects.update(created_at=F("created_at") - timedelta(days=3))
"""
DATED = "SELECT business_date, job, attempts, status FROM jobs_jobrun WHERE business_date IS NOT NULL ORDER BY id"
MANY_NUDGES = "from loyalty.jobs.tasks import nudge\nfor _ in range(30): nudge.delay()"


@pytest.fixture
def install(first_installation, tmp_path):
    """Makes an installation on a broker, mail server or database of the test's own, and ends everything that runs on it."""
    made = []

    def make(*, server="", **environment):
        like = None if server else first_installation
        made.append(Installation(tmp_path, like=like, server=server, **environment))
        return made[-1].__enter__()

    yield make
    for installation in made:
        installation.__exit__()


@pytest.fixture
def redis(tmp_path):
    server = OwnRedis(tmp_path)
    yield server
    server.stop()


def expired(house):
    return [(lots, int(points)) for lots, points in house.ask(nights.EXPIRED)]


def nudged_again(house):
    """Waits until due work was looked for once more."""
    before = house.ask(nights.NUDGED)
    until(lambda: house.ask(nights.NUDGED) not in ([], before), deadline=PATIENT)


def work_completes(house):
    """Whatever was wrong: the night's expiry is done once, and a letter of now goes out once."""
    house.tell(nights.letters(1, first=len(house.ask(nights.LETTERS))))
    until(lambda: set(house.ask(nights.LETTERS)) == {("sent", 1)}, deadline=PATIENT)
    until(lambda: set(house.ask(nights.RUN)) == {("done", 1)}, deadline=PATIENT)
    assert expired(house) == [(1, -100)]
    house.manage("verify_ledger")


# --- Broker -----------------------------------------------------------------------------------------------------------
@needs_redis
def test_a_broker_that_refuses_does_not_reach_the_till_and_once_it_is_there_the_work_is_done(install, redis):
    house = install(broker=redis.url)
    servers = Servers(house)
    worker, beat = house.start_worker(), house.start_beat()
    until(lambda: "Connection refused" in house.log() or "Error 111" in house.log(), deadline=PATIENT)
    assert servers.post(0, "/purchases", servers.sale("R1"))[0] == 201
    house.tell(nights.NUDGE_EVERY_SECOND + nights.letters(1))
    assert (worker.poll(), beat.poll(), house.ask(nights.NUDGED)) == (None, None, [])
    redis.start()
    until(lambda: set(house.ask(nights.LETTERS)) == {("sent", 1)}, deadline=PATIENT)
    assert servers.points("ani") == 100
    assert (worker.poll(), beat.poll()) == (None, None)
    house.manage("verify_ledger")


@needs_redis
def test_a_broker_that_falls_silent_for_ever_does_not_reach_the_till_and_the_work_goes_on_over_new_lines(
    install, redis
):
    redis.start()
    line = Line(redis.port)
    try:
        line.silence()
        house = install(broker=f"redis://127.0.0.1:{line.port}/0")
        servers = Servers(house)
        house.tell(nights.NUDGE_EVERY_SECOND)
        worker, beat = house.start_worker(), house.start_beat()
        until(lambda: len(line.taken) >= 2, deadline=PATIENT)
        assert servers.post(0, "/purchases", servers.sale("R1"))[0] == 201
        assert house.ask(nights.NUDGED) == []
        line.carry_again()
        until(lambda: house.ask(nights.NUDGED), deadline=PATIENT)
        line.silence()  # now in the middle of its work, with lines that nobody closes
        house.tell(nights.letters(1))
        assert servers.post(1, "/purchases", servers.sale("R2"))[0] == 201
        line.carry_again()
        nudged_again(house)
        until(lambda: set(house.ask(nights.LETTERS)) == {("sent", 1)}, deadline=PATIENT)
        assert (servers.points("ani"), worker.poll(), beat.poll()) == (200, None, None)
        house.manage("verify_ledger")
    finally:
        line.close()


@needs_redis
def test_a_broker_that_is_emptied_loses_nothing_that_matters(install, redis):
    redis.start()
    house = install(broker=redis.url)
    house.tell(nights.POINTS_THAT_RAN_OUT + nights.NUDGE_EVERY_SECOND + nights.letters(1))
    beat = house.start_beat()
    until(lambda: redis.ask("LLEN celery") not in ("", ":0"), deadline=PATIENT)
    assert redis.ask("FLUSHALL") == "+OK"
    assert (expired(house), house.ask(nights.LETTERS)) == ([(0, 0)], [("queued", 0)])
    worker = house.start_worker()
    until(lambda: house.ask(nights.RUN), deadline=PATIENT)
    for _ in range(3):  # also what worker and beat have agreed on there is gone
        assert redis.ask("FLUSHALL") == "+OK"
        nudged_again(house)
    work_completes(house)
    assert (worker.poll(), beat.poll()) == (None, None)


@pytest.mark.parametrize("broker", ["filesystem", pytest.param("redis", marks=needs_redis)])
def test_doubled_messages_beats_and_workers_after_three_days_of_outage_run_each_date_once_and_oldest_first(
    install, redis, broker
):
    if broker == "redis":
        redis.start()
    house = install(broker=redis.url if broker == "redis" else "filesystem://localhost")
    house.tell(nights.POINTS_THAT_RAN_OUT + "\nfrom loyalty.jobs import nudging\nnudging.nudge(timezone.now())")
    jobs = [job for _day, job, _attempts, _status in house.ask(DATED)]
    house.tell(THREE_DAYS_AGO + nights.NUDGE_EVERY_SECOND + nights.letters(3) + MANY_NUDGES)
    first = house.ask(DATED)[0][0]
    for start in (house.start_beat, house.start_worker) * 2:
        start()
    until(lambda: len(house.ask(DATED)) >= 4 * len(jobs), deadline=PATIENT)
    until(lambda: {status for *_run, status in house.ask(DATED)} == {"done"}, deadline=PATIENT)
    until(lambda: set(house.ask(nights.LETTERS)) == {("sent", 1)}, deadline=PATIENT)
    for _ in range(3):
        nudged_again(house)
    runs = house.ask(DATED)
    days = sorted({day for day, *_run in runs})  # a fifth when midnight passed meanwhile
    assert [(day, job) for day, job, *_run in runs] == [(day, job) for day in days for job in jobs]
    assert len(days) in (4, 5) and days[0] == first
    assert {attempts for _day, _job, attempts, _status in runs} == {1}
    assert expired(house) == [(1, -100)]
    house.manage("verify_ledger")


# --- Database ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def cluster():
    """A server that may be stopped: the one the tests run on belongs to others too."""
    spec = importlib.util.spec_from_file_location("with_postgresql", settings.BASE_DIR / ".ci" / "with_postgresql.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    binaries = found.installed_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL to start")
    with found.Cluster(binaries) as server:
        yield server


def ready(port):
    """The checks of /readyz, and its status."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=60) as answer:
            return answer.status, json.load(answer)["checks"]
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)["checks"]


def test_a_database_that_is_stopped_in_the_middle_of_a_sweep_and_started_again_loses_and_doubles_nothing(
    cluster, install
):
    house = install(server=f"{cluster.address}/any")
    house.tell(nights.MANY_POINTS_THAT_RAN_OUT + nights.NUDGE_EVERY_SECOND)
    port = free_port()
    served = house.start("manage.py", "serve", "--port", str(port))
    until(lambda: house.ask(nights.RUN), deadline=PATIENT, every=0.01)
    cluster.stop()
    until(lambda: answered(lambda: ready(port))[:1] == (503,), deadline=PATIENT)
    assert ready(port)[1] == {"database": {"ok": False, "detail": "does not answer"}}
    assert urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=60).status == 200
    cluster.start()
    nudged_again(house)
    if (
        house.ask(nights.RUN)[0][0] == "running"
    ):  # nobody could write down how it ended: it is taken over once it was silent for long
        house.tell(nights.SILENT_FOR_LONG)
    elif house.ask(nights.RUN)[0][0] == "failed":
        house.tell(RESTED)
    until(lambda: {status for status, _attempts in house.ask(nights.RUN)} == {"done"}, deadline=PATIENT)
    house.tell(nights.letters(2))
    until(lambda: set(house.ask(nights.LETTERS)) == {("sent", 1)}, deadline=PATIENT)
    assert expired(house) == [(30_000, -300_000)]
    assert urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=60).status == 200
    served.terminate()
    served.wait()
    house.python("manage.py", "verify_ledger", deadline=PATIENT)


RESTED = """
from datetime import timedelta
from django.db.models import F
from loyalty.jobs.models import JobRun
JobRun.objects.filter(status="failed").update(ended_at=F("ended_at") - timedelta(hours=1))
"""


def answered(question):
    """The answer, nothing while nobody can be asked."""
    with suppress(Exception):
        return question()
    return ()


UNREACHABLE = "SELECT 1 FROM jobs_jobrun WHERE job = 'deliver_mail' AND status = 'failed'"


# --- Mail server ------------------------------------------------------------------------------------------------------
@pytest.fixture
def post_office(install):
    """A worker and beat with a mail server that behaves as told; what it has taken."""
    script = Script()
    server = MailServer(script)
    server.start()
    house = install(EMAIL_URL=f"smtp://127.0.0.1:{server.port}")
    house.tell(nights.NUDGE_EVERY_SECOND)
    yield house, script
    house.__exit__()
    server.stop()


def all_sent(house):
    """Whether every letter went out, now that its pause is over; one that was being tried just now rests only then."""
    if {status for status, _attempts in house.ask(nights.LETTERS)} == {"sent"}:
        return True
    house.tell(nights.PAUSES_OVER)
    return False


def taken(script):
    """How often each reader's letter was handed over."""
    addresses = [envelope.rcpt_tos[0] for envelope in script.taken]
    return {address: addresses.count(address) for address in addresses}


@pytest.mark.parametrize(
    ("behaviour", "meanwhile", "attempts"),
    [
        ("refuse", ("queued", 1), 2),  # 5xx for the letter
        ("refuse recipient", ("queued", 1), 2),
        ("not now", ("queued", 1), 2),  # 4xx
        ("too busy", ("queued", 0), 1),  # 421 for everybody
        ("hang at sender", ("queued", 0), 1),
        ("drop at recipient", ("queued", 0), 1),
    ],
)
def test_letters_that_a_mail_server_did_not_take_go_out_once_when_it_does(post_office, behaviour, meanwhile, attempts):
    house, script = post_office
    script.behaviour = behaviour
    house.tell(nights.letters(3))
    house.start_worker()
    house.start_beat()
    if attempts == 2:
        until(lambda: house.ask(nights.LETTERS) == [meanwhile] * 3, deadline=PATIENT)
    else:
        until(lambda: house.ask(UNREACHABLE), deadline=PATIENT)
        assert set(house.ask(nights.LETTERS)) <= {meanwhile, ("sending", 0)} and script.taken == []
    script.behaviour = "accept"
    until(lambda: all_sent(house), deadline=PATIENT, every=1)
    nudged_again(house)
    assert house.ask(nights.LETTERS) == [("sent", attempts)] * 3
    assert taken(script) == {f"m{number}@example.com": 1 for number in range(3)}


@pytest.mark.parametrize("behaviour", ["hang after data", "drop after data"])
def test_a_letter_whose_end_nobody_knows_is_never_handed_over_again_and_the_others_are(post_office, behaviour):
    house, script = post_office
    script.behaviour = behaviour
    house.tell(nights.letters(3))
    house.start_worker()
    until(lambda: script.taken, deadline=PATIENT)
    script.behaviour = "accept"
    house.start_beat()
    ended = [("uncertain", 0), ("sent", 1), ("sent", 1)]
    until(lambda: house.ask(nights.LETTERS) == ended, deadline=PATIENT)
    house.tell(nights.PAUSES_OVER)
    for _ in range(3):
        nudged_again(house)
    assert house.ask(nights.LETTERS) == ended
    assert taken(script) == {f"m{number}@example.com": 1 for number in range(3)}


def test_a_worker_killed_with_a_letter_in_hand_leaves_it_in_doubt_and_the_next_one_sends_the_rest(post_office):
    house, script = post_office
    script.behaviour = "hang after data"
    house.tell(nights.letters(3))
    worker = house.start_worker()
    until(lambda: script.taken, deadline=PATIENT)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    script.behaviour = "accept"
    house.tell(nights.CLAIMS_LOST + nights.letters(2, first=3))
    house.start_worker()
    house.start_beat()
    # What it had claimed with the letter in its hand nobody can tell apart from it: all of that is for a person to decide.
    ended = [("uncertain", 0)] * 3 + [("sent", 1)] * 2
    until(lambda: house.ask(nights.LETTERS) == ended, deadline=PATIENT)
    nudged_again(house)
    assert house.ask(nights.LETTERS) == ended
    assert set(taken(script).values()) == {1} and len(script.taken) == 3


def test_a_mail_server_that_is_not_there_marks_nothing_and_gets_everything_once_it_is(install):
    port = free_port()
    house = install(EMAIL_URL=f"smtp://127.0.0.1:{port}")
    house.tell(nights.NUDGE_EVERY_SECOND + nights.letters(3))
    house.start_worker()
    house.start_beat()
    until(lambda: house.ask(UNREACHABLE), deadline=PATIENT)
    assert set(house.ask(nights.LETTERS)) <= {("queued", 0), ("sending", 0)}
    script = Script()
    server = MailServer(script, port=port)
    server.start()
    try:
        until(lambda: house.ask(nights.LETTERS) == [("sent", 1)] * 3, deadline=PATIENT)
        assert taken(script) == {f"m{number}@example.com": 1 for number in range(3)}
    finally:
        house.__exit__()
        server.stop()
