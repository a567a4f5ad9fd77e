"""Points that pay for one reward, and eight clients who want it at once, trial after trial, over two real server processes.

    DATABASE_URL=postgres://... python bench/double_spend.py [--trials 1000] [--clients 8] [--port 8150]

Prints how many trials gave the reward more than once (must be 0) or never, and the servers' CPU per call and redemption.
The clients talk to the API with a key of their own for each try, so that only the books can stop them.
"""

import argparse
import http.client
import json
import os
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
os.environ.setdefault("DEBUG", "false")
os.environ.setdefault("SETIA_DEMO", "true")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

COST = 100
TICKS = os.sysconf("SC_CLK_TCK")


def prepare(members: int, *, each: int = COST):
    """A program with a reward and members who can pay for it; the secret of a key and the members' numbers."""
    from loyalty.pos import keys
    from members.testing import give_points, make_member, make_program
    from rewards.testing import make_reward

    now = datetime.now(tz=UTC).replace(microsecond=0)
    call_command("migrate", verbosity=0)
    program = make_program(f"bench-{uuid.uuid4().hex[:8]}", at=now)
    make_reward(program, cost=COST)
    numbers = []
    for number in range(members):
        member = make_member(program, f"m{number}-{program.slug}", at=now)
        give_points(member, each, at=now)
        numbers.append(member.number)
    _, secret = keys.create(program, name="bench", scopes=keys.SCOPES, at=now, actor="bench")
    return program, secret, numbers


def start_servers(*ports: int) -> list[subprocess.Popen]:
    """One gunicorn of one worker on each port."""
    command = (
        sys.executable,
        "-m",
        "gunicorn",
        "loyalty.wsgi",
        "--workers",
        "1",
        "--threads",
        "4",
        "--log-level",
        "error",
    )
    servers = [subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}"], cwd=TOP, env=os.environ) for port in ports]
    for port in ports:
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                break
            except OSError:
                time.sleep(0.1)
    return servers


def cpu_of(servers: list[subprocess.Popen]) -> float:
    """Seconds of processor time that the servers and their workers have used."""
    owned, total = {server.pid for server in servers}, 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) in owned or int(fields[1]) in owned:
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def want(connection: http.client.HTTPConnection, secret: str, member: str) -> int:
    """Ask for the reward; the status of the answer."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Idempotency-Key": uuid.uuid4().hex,
    }
    body = json.dumps({"reward": "latte", "reference": uuid.uuid4().hex})
    connection.request("POST", f"/api/v1/members/{member}/redemptions", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def trials(secret: str, numbers: list[str], clients: int, ports: tuple[int, ...]) -> list[list[int]]:
    """The statuses of every trial."""
    gate, answers = threading.Barrier(clients), [[0] * clients for _ in numbers]

    def client(who: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", ports[who % len(ports)], timeout=60)
        for trial, member in enumerate(numbers):
            gate.wait()
            answers[trial][who] = want(connection, secret, member)

    threads = [threading.Thread(target=client, args=(who,)) for who in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main() -> None:
    """Run the trials and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--port", type=int, default=8150)
    options = parser.parse_args()
    _, secret, numbers = prepare(options.trials)
    ports = (options.port, options.port + 1)
    servers = start_servers(*ports)
    try:
        before, began = cpu_of(servers), time.perf_counter()
        answers = trials(secret, numbers, options.clients, ports)
        seconds, cpu = time.perf_counter() - began, cpu_of(servers) - before
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    won = [sum(200 <= status < 300 for status in trial) for trial in answers]
    odd = sorted({status for trial in answers for status in trial if status >= 500})
    calls, redeemed = options.trials * options.clients, sum(won)
    print(f"{options.trials} trials x {options.clients} clients over {len(ports)} servers in {seconds:.1f} s")
    print(f"double spends: {sum(number > 1 for number in won)}, never: {won.count(0)}, answers of 5xx: {odd or 'none'}")
    print(
        f"CPU of the servers: {cpu / calls * 1000:.2f} ms a call, {cpu / max(redeemed, 1) * 1000:.2f} ms a redemption with its refused rivals"
    )


if __name__ == "__main__":
    main()
