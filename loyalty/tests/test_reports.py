"""The report views: there on both engines with the same rows, documented, and without anything personal."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from campaigns.purchases import Sale, record
from campaigns.refunds import refund
from loyalty.common import reports
from loyalty.common.bulk import is_postgresql
from loyalty.ledger import corrections, holds, posting
from loyalty.ledger.models import Entry, Lot
from loyalty.mail import outbox
from members.enrolment import main_account
from members.returns import Return
from members.testing import OPENING, give_points
from rewards import redemption
from rewards.testing import make_reward

BY = {"source": "test", "actor": "test"}
NAMES = [
    "report_accounts", "report_adjustments", "report_allocations", "report_campaigns", "report_changes", "report_days", "report_draw_wins", "report_draws", "report_entries", "report_gifts",
    "report_lots", "report_mailings", "report_members", "report_messages", "report_parcels", "report_points_payments", "report_pool_draws", "report_purchases", "report_redemptions",
    "report_refunds", "report_rewards", "report_sessions",
]  # fmt: skip


def rows(name, *columns, order=1):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY {order}")
        return cursor.fetchall()


def test_every_promised_view_is_there(db):
    assert [report.name for report in reports.declared()] == NAMES
    assert all(reports.columns(name) for name in NAMES)


def test_the_document_names_every_view_and_column_and_no_other(db):
    from loyalty.tests.reading import TOP

    sections = re.split(r"^## (report_\w+)$", (TOP / "docs/reports.md").read_text(encoding="utf-8"), flags=re.M)[1:]
    told = {
        name: re.findall(r"^\| `(\w+)` \|", text, flags=re.M)
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }
    assert told == {name: reports.columns(name) for name in told}
    assert sorted(told) == NAMES


def test_no_view_holds_a_name_an_address_or_a_code(db):
    personal = {"email", "phone", "birthday", "address", "code", "context"}
    assert [(n, c) for n in NAMES for c in reports.columns(n) if c in personal] == []
    assert "name" not in reports.columns("report_members")


def test_the_books_read_the_same_on_both_engines(program, ani, proven_books):
    first = give_points(ani, 100, expires_at=None)
    account = main_account(ani).id
    posting.accrue_many(
        [
            posting.Accrual(
                account, 9, OPENING, "later", "t", "t", available_at=OPENING + timedelta(days=365_000), expires_at=None
            )
        ],
        recorded_at=OPENING,
    )
    posting.redeem(account, 30, at=OPENING, reference="r", **BY)
    holds.hold(account, 5, at=OPENING, reference="h", minutes=60 * 24 * 365_00, **BY)
    holds.hold(account, 3, at=OPENING, reference="over", **BY)
    fixed = corrections.adjust(account, -2, at=OPENING, reference="a", actor="staff:1", reason="typo")
    lot = Lot.objects.get(entry=first).id
    assert rows("report_accounts", "member", "wallet", "available", "pending", "held", "debt", "points", "entries") == [
        (ani.number, "points", 63, 9, 5, 0, 77, 4)
    ]
    assert rows("report_entries", "number", "kind", "amount", "program", "actor", "hash") == [
        (entry.number, entry.kind, entry.amount, "kopi", entry.actor, bytes(entry.hash).hex())
        for entry in Entry.objects.order_by("number")
    ]
    assert rows("report_allocations", "kind", "lot", "amount", order="1 DESC") == [
        ("redemption", lot, -30), ("adjustment", lot, -2),
    ]  # fmt: skip
    assert rows("report_lots", "lot", "granted", "remaining", "redeemed", "forfeited")[0] == (lot, 100, 68, 30, 2)
    assert rows("report_adjustments", "entry", "kind", "amount", "actor", "reason") == [
        (fixed.id, "adjustment", -2, "staff:1", "typo")
    ]


def test_points_past_their_end_are_not_available_before_any_run(program, ani):
    give_points(ani, 100, expires_at=OPENING + timedelta(days=1))
    assert rows("report_accounts", "available", "points") == [(0, 100)]


def test_purchases_rewards_redemptions_and_letters_read_the_same_on_both_engines(program, ani):
    give_points(ani, 500, expires_at=None)
    sale = Sale(
        member=ani, source="pos", receipt="R1", occurred_at=OPENING, total=Decimal("25.50"), currency="IDR", items=2
    )
    record(program, sale, at=OPENING, actor="test")
    reward = make_reward(program, name="Tea", cost=120, stock=5)
    taken = redemption.redeem(ani, reward, at=OPENING, reference="x", **BY)
    assert [
        (r[0], r[1], Decimal(str(r[2])), r[3]) for r in rows("report_purchases", "member", "receipt", "total", "tier")
    ] == [(ani.number, "R1", Decimal("25.5"), "bronze")]
    assert rows("report_rewards", "name", "cost", "stock", "taken", "is_active") == [("Tea", 120, 5, 1, 1)]
    # Its voucher is long over, though no job has recorded that.
    assert rows("report_redemptions", "redemption", "member", "cost", "status", "entry") == [
        (taken.id, ani.number, 120, "expired", taken.entry_id)
    ]
    outbox.queue(
        recipient=ani.number, address=ani.email, language="en", kind="welcome", subject="s", context={}, at=OPENING
    )
    assert (ani.number, "welcome", "queued") in rows("report_messages", "recipient", "kind", "status")
    assert rows("report_members", "member", "tier", "status") == [(ani.number, "bronze", "active")]


def test_a_mailing_tells_what_became_of_its_letters_on_both_engines(program, ani, budi, siti):
    from campaigns.mailings.tests.readers import LEAVES, agree, look, send, write
    from loyalty.mail import blocking

    for member in (ani, budi, siti):
        agree(member)
    write(program, name="a draft")
    send(write(program))
    blocking.block(budi.email, at=LEAVES, actor="staff:1")
    look(LEAVES)
    figures = (
        "status",
        "segment",
        "campaign",
        "recipients",
        "kept_out",
        "released",
        "letters",
        "waiting",
        "sent",
        "stopped",
        "bounced",
    )
    assert rows("report_mailings", "mailing", *figures)[0][1:] == ("draft", "all", None, 0, 0, 0, 0, 0, 0, 0, 0)
    status, *told = rows("report_mailings", "mailing", *figures)[1][1:]
    assert (status, told) == ("running", ["all", None, 3, 0, 3, 3, 0, 2, 1, 0])


def test_goods_that_came_back_and_changes_read_the_same_on_both_engines(program, ani):
    sale = Sale(member=ani, source="pos", receipt="R1", occurred_at=OPENING, total=Decimal("40.00"), currency="IDR")
    record(program, sale, at=OPENING, actor="test")
    back = Return(source="pos", receipt="R1", number="1", occurred_at=OPENING, amount=Decimal("10.00"))
    made = refund(program, back, at=OPENING, actor="test").refund
    told = rows("report_refunds", "member", "receipt", "number", "status", "amount", "points", "actor")
    assert [(*r[:4], Decimal(str(r[4])), *r[5:]) for r in told] == [
        (ani.number, "R1", "1", "applied", Decimal("10"), made.points, "test")
    ]
    assert rows("report_changes", "change") == []


@pytest.mark.django_db(transaction=True)
def test_the_views_go_before_a_migration_and_come_back_after_it():
    reports.drop()
    assert reports._existing("default") == []
    call_command("migrate", verbosity=0)
    assert reports._existing("default") == NAMES
    reports.create()
    assert reports._existing("default") == NAMES


def test_a_view_that_cannot_be_made_is_told_and_stops_nothing(db, monkeypatch, caplog):
    monkeypatch.setitem(reports._declared, "report_broken", reports.Report("report_broken", "SELECT FROM WHERE"))
    reports.create()
    assert "the view report_broken was not made" in caplog.text
    assert reports._existing("default") == NAMES
    with pytest.raises(ValueError, match="report_"):
        reports.declare("view", "SELECT 1")


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="rights need PostgreSQL")
def test_who_could_read_a_view_can_read_it_after_a_migration(db):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE setia_test_reader")
        cursor.execute("GRANT SELECT ON report_lots TO setia_test_reader")
    reports.drop()
    reports.create()
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('setia_test_reader', 'report_lots', 'SELECT'), "
                       "has_table_privilege('setia_test_reader', 'report_entries', 'SELECT')")  # fmt: skip
        assert cursor.fetchone() == (True, False)
