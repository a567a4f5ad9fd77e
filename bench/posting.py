"""Posting: accruals per second through the verbs beside the raw rows, and the cost of a burn as open lots grow.

Run on an empty database of its own: `DATABASE_URL=... python bench/posting.py [--workers 8]`. Prints ratios taken in one
run, medians of several rounds in turn, and processor time. On PostgreSQL the raw way of one accrual is one prepared
statement that writes account, entry and lot without a chain; workers are processes, on members at random and on one.
"""

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")
os.environ.setdefault("DEBUG", "false")  # as in production: Django remembers every statement while debugging
os.environ.setdefault("SETIA_DEMO", "true")  # but without asking for secrets
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

if connection.vendor == "postgresql":
    import psycopg

from loyalty.common.bulk import insert_rows, reserve_ids  # noqa: E402
from loyalty.ledger import posting, writing  # noqa: E402
from loyalty.ledger.models import Entry, Lot, Program, Wallet  # noqa: E402

AT = datetime(2026, 1, 1, tzinfo=UTC)


def per_second(count: int, work) -> float:
    """How many of `count` a second `work()` does."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def raw_batch(accounts: list[int], size: int) -> None:
    """Entries and lots of one batch, written bare."""
    with transaction.atomic():
        ids = reserve_ids(Entry, size)
        rows = [
            (
                i,
                accounts[n % len(accounts)],
                10**9 + i,
                "accrual",
                1,
                AT,
                AT,
                "raw",
                f"raw{i}",
                "raw",
                "",
                {},
                None,
                b"",
            )
            for n, i in enumerate(ids)
        ]
        insert_rows(Entry, ("id", *writing.ENTRY_FIELDS), rows)
        lot = {
            "granted_at": AT,
            "available_at": AT,
            "expires_at": None,
            "is_pending": False,
            "rule_version": "",
            "granted": 1,
            "remaining": 1,
        }
        empty = {"expiry_policy": None, "confirm_by": None}
        lots = [
            tuple((lot | empty | {"entry": i, "account": row[1]}).get(name, 0) for name in posting.LOT_FIELDS)
            for i, row in zip(ids, rows, strict=True)
        ]
        insert_rows(Lot, posting.LOT_FIELDS, lots)


RAW_STATEMENT = """
WITH moved AS (
  UPDATE ledger_account SET available = available + 1, last_number = last_number + 1 WHERE id = %(account)s
  RETURNING id, last_number),
written AS (
  INSERT INTO ledger_entry (account_id, number, kind, amount, effective_at, recorded_at, source, reference, actor, reason, explanation, hash)
  SELECT id, last_number, 'accrual', 1, %(at)s, %(at)s, 'raw', %(reference)s, 'raw', '', '{}', '' FROM moved RETURNING id, account_id)
INSERT INTO ledger_lot (entry_id, account_id, granted_at, available_at, is_pending, rule_version, granted, returned, remaining, held,
  redeemed, expired, clawed_back, forfeited)
SELECT id, account_id, %(at)s, %(at)s, false, '', 1, 0, 1, 0, 0, 0, 0, 0 FROM written"""


def raw_once(account: int, reference: str) -> None:
    """One accrual as the bare engine does it: one prepared statement on PostgreSQL, three rows on SQLite."""
    if connection.vendor != "postgresql":
        raw_batch([account], 1)
        return
    connection.ensure_connection()
    bare = connection.connection
    bare.prepare_threshold = 0
    psycopg.Cursor(bare).execute(RAW_STATEMENT, {"account": account, "at": AT, "reference": reference}, prepare=True)


def verb_once(account: int, reference: str) -> None:
    """One accrual through the verb."""
    posting.accrue(account, 1, at=AT, reference=reference, source="bench", actor="bench")


WAYS = {"raw": raw_once, "verb": verb_once}


def worker(way: str, accounts: list[int], seconds: float, gate, answers) -> None:
    """Post for some seconds in a process of its own; answers how many and the processor time."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
    rng, once = random.Random(), WAYS[way]
    once(accounts[0], f"{way}:{os.getpid()}:{time.time_ns()}")
    gate.wait()
    done, ends, cpu = 0, time.perf_counter() + seconds, time.process_time()
    while time.perf_counter() < ends:
        once(rng.choice(accounts), f"{way}:{os.getpid()}:{time.time_ns()}")
        done += 1
    answers.put((done, time.process_time() - cpu))


