"""Tier reviews: stays per second of `reviewing.review_tiers` beside raw SQL that decides and writes the same rows.

Run on an empty database of its own: `DATABASE_URL=... python bench/tier_reviews.py [--members 20000] [--purchases 5] [--rounds 3]`.
It migrates and, round after round, fills a fresh program in which every member's review is due, and half of them go down one tier. The
raw statements sum the window, end the stays that fail, begin the lower ones, renew the others and move the members: one statement for each
table, no letters, no days of grace, no tier given by hand. `reviews` is the job without its letters, `letters` writes them after it.
"""

import argparse
import gc
import os
import resource
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "600s")
os.environ.setdefault("DEBUG", "false")
os.environ.setdefault("SETIA_DEMO", "true")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from loyalty.common.bulk import insert_rows, reserve_ids  # noqa: E402
from loyalty.ledger.models import Program  # noqa: E402
from loyalty.ledger.posting import open_accounts  # noqa: E402
from members.models import Member, MemberAccount, Purchase, TierPolicy, TierStay  # noqa: E402
from members.testing import make_program  # noqa: E402
from members.tiers import reviewing, telling  # noqa: E402

BEGAN = datetime(2025, 6, 1, tzinfo=UTC)
REVIEW = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=7)  # 00:00 in Jakarta
NOW = REVIEW + timedelta(hours=6)
WINDOW = REVIEW - timedelta(days=365)
MEASURE = """
CREATE TEMPORARY TABLE bench_failed AS
SELECT s.id, s.member_id, COALESCE(SUM(p.qualifying_points), 0) AS measured
FROM members_tierstay s JOIN members_member m ON m.id = s.member_id
LEFT JOIN members_purchase p ON p.member_id = s.member_id AND p.occurred_at >= %s AND p.occurred_at < %s
WHERE m.program_id = %s AND s.until IS NULL AND s.review_at <= %s
GROUP BY s.id, s.member_id
"""
WRITES = [
    "UPDATE members_tierstay SET renewed_at = review_at, told_at = NULL, review_at = %(next)s WHERE id IN (SELECT id FROM bench_failed WHERE measured >= 1000)",
    "UPDATE members_tierstay SET until = %(due)s, review_at = NULL WHERE id IN (SELECT id FROM bench_failed WHERE measured < 1000)",
    """INSERT INTO members_tierstay (member_id, tier_id, since, recorded_at, cause, measured)
       SELECT member_id, %(lower)s, %(due)s, %(now)s, 'review:bench', measured FROM bench_failed WHERE measured < 1000""",
    "UPDATE members_member SET tier_id = %(lower)s WHERE id IN (SELECT member_id FROM bench_failed WHERE measured < 1000)",
    "DROP TABLE bench_failed",
]


def fill(members: int, purchases: int) -> Program:
    """Members in silver whose review is due; every second one has bought enough to keep it."""
    program = make_program(f"bench-{uuid.uuid4().hex[:8]}", at=BEGAN)
    TierPolicy.objects.filter(program=program).update(review="yearly", window="calendar")
    silver, wallet = program.tiers.get(slug="silver"), program.wallets.get()
    first = uuid.uuid4().int % 10**11
    with transaction.atomic():
        ids = reserve_ids(Member, members)
        people = [(pk, program.pk, f"{(first + n) % 10**12:012}", "", "", f"M{n}", f"m{pk}@example.com", "", "en", "active", BEGAN, silver.pk) for n, pk in enumerate(ids)]  # fmt: skip
        insert_rows(Member, ("id", "program", "number", "source", "source_key", "name", "email", "phone", "language", "status", "enrolled_at", "tier"), people)  # fmt: skip
        accounts = open_accounts(wallet, members, at=BEGAN)
        insert_rows(MemberAccount, ("member", "wallet", "account"), [(pk, wallet.pk, account) for pk, account in zip(ids, accounts, strict=True)])  # fmt: skip
        insert_rows(TierStay, ("member", "tier", "since", "recorded_at", "cause", "measured", "review_at", "told_at"), [(pk, silver.pk, BEGAN, BEGAN, "purchase:bench:0", 1000, REVIEW, BEGAN) for pk in ids])  # fmt: skip
        points = -(-1000 // purchases)
        bought = [
            (program.pk, pk, "bench", f"{pk}-{t}", BEGAN + timedelta(days=t + 1), BEGAN + timedelta(days=t + 1), "", "IDR", 1, Decimal(points), Decimal(points), silver.pk, points, points if pk % 2 else points // 2, Decimal(points), Decimal(0), 0, "-", "")
            for pk in ids for t in range(purchases)
        ]  # fmt: skip
        insert_rows(Purchase, ("program", "member", "source", "receipt", "occurred_at", "recorded_at", "channel", "currency", "items", "total", "eligible", "tier", "points", "qualifying_points", "qualifying_spend", "refunded", "points_returned", "digest", "payment"), bought)  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return program


def raw(program: Program) -> None:
    """The same decisions by SQL alone."""
    shown: Any = connection.ops.adapt_datetimefield_value
    lower = program.tiers.get(slug="bronze").pk
    told = {"next": shown(REVIEW + timedelta(days=365)), "due": shown(REVIEW), "now": shown(NOW), "lower": lower}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MEASURE, [shown(WINDOW), shown(REVIEW), program.pk, shown(NOW)])
        for statement in WRITES:
            cursor.execute(statement, {name: told[name] for name in told if f"%({name})s" in statement} or None)


def timed(case: str, options: argparse.Namespace) -> tuple[float, float]:
    """Stays a second of one case on a fresh program, and letters a second after it."""
    program = fill(options.members, options.purchases)
    gc.collect()
    gc.freeze()
    began, letters = time.perf_counter(), 0.0
    if case == "raw":
        raw(program)
        took = time.perf_counter() - began
    else:
        telling.NEWS_FOR, kept = timedelta(days=-1), telling.NEWS_FOR
        tally = reviewing.review_tiers(program, at=NOW)
        took = time.perf_counter() - began
        telling.NEWS_FOR = kept
        assert tally.done == options.members, tally
        TierStay.objects.filter(member__program=program, until=None).update(told_at=None)
        began, told = time.perf_counter(), 0
        while (found := telling.tell_chunk(program, at=NOW))[0]:
            told += found[1]
        letters = told / (time.perf_counter() - began)
    lowered = Member.objects.filter(program=program, tier__slug="bronze").count()
    assert lowered == options.members // 2, lowered
    return options.members / took, letters


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--purchases", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    ratios, rates, letters = [], [], []
    for number in range(1, options.rounds + 1):
        bare, _letters = timed("raw", options)
        reviews, told = timed("reviews", options)
        ratios.append(reviews / bare)
        rates.append(reviews)
        letters.append(told)
        print(f"round {number}: raw {bare:,.0f} stays/s, reviews {reviews:,.0f} stays/s, letters {told:,.0f}/s")
    print(f"reviews {median(rates):,.0f} stays/s, reviews / raw: median {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")  # fmt: skip
    print(f"letters {median(letters):,.0f}/s")
    print(f"engine {connection.vendor}, peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
