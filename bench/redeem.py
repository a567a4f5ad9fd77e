"""Redeeming through the verb with 1, 10, 100 and 1,000 open lots, and double spends under racing threads.

    DATABASE_URL=postgres://... python bench/redeem.py [--trials 100] [--threads 8]

Prints the median cost of a redemption that touches one lot beside the cost with one open lot, in one run. Then threads
race for points that suffice for one redemption, trial after trial: exactly one may win.
"""

import argparse
import os
import statistics
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from loyalty.common.errors import Refusal  # noqa: E402
from loyalty.ledger import posting  # noqa: E402
from members.enrolment import main_account  # noqa: E402
from members.testing import give_points, make_member, make_program  # noqa: E402
from rewards import redemption  # noqa: E402
from rewards.testing import make_reward  # noqa: E402

NOW = datetime.now(tz=UTC)


def redeem(member, reward):
    """One redemption with a reference of its own."""
    return redemption.redeem(member, reward, at=NOW, reference=uuid.uuid4().hex, source="bench", actor="bench")


def cost_with(program, reward, lots: int, repeats: int) -> float:
    """Median milliseconds of a redemption for a member with so many open lots."""
    member = make_member(program, f"lots{lots}-{uuid.uuid4().hex[:8]}", at=NOW)
    account = main_account(member).pk
    rows = [posting.Accrual(account, 1000, NOW, f"lot{number}", "bench", "bench") for number in range(lots)]
    posting.accrue_many(rows, recorded_at=NOW)
    durations = []
    for _ in range(repeats):
        began = time.perf_counter()
        redeem(member, reward)
        durations.append(time.perf_counter() - began)
    return statistics.median(durations) * 1000


def double_spends(program, reward, trials: int, threads: int) -> tuple[int, int]:
    """How often more than one thread, and how often none, got the reward that the points pay for once."""
    twice = never = 0
    member = make_member(program, f"race-{uuid.uuid4().hex[:8]}", at=NOW)
    for number in range(trials):
        give_points(member, reward.cost, at=NOW, reference=f"t{number}")
        gate, won = threading.Barrier(threads), []

        def attempt(gate=gate, won=won) -> None:
            gate.wait()
            try:
                won.append(redeem(member, reward))
            except Refusal:
                pass
            finally:
                connections.close_all()

        racing = [threading.Thread(target=attempt) for _ in range(threads)]
        for thread in racing:
            thread.start()
        for thread in racing:
            thread.join()
        twice += len(won) > 1
        never += not won
    return twice, never


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=100)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    program = make_program(f"bench-{uuid.uuid4().hex[:8]}", at=NOW)
    reward = make_reward(program, cost=1)
    cost_with(program, reward, 1, 20)
    first = None
    for lots in (1, 10, 100, 1000):
        cost = cost_with(program, reward, lots, options.repeats)
        first = first or cost
        print(f"{lots:>5} open lots: {cost:5.2f} ms a redemption, {cost / first:.2f} of the cost with one")
    began = time.perf_counter()
    twice, never = double_spends(program, reward, options.trials, options.threads)
    seconds = time.perf_counter() - began
    print(f"{options.trials} trials x {options.threads} threads: {twice} double spends, {never} lost, {seconds:.1f} s")


if __name__ == "__main__":
    main()