def together(way: str, accounts: list[int], workers: int, seconds: float) -> tuple[float, float]:
    """Accruals a second of several workers at once, and milliseconds of processor time (Python's) for each."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
    spawning = multiprocessing.get_context("fork")
    gate, answers = spawning.Barrier(workers), spawning.Queue()
    busy = [spawning.Process(target=worker, args=(way, accounts, seconds, gate, answers)) for _ in range(workers)]
    for process in busy:
        process.start()
    told = [answers.get() for _ in busy]
    for process in busy:
        process.join()
    done = sum(count for count, _ in told)
    return done / seconds, sum(cpu for _, cpu in told) / done * 1000


def singly(accounts: list[int], arguments: argparse.Namespace) -> None:
    """One accrual at a time: one worker, many workers, many workers on one account."""
    many = arguments.workers if connection.vendor == "postgresql" else 1  # SQLite has one writer
    for name, workers, on in (
        ("1 worker", 1, accounts),
        (f"{many} workers", many, accounts),
        (f"{many}, one hot account", many, accounts[:1]),
    ):
        rates: dict[str, list[tuple[float, float]]] = {"raw": [], "verb": []}
        for _ in range(arguments.rounds):
            for way, measured in rates.items():
                measured.append(together(way, on, workers, arguments.seconds))
        raw, verb = (statistics.median(rate for rate, _ in rates[way]) for way in ("raw", "verb"))
        ratio = statistics.median(v[0] / r[0] for r, v in zip(rates["raw"], rates["verb"], strict=True))
        cpu = [statistics.median(ms for _, ms in rates[way]) for way in ("raw", "verb")]
        print(
            f"one at a time, {name}: {verb:,.0f}/s, raw {raw:,.0f}/s, ratio {ratio:.2f}, Python CPU {cpu[1]:.2f} ms (raw {cpu[0]:.2f})",
            flush=True,
        )
        if many == 1:
            break


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    call_command("migrate", verbosity=0)
    program = Program.objects.create(slug=f"bench{time.time_ns()}", name="Bench", created_at=AT)
    wallet = Wallet.objects.create(program=program, slug="points", is_main=True)
    accounts = posting.open_accounts(wallet, 2000, at=AT)

    size = 1000

    def batches(round_: int) -> None:
        for batch in range(5):
            posting.accrue_many(
                [
                    posting.Accrual(accounts[n % 2000], 1, AT, f"b{round_}-{batch}-{n}", "bench", "bench")
                    for n in range(size)
                ],
                recorded_at=AT,
            )

    raws, verbs = [], []
    for round_ in range(arguments.rounds):
        raws.append(per_second(5 * size, lambda: [raw_batch(accounts, size) for _ in range(5)]))
        verbs.append(per_second(5 * size, lambda: batches(round_)))  # noqa: B023 - called at once
    ratio = statistics.median(verb / raw for raw, verb in zip(raws, verbs, strict=True))
    raw, verb = statistics.median(raws), statistics.median(verbs)
    print(f"batches of {size}: {verb:,.0f}/s, raw rows {raw:,.0f}/s, ratio {ratio:.2f}", flush=True)

    singly(accounts, arguments)
    base = None
    for open_lots in (1, 10, 100, 1000):
        (account,) = posting.open_accounts(wallet, 1, at=AT)
        posting.accrue_many(
            [
                posting.Accrual(account, 100, AT, f"l{n}", "bench", "bench", expires_at=AT + timedelta(days=30 + n))
                for n in range(open_lots)
            ],
            recorded_at=AT,
        )
        times = []
        for n in range(60):
            began = time.perf_counter()
            posting.redeem(account, 1, at=AT, reference=f"burn{n}", source="bench", actor="bench")
            times.append(time.perf_counter() - began)
        median = statistics.median(times) * 1000
        base = base or median
        print(f"burn with {open_lots:>5} open lots: {median:.2f} ms, {median / base:.2f} x one lot")
    print(f"engine {connection.vendor}")


if __name__ == "__main__":
    main()
