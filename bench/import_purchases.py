"""How fast purchases are imported, beside the raw database writing the very same rows in the same run.

    python bench/import_purchases.py [--copies 10] [--batch 1000] [--profile]

The demo's file is repeated with receipts and customers of their own (69,190 purchases of 23,570 customers at ten copies)
and imported through `campaigns.importing`: rules, explanations, tiers, members, lots, hashes. Then the tables are emptied
and the same final rows are written back as the engine does it fastest: COPY on PostgreSQL, executemany on SQLite. Runs in
a test database of its own, on SQLite (a file) unless DATABASE_URL names a PostgreSQL server.
"""

import argparse
import cProfile
import csv
import os
import pstats
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from own_database import in_own_database  # noqa: E402

from campaigns.demo import loading, program  # noqa: E402
from campaigns.rows import Options  # noqa: E402
from campaigns.side_by_side import import_file  # noqa: E402
from loyalty.common.patience import seldom_collected  # noqa: E402
from loyalty.ledger import triggers  # noqa: E402
from loyalty.ledger.checking import verify  # noqa: E402

TABLES = (
    "ledger_account", "members_member", "members_memberaccount", "members_tierstay", "ledger_entry", "ledger_lot", "members_purchase",
)  # fmt: skip
NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


def write_file(path: Path, copies: int) -> int:
    """The demo's purchases, every one `copies` times with its own receipt and customer; returns the rows."""
    moved, rows = loading.shift(NOW), 0
    with loading.FILE.open(newline="") as source, path.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["receipt", "customer", "date", "items", "amount"])
        for row in csv.DictReader(source):
            day = date.fromisoformat(row["date"]) + moved
            for copy in range(copies):
                writer.writerow(
                    [f"{row['receipt']}-{copy}", f"{row['customer']}-{copy}", day, row["items"], row["amount"]]
                )
                rows += 1
    return rows


def raw_rows() -> dict[str, list]:
    """Every row of the tables as the engine keeps it."""
    kept: dict[str, list] = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            if connection.vendor == "postgresql":
                with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                    kept[table] = [bytes(piece) for piece in copy]
            else:
                cursor.execute(f'SELECT * FROM "{table}"')
                kept[table] = list(cursor.fetchall())
    return kept


def empty() -> None:
    """Empty the tables; the append-only triggers are lifted for it."""
    with triggers.lifted(), transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("TRUNCATE " + ", ".join(TABLES) + " CASCADE")
        else:
            for table in reversed(TABLES):
                cursor.execute(f'DELETE FROM "{table}"')


def write_raw(kept: dict[str, list]) -> None:
    """Write the rows back, each table in one go, all in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            if connection.vendor == "postgresql":
                with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                    for piece in kept[table]:
                        copy.write(piece)
            elif kept[table]:
                marks = ", ".join(["?"] * len(kept[table][0]))
                connection.connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', kept[table])


def timed(work) -> float:
    """Seconds of wall clock that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Import, verify, write raw, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--batch", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    in_own_database(lambda folder: compare(folder / "purchases.csv", arguments))


def compare(path: Path, arguments: argparse.Namespace) -> None:
    """The measurement itself."""
    rows = write_file(path, arguments.copies)
    shop = program.open_program(first_day=loading.FIRST_DAY + loading.shift(NOW), at=NOW)
    options = Options(batch=arguments.batch)
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    with seldom_collected():  # as the command does
        began = time.process_time()
        seconds = timed(lambda: import_file(shop, path, options=options, at=NOW, workers=arguments.workers))
        spent = time.process_time() - began
    profile.disable()
    again = timed(lambda: import_file(shop, path, options=options, at=NOW, workers=1))
    violations = len(list(verify(shop)))
    kept = raw_rows()
    empty()
    raw = timed(lambda: write_raw(kept))
    print(
        f"{connection.vendor}: {rows} purchases in batches of {arguments.batch}, {violations} violations of the books"
    )
    print(
        f"import      {seconds:7.2f} s  {rows / seconds:9,.0f} rows/s, {spent / rows * 1e6:.0f} µs of Python's processor time each"
    )
    print(f"run again   {again:7.2f} s  {rows / again:9,.0f} rows/s (all there already)")
    print(f"raw writing {raw:7.2f} s  {rows / raw:9,.0f} rows/s")
    print(f"ratio       {raw / seconds:7.2f}")
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
