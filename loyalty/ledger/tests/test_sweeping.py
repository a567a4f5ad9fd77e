"""On PostgreSQL a chunk of the sweep is one statement: it writes what the several statements of both engines write."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.forms import model_to_dict
from django.test.utils import CaptureQueriesContext

from loyalty.common.bulk import is_postgresql
from loyalty.ledger import chain, expiry, holds, lapsing, posting, sweeping
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Entry, Lot
from loyalty.ledger.posting import Accrual
from loyalty.ledger.writing import Line, hashed
from members.enrolment import main_account
from members.testing import OPENING, give_points

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.postgresql,
    pytest.mark.usefixtures("proven_books"),
    pytest.mark.skipif(not is_postgresql(), reason="SQLite sweeps with several statements"),
]
ENDS = OPENING + timedelta(days=60, microseconds=7)
AFTER = datetime(2026, 3, 20, 4, 5, 6, 700, tzinfo=UTC)
OWN = ("id", "account", "entry", "reference", "hash")


def all_that_can_be_due(member):
    """Lots that end together and apart, partly spent, partly held, never confirmed, and two that are not due."""
    account = main_account(member).id
    ends = [ENDS, ENDS, ENDS - timedelta(days=1), AFTER, AFTER + timedelta(microseconds=1), None]
    credits = [Accrual(account, 10 + n, OPENING, f"r{n}", "t", "t", expires_at=end) for n, end in enumerate(ends)]
    waiting = Accrual(account, 40, OPENING, "stay", "t", "t", confirm_by=ENDS - timedelta(days=2))
    posting.accrue_many([*credits, waiting], recorded_at=OPENING)
    posting.redeem(account, 15, at=OPENING, reference="spent", source="t", actor="t")
    holds.hold(account, 5, at=OPENING, reference="held", source="t", actor="t", minutes=90 * 24 * 60)
    return account


def content(records, *but):
    return [{n: v for n, v in model_to_dict(record).items() if n not in (*OWN, *but)} for record in records]


def books_of(account):
    allocations = Allocation.objects.filter(entry__account=account).order_by("entry__number")
    cached = Account.objects.filter(id=account)
    return [
        content(Entry.objects.filter(account=account).order_by("number"), "corrects"),
        content(Lot.objects.filter(account=account).order_by("id")),
        list(allocations.values_list("entry__number", "amount", "lot__granted")),
        list(cached.values_list("available", "pending", "held", "debt", "last_number")),
    ]


def test_the_statement_and_the_several_write_the_same_books(program, ani, budi):
    short, long = all_that_can_be_due(ani), all_that_can_be_due(budi)
    with transaction.atomic():
        due = list(Lot.objects.filter(account=long).values_list("id", flat=True))
        points = lapsing.lapse(lock(long), lapsing.overdue(due, at=AFTER), recorded_at=AFTER)
    lots, written, after = expiry.expire_chunk(program, at=AFTER, recorded_at=AFTER)
    assert (lots, written, after) == (4, points, None)
    assert books_of(short) == books_of(long)
    for entry in Entry.objects.filter(account__in=[short, long], kind="expiry"):
        assert entry.reference == f"expiry:{entry.allocations.get().lot_id}:9"


def test_the_statement_chains_as_the_chain_says(program, ani):
    account = all_that_can_be_due(ani)
    expiry.run_sweep(program, at=AFTER)
    previous = b""
    for entry in Entry.objects.filter(account=account).order_by("number"):
        said = {name: getattr(entry, name) for name in hashed(Line(0, "", 0, AFTER, AFTER, "", "", ""))}
        previous = chain.link(previous, account_id=account, number=entry.number, **said)
        assert bytes(entry.hash) == previous
    assert bytes(Account.objects.get(id=account).last_hash) == previous


def test_a_chunk_is_locked_with_one_statement_and_written_with_one(program, ani, budi):
    all_that_can_be_due(ani), all_that_can_be_due(budi)
    with CaptureQueriesContext(connection) as asked:
        assert expiry.run_sweep(program, at=AFTER).done == 8
    told = [query["sql"] for query in asked]
    assert [sum(mark in sql for sql in told) for mark in ("WITH found", "WITH locked", "WITH gone")] == [1, 1, 1]


def test_chunks_go_from_account_to_account_and_on_to_the_next_that_ended(program, ani, budi, monkeypatch):
    monkeypatch.setattr(expiry, "CHUNK", 3)
    monkeypatch.setattr(expiry, "CHUNKS_AT_ONCE", 2)
    for number in range(5):
        for member in (ani, budi):
            give_points(member, 1, expires_at=ENDS + timedelta(days=number % 2))
    first = sweeping.find(program, at=AFTER, after=None, size=3, chunks=2)
    lots = [list(map(int, chunk.strip("{}").split(","))) for chunk in first.chunks]
    owners = [set(Lot.objects.filter(id__in=chunk).values_list("account_id", flat=True)) for chunk in lots]
    assert owners == [{main_account(ani).id}, {main_account(budi).id}]
    assert first.after == (ENDS, max(Lot.objects.filter(expires_at=ENDS).values_list("id", flat=True)))
    assert expiry.run_sweep(program, at=AFTER).report == {"lots": 10, "accounts": 2, "points": 10}


def test_a_redemption_between_finding_and_locking_leaves_its_points_alone(program, ani):
    give_points(ani, 100, expires_at=ENDS)
    found = sweeping.find(program, at=AFTER, after=None, size=10, chunks=1)
    posting.redeem(main_account(ani).id, 100, at=OPENING, reference="faster", source="t", actor="t")
    assert len(found.chunks) == 1
    assert sweeping.write_off(found.chunks[0], at=AFTER, recorded_at=AFTER) == (0, 0)
    assert not Entry.objects.filter(kind="expiry").exists()


def test_the_planner_is_left_as_it_was(program, ani):
    give_points(ani, 100, expires_at=ENDS)

    def settings():
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in sweeping.PLANS_LEFT_OUT))
            return cursor.fetchone()

    before = settings()
    with transaction.atomic():
        expiry.expire_chunk(program, at=AFTER, recorded_at=AFTER)
        assert settings() == before
        with connection.cursor() as cursor:
            cursor.execute(sweeping.ROW_AFTER_ROW)
        assert set(settings()) == {"off"}


def test_what_is_due_is_looked_up_row_after_row_though_statistics_know_nothing_of_it(program, ani):
    """The plan that statistics of an empty table ask for reads the whole table; the sweep's must not."""
    account = main_account(ani).id
    posting.accrue_many(
        [Accrual(account, 1, OPENING, f"r{n}", "t", "t", expires_at=ENDS) for n in range(50)], recorded_at=OPENING
    )
    lots = "{" + ",".join(str(pk) for pk in Lot.objects.values_list("id", flat=True)) + "}"
    given = {
        "lots": lots,
        "at": AFTER,
        "recorded_at": AFTER,
        "unconfirmed": "{}",
        "recorded": "",
        "digest": "",
        "actor": "",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sweeping.ROW_AFTER_ROW + "EXPLAIN " + sweeping.WRITE_OFF, given)
        plan = "\n".join(row[0] for row in sweeping.rows_of(cursor))
    assert "Seq Scan on" not in plan and "Hash Join" not in plan and "Merge Join" not in plan
