"""How fast segments are asked, refreshed and scored, beside the least that any SQL over the same rows costs.

    DATABASE_URL=postgres://... python bench/segments.py [--members 100000] [--purchases 4]

Makes a program with so many members and purchases in the named database (tables are made, nothing is removed), then times each step
and prints the ratio to the floor: one hand-written GROUP BY over the same purchases, joined with the members.
"""

import argparse
import os
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")
os.environ.setdefault("DEBUG", "false")
os.environ.setdefault("SETIA_DEMO", "true")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from loyalty.common.bulk import insert_rows, reserve_ids  # noqa: E402
from members.models import Member, Purchase  # noqa: E402
from members.segments import compiling, membership, snapshots  # noqa: E402
from members.segments.scoring import score_members  # noqa: E402
from members.segments.testing import all_of, any_of, make_segment  # noqa: E402
from members.testing import make_program  # noqa: E402

NOW = datetime.now(tz=UTC).replace(microsecond=0)
FLOOR = """
SELECT count(*) FROM (SELECT p.member_id FROM members_purchase p JOIN members_member m ON m.id = p.member_id
 WHERE p.program_id = %s AND m.status = 'active' GROUP BY p.member_id HAVING count(*) >= 3) found
"""
QUESTIONS = {
    "purchases >= 3": all_of({"about": "purchases", "least": 3}),
    "not 3 purchases": all_of({"about": "purchases", "least": 3, "not": True}),
    "spent within 90 days": all_of({"about": "purchases", "spent_least": "100", "days": 90}),
    "any of four": any_of(
        {"about": "purchases", "least": 5}, {"about": "bought", "most": 10}, {"about": "class", "is": ["champions"]},
        {"about": "language", "is": ["ms"]},
    ),
}  # fmt: skip


def fill(members: int, purchases: int):
    """A program with members and purchases spread over two years, written as plain rows."""
    program = make_program(f"bench-{uuid.uuid4().hex[:8]}", at=NOW - timedelta(days=900))
    tier = program.tiers.get(rank=0)
    with transaction.atomic():
        ids = reserve_ids(Member, members)
        first = uuid.uuid4().int % 10**11
        insert_rows(
            Member,
            ("id", "program", "number", "source", "source_key", "name", "email", "phone", "language", "status", "enrolled_at", "tier"),
            [
                (pk, program.pk, f"{(first + n) % 10**12:012}", "", "", f"M{n}", "", "", ("en", "id", "ms")[n % 3], "active", NOW - timedelta(days=n % 800), tier.pk)
                for n, pk in enumerate(ids)
            ],
        )  # fmt: skip
        insert_rows(
            Purchase,
            ("program", "member", "source", "receipt", "occurred_at", "recorded_at", "channel", "currency", "items", "total", "eligible",
             "tier", "points", "qualifying_points", "qualifying_spend", "refunded", "points_returned", "digest", "payment"),
            [
                (program.pk, pk, "bench", f"{pk}-{t}", NOW - timedelta(hours=(pk * 7919 + t * 104729) % 17520 + 1), NOW, "", "IDR", 1,
                 Decimal(pk % 97 + 1), Decimal(pk % 97 + 1), tier.pk, 0, 0, Decimal(0), Decimal(0), 0, "-", "")
                for pk in ids for t in range(pk % (2 * purchases))
            ],
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return program


def timed(name: str, floor: float, work) -> float:
    """The best of three, with its ratio to the floor."""
    best = min(_once(work) for _time in range(3))
    print(f"{name:32} {best:8.3f} s {best / floor if floor else 1:8.1f} x the floor")
    return best


def _once(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Fill, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--purchases", type=int, default=4)
    told = parser.parse_args()
    call_command("migrate", verbosity=0)
    program = fill(told.members, told.purchases)
    print(
        f"{told.members:,} members, {Purchase.objects.filter(program=program).count():,} purchases on {connection.vendor}"
    )

    def raw() -> None:
        with connection.cursor() as cursor:
            cursor.execute(FLOOR, [program.pk])
            cursor.fetchall()

    floor = timed("floor: one GROUP BY", 0, raw)
    print(f"{'scoring, first night':32} {_once(lambda: score_members(program, at=NOW)):8.3f} s")
    timed("scoring, another night", floor, lambda: score_members(program, at=NOW))
    for name, definition in QUESTIONS.items():
        timed(f"count: {name}", floor, lambda told=definition: compiling.members(told, program, at=NOW).count())
    segment = None
    began = time.perf_counter()
    segment = make_segment(program, "bench", QUESTIONS["any of four"], at=NOW)
    print(f"{'refresh, all new':32} {time.perf_counter() - began:8.3f} s for {segment.members_count:,} members")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself soon after so many new rows
    timed("refresh, nobody moves", floor, lambda: membership.refresh(segment, at=NOW))
    began = time.perf_counter()
    taken = snapshots.take(segment, name=uuid.uuid4().hex, at=NOW, actor="bench")
    print(f"{'snapshot':32} {time.perf_counter() - began:8.3f} s for {taken.members_count:,} members")


if __name__ == "__main__":
    main()
