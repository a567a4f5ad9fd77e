"""How long a redemption takes through the API, idle and while a sweep expires points beside it. Goal: p99 at most twice.

DATABASE_URL=postgres://... python bench/redeem_during_sweep.py [--lots 100000] [--seconds 10] [--port 8152]
"""

import argparse
import http.client
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from double_spend import COST, TOP, prepare, start_servers, want


def durations(secret: str, numbers: list[str], port: int, going_on) -> list[float]:
    """Milliseconds of redemptions, one after the other, as long as something goes on."""
    connection, taken, number = http.client.HTTPConnection("127.0.0.1", port, timeout=60), [], 0
    while going_on():
        began = time.perf_counter()
        status = want(connection, secret, numbers[number % len(numbers)])
        taken.append((time.perf_counter() - began) * 1000)
        if status >= 300:
            raise SystemExit(f"a redemption was answered with {status}")
        number += 1
    return taken


def p99(taken: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(taken, n=100)[98]


def fill(program, lots: int) -> None:
    """Points of other members that ran out yesterday."""
    from loyalty.ledger.posting import Accrual, accrue_many, open_accounts

    now = datetime.now(tz=UTC)
    each = 10
    accounts = open_accounts(program.wallets.get(), lots // each, at=now - timedelta(days=40))
    for number in range(each):
        for first in range(0, len(accounts), 5000):
            accrue_many(
                [
                    Accrual(account, 10, now - timedelta(days=30), f"gift:{number}", "bench", "bench", expires_at=now - timedelta(days=1))
                    for account in accounts[first : first + 5000]
                ],
                recorded_at=now - timedelta(days=30),
            )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--port", type=int, default=8152)
    options = parser.parse_args()
    program, secret, numbers = prepare(200, each=COST * 10_000)
    fill(program, options.lots)
    servers = start_servers(options.port)
    try:
        durations(secret, numbers, options.port, until(time.perf_counter() + 2))
        idle = durations(secret, numbers, options.port, until(time.perf_counter() + options.seconds))
        command = [sys.executable, "manage.py", "run_job", "expire_points", "--program", program.slug]
        began = time.perf_counter()
        sweep = subprocess.Popen(command, cwd=TOP, stdout=subprocess.DEVNULL)
        beside = durations(secret, numbers, options.port, lambda: sweep.poll() is None)
        seconds = time.perf_counter() - began
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    print(
        f"idle:           {len(idle):>6} redemptions, median {statistics.median(idle):6.1f} ms, p99 {p99(idle):6.1f} ms"
    )
    print(
        f"during a sweep: {len(beside):>6} redemptions, median {statistics.median(beside):6.1f} ms, p99 {p99(beside):6.1f} ms"
    )
    print(
        f"{options.lots} lots expired in {seconds:.1f} s; p99 during it is {p99(beside) / p99(idle):.2f} times that of idle"
    )


def until(end: float):
    """Whether there is time left."""
    return lambda: time.perf_counter() < end


if __name__ == "__main__":
    main()
