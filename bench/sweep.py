"""Expiry sweep: lots per second of `expiry.run_sweep` beside one SQL statement writing the same rows without proof.

Run on an empty database of its own: `DATABASE_URL=... python bench/sweep.py [--members 20000] [--lots 5] [--rounds 3]`.
It migrates and fills the books once; every tenth lot ends on each of ten days. Each round takes the lots of one day by the
bare statement, those of another by the sweep, and those of a third, which end by inactivity, by the sweep. It prints the ratios
to the bare statement of the round, in time and in processor time (of this process and of the database's together, PostgreSQL
on this machine), and how much memory the sweep took. At the end: how many lots a second one activity of every member moves.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402

from loyalty.common.bulk import is_postgresql  # noqa: E402
from loyalty.ledger import expiry, idling, policies, posting  # noqa: E402
from loyalty.ledger.models import Account, Lot, Program, Wallet  # noqa: E402
from loyalty.ledger.trails import Act  # noqa: E402

OPENING = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = OPENING + 100 * DAY
IDLE_ENDS = OPENING + 200 * DAY
SHARE = 10

POSTGRESQL_FLOOR = """
WITH gone AS (
  UPDATE ledger_lot SET expired = expired + remaining, remaining = 0
  FROM (SELECT l.id, l.remaining AS points FROM ledger_lot l WHERE l.expires_at <= %s AND l.remaining > 0) d
  WHERE ledger_lot.id = d.id RETURNING ledger_lot.id, account_id, expires_at, d.points),
numbered AS (SELECT g.*, a.last_number + row_number() OVER (PARTITION BY account_id ORDER BY expires_at, g.id) AS n
  FROM gone g JOIN ledger_account a ON a.id = account_id),
written AS (
  INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason, explanation, hash)
  SELECT account_id, n, 'expiry', -points, expires_at, now(), 'expiry', 'floor:' || id, 'bench', '', '{}', '' FROM numbered
  RETURNING id, account_id, number, amount),
traced AS (INSERT INTO ledger_allocation (entry_id, lot_id, amount)
  SELECT w.id, n.id, n.points FROM written w JOIN numbered n ON n.account_id = w.account_id AND n.n = w.number)
