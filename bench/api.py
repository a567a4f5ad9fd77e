"""Purchases and redemptions through the API, beside a plain Django view that does one insert and one update.

    DATABASE_URL=postgres://... python bench/api.py [--seconds 5] [--clients 8] [--port 8129]

Starts gunicorn with two workers on the named database (tables are made, nothing is removed), calls it from `--clients`
threads with connections kept open, and prints calls per second, percentiles, CPU per call, and the ratio to the floor:
a view behind a session and a signed-in user that inserts one row and updates another. All in one run on one machine.
"""

import argparse
import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")
os.environ.setdefault("CACHE_URL", "locmemcache://")
os.environ.setdefault("DEBUG", "false")  # as in production: Django remembers every statement while debugging
os.environ.setdefault("SETIA_DEMO", "true")  # but without asking for secrets

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

NOW = datetime.now(tz=UTC).replace(microsecond=0)


# --- The floor: what any Django view costs that is signed in and writes two rows --------------------------------------
@csrf_exempt
def floor(request: HttpRequest) -> JsonResponse:
    """One insert and one update, in a transaction, for a signed-in user."""
    from django.db import transaction

    from loyalty.jobs.models import Heartbeat
    from loyalty.pos.models import Till

    if not request.user.is_authenticated:
        return JsonResponse({}, status=401)
    body = json.loads(request.body)
    with transaction.atomic():
        Till.objects.create(store_id=body["store"], code=body["code"])
        Heartbeat.objects.filter(name=f"bench{body['row']}").update(seen_at=NOW)
    return JsonResponse({"ok": True})


urlpatterns = [path("floor", floor), path("", include("loyalty.urls"))]


# --- What is measured ------------------------------------------------------------------------------------------------
def prepare(members: int) -> dict:
    """A program with a rule, rewards and members who have points; a key; a signed-in user for the floor."""
    from campaigns import rules
    from campaigns.models import Rule
    from loyalty.jobs.models import Heartbeat
    from loyalty.pos import keys
    from loyalty.pos.models import Store
    from members.testing import give_points, make_member, make_program
    from rewards.testing import make_reward

    call_command("migrate", verbosity=0)
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    program = make_program(slug, at=NOW)
    rule = Rule.objects.create(program=program, slug="base", name="Base")
    definition = {"award": {"kind": "rate", "points": "1", "per": "1000"}}
    rules.publish(rule, definition, since=datetime(2000, 1, 1, tzinfo=UTC), at=NOW, actor="bench")
    make_reward(program, cost=1)
    numbers = []
    for number in range(members):
        member = make_member(program, f"m{number}-{slug}", at=NOW)
        give_points(member, 1_000_000, at=NOW)
        numbers.append(member.number)
        Heartbeat.objects.get_or_create(name=f"bench{number}", defaults={"seen_at": NOW})
    _key, secret = keys.create(program, name="bench", scopes=keys.SCOPES, at=NOW, actor="bench")
    store = Store.objects.create(program=program, code="bench", name="Bench")
    user, _made = get_user_model().objects.get_or_create(username="bench")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"slug": slug, "members": numbers, "secret": secret, "store": store.pk, "session": session.session_key}


def calls(facts: dict) -> dict:
    """name -> a function (n) -> (path, body, headers) of the nth call."""
    api = {"Authorization": f"Bearer {facts['secret']}", "Content-Type": "application/json"}
    signed_in = {"Cookie": f"sessionid={facts['session']}", "Content-Type": "application/json"}

    def member(n: int) -> str:
        return facts["members"][n % len(facts["members"])]

    def purchase(n: int) -> tuple:
        now = datetime.now(tz=UTC).isoformat()
        body = {"member": member(n), "source": "bench", "receipt": uuid.uuid4().hex, "occurred_at": now}
        return "/api/v1/purchases", body | {"total": "90000.00", "currency": "IDR"}, api | _key()

    def redemption(n: int) -> tuple:
        body = {"reward": "latte", "reference": uuid.uuid4().hex}
        return f"/api/v1/members/{member(n)}/redemptions", body, api | _key()

    def plain(n: int) -> tuple:
        body = {"store": facts["store"], "code": uuid.uuid4().hex, "row": n % len(facts["members"])}
        return "/floor", body, signed_in

    return {"floor": plain, "purchase": purchase, "redemption": redemption}


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def measure(port: int, call, clients: int, seconds: float) -> tuple[list[float], int]:
    """Durations in seconds of the calls that were answered with 2xx, and how many were not."""
    durations, failures, ends = [], [], time.perf_counter() + seconds

    def client(number: int) -> None:
        connection, n = http.client.HTTPConnection("127.0.0.1", port, timeout=60), number
        while time.perf_counter() < ends:
            where, body, headers = call(n)
            began = time.perf_counter()
            connection.request("POST", where, json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
            (durations if answer.status < 300 else failures).append(time.perf_counter() - began)
            if answer.status >= 300 and len(failures) == 1:
                print("first failure:", answer.status, said[:300], file=sys.stderr)
            n += clients

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return durations, len(failures)


def double_spends(port: int, facts: dict, trials: int, clients: int) -> tuple[int, int]:
    """How often more than one client, and how often none, got the reward that the points pay for once."""
    from loyalty.ledger.models import Program
    from members.testing import give_points, make_member

    program = Program.objects.get(slug=facts["slug"])
    member = make_member(program, f"race-{uuid.uuid4().hex[:8]}", at=NOW)
    twice = never = 0
    for trial in range(trials):
        give_points(member, 1, at=NOW, reference=f"trial{trial}")
        gate, statuses = threading.Barrier(clients), []

        def attempt(gate=gate, statuses=statuses) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"Authorization": f"Bearer {facts['secret']}", "Content-Type": "application/json"} | _key()
            body = json.dumps({"reward": "latte", "reference": uuid.uuid4().hex})
            gate.wait()
            connection.request("POST", f"/api/v1/members/{member.number}/redemptions", body, headers)
            statuses.append(connection.getresponse().status)
            connection.close()

        racing = [threading.Thread(target=attempt) for _ in range(clients)]
        for thread in racing:
            thread.start()
        for thread in racing:
            thread.join()
        twice += statuses.count(201) > 1
        never += statuses.count(201) < 1
        assert set(statuses) <= {201, 409}, statuses
    return twice, never


def serve(port: int) -> subprocess.Popen:
    """Gunicorn with two workers, answering."""
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-w", "2", "-k", "gthread", "--threads", "8", "--keep-alive", "60",
         "-b", f"127.0.0.1:{port}", "--log-level", "error", "--chdir", str(TOP), "bench.api:application"],
        cwd=TOP,
    )  # fmt: skip
    for _try in range(100):
        time.sleep(0.2)
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/floor")
            return server
        except OSError:
            continue
    raise SystemExit("gunicorn did not start")


def cpu_of(pid: int) -> float:
    """CPU seconds used so far by the workers of a server."""
    ticks, total = os.sysconf("SC_CLK_TCK"), 0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


def main() -> None:
    """Measure every kind of call with one client and with many, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--port", type=int, default=8129)
    options = parser.parse_args()
    facts = prepare(options.members)
    kinds, floors = calls(facts), {}
    server = serve(options.port)
    try:
        for name, call in kinds.items():
            measure(options.port, call, options.clients, 1)
            for clients in (1, options.clients):
                before, began = cpu_of(server.pid), time.perf_counter()
                durations, failed = measure(options.port, call, clients, options.seconds)
                rate = len(durations) / (time.perf_counter() - began)
                floors.setdefault(clients, rate)
                cuts = statistics.quantiles(durations, n=100)
                cpu = (cpu_of(server.pid) - before) / max(1, len(durations)) * 1000
                print(
                    f"{name:>10} x{clients}: {rate:7.1f}/s  p50 {cuts[49] * 1000:6.1f} ms  p99 {cuts[98] * 1000:6.1f} ms"
                    f"  p99/p50 {cuts[98] / cuts[49]:4.1f}  server CPU {cpu:4.1f} ms  failed {failed}"
                    f"  ratio to floor {rate / floors[clients]:.2f}"
                )
        twice, never = double_spends(options.port, facts, options.trials, options.clients)
        print(
            f"{options.trials} trials x {options.clients} clients, two processes: {twice} double spends, {never} lost"
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    print(f"client CPU {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.1f} s")


if __name__ == "__main__":
    main()
else:
    from django.core.wsgi import get_wsgi_application

    settings.ROOT_URLCONF = "bench.api"
    application = get_wsgi_application()