UPDATE ledger_account a SET available = available - t.points, last_number = t.n
FROM (SELECT account_id, sum(points) AS points, max(n) AS n FROM numbered GROUP BY account_id) t WHERE a.id = t.account_id
"""
SQLITE_FLOOR = [
    """INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason, explanation, hash)
       SELECT l.account_id, a.last_number + row_number() OVER (PARTITION BY l.account_id ORDER BY l.expires_at, l.id), 'expiry',
              -l.remaining, l.expires_at, l.expires_at, 'expiry', 'floor:' || l.id, 'bench', '', '{}', x''
       FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id WHERE l.expires_at <= ? AND l.remaining > 0""",
    """INSERT INTO ledger_allocation (entry_id, lot_id, amount)
       SELECT e.id, l.id, l.remaining FROM ledger_lot l JOIN ledger_entry e ON e.account_id = l.account_id AND e.reference = 'floor:' || l.id
       WHERE l.expires_at <= ? AND l.remaining > 0""",
    """UPDATE ledger_account SET available = available - g.points, last_number = last_number + g.lots
       FROM (SELECT account_id, sum(remaining) AS points, count(*) AS lots FROM ledger_lot WHERE expires_at <= ? AND remaining > 0 GROUP BY account_id) g
       WHERE g.account_id = ledger_account.id""",
    "UPDATE ledger_lot SET expired = expired + remaining, remaining = 0 WHERE expires_at <= ? AND remaining > 0",
]


def fill(members: int, lots_each: int) -> None:
    """Two programs of accounts with `lots_each` lots, one of ten ending on each day: one with given ends, one by inactivity."""
    for name, ends in (("given", ENDS), ("idle", IDLE_ENDS)):
        program = Program.objects.create(slug=name, name="Bench", created_at=OPENING)
        wallet = Wallet.objects.create(program=program, slug="points", is_main=True)
        if name == "idle":
            policies.set_expiry(wallet, kind="idle_days", count=99, resets="purchase", at=OPENING, actor="bench")
        for start in range(0, members, 1000):
            accounts = posting.open_accounts(wallet, min(1000, members - start), at=OPENING)
            places = ((account, n) for account in accounts for n in range(lots_each))
            accruals = [
                accrual(account, n, ends + (number % SHARE) * DAY, is_idle=name == "idle")
                for number, (account, n) in enumerate(places)
            ]
            posting.accrue_many(accruals, recorded_at=ends)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def accrual(account: int, number: int, ends: datetime, *, is_idle: bool) -> posting.Accrual:
    """Ten points that end on a day: as given, or because nothing happens for a hundred days."""
    minute = timedelta(minutes=(account * 7 + number) % 997)
    if is_idle:
        return posting.Accrual(account, 10, ends - 100 * DAY + minute, f"r{number}", "bench", "bench")
    return posting.Accrual(account, 10, OPENING, f"r{number}", "bench", "bench", expires_at=ends + minute)


def floor(at: datetime) -> None:
    """The same rows by raw SQL, without chain and without chunks."""
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(POSTGRESQL_FLOOR, [at])
        else:
            for statement in SQLITE_FLOOR:
                cursor.execute(statement.replace("?", "%s"), [connection.ops.adapt_datetimefield_value(at)])


def processor_time() -> float:
    """Seconds of processor time so far: of this process, and of the database's that works for it where it can be seen."""
    spent = time.process_time()
    if is_postgresql():
        connection.ensure_connection()
        stat = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
        if stat.exists():
            spent += sum(map(int, stat.read_text().rsplit(")")[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return spent


def timed(work: Callable[[], object], lots: int) -> tuple[float, float]:
    """Lots a second, and microseconds of processor time a lot."""
    began, spent = time.perf_counter(), processor_time()
    work()
    return lots / (time.perf_counter() - began), (processor_time() - spent) / lots * 1e6


def one_round(number: int) -> dict[str, tuple[float, float]]:
    """The lots of one day each by the bare statement, the sweep, and the sweep of points that end by inactivity."""
    given, idle = Program.objects.get(slug="given"), Program.objects.get(slug="idle")
    first, second, third = ENDS + (2 * number + 1) * DAY, ENDS + (2 * number + 2) * DAY, IDLE_ENDS + (number + 1) * DAY
    found = {"floor": timed(lambda: floor(first), expiry.preview(given, at=first)["lots"])}
    found["sweep"] = timed(lambda: expiry.run_sweep(given, at=second), expiry.preview(given, at=second)["lots"])
    found["idle"] = timed(lambda: expiry.run_sweep(idle, at=third), expiry.preview(idle, at=third)["lots"])
    return found


def activity() -> float:
    """Lots a second that one purchase of every member moves."""
    at = IDLE_ENDS - 30 * DAY
    idle = Program.objects.get(slug="idle")
    accounts = list(Account.objects.filter(wallet__program=idle).order_by("id").values_list("id", flat=True))

    def notes() -> None:
        for start in range(0, len(accounts), 1000):
            with transaction.atomic():
                idling.note([Act(a, "purchase", at) for a in accounts[start : start + 1000]], recorded_at=at)

    return timed(notes, Lot.objects.filter(account__wallet__program=idle, remaining__gt=0).count())[0]


def peak() -> float:
    """The most memory this process has had so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def filled_apart(members: int, lots: int) -> None:
    """Fill in a process of its own, so that what this one needs is the sweep's."""
    connections.close_all()
    child = os.fork()
    if not child:
        fill(members, lots)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("filling failed")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--lots", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 6))
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    filled_apart(options.members, options.lots)
    before, rounds = peak(), []
    for number in range(options.rounds):
        rounds.append(one_round(number))
        told = (f"{case} {rate:,.0f} lots/s {spent:.0f} µs" for case, (rate, spent) in rounds[-1].items())
        print(f"round {number + 1}: " + ", ".join(told), flush=True)
    after = peak()
    for case in ("sweep", "idle"):
        rates = [found[case][0] / found["floor"][0] for found in rounds]
        spent = [found["floor"][1] / found[case][1] for found in rounds]
        told = f"{case:5} / floor: median {median(rates):.2f}, from {min(rates):.2f} to {max(rates):.2f}"
        print(f"{told}; in processor time {median(spent):.2f}")
    print(f"activity moves {activity():,.0f} lots/s")
    print(
        f"engine {connection.vendor}, memory {before:.0f} MiB before and {after:.0f} MiB after, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
