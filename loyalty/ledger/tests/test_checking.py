"""Every planted damage of the books is found and named."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from loyalty.ledger import checking, expiry, posting, triggers, verifying
from loyalty.ledger.models import Account, Allocation, Entry, Lot
from members.enrolment import main_account
from members.testing import OPENING, give_points

LATER = OPENING + timedelta(days=70)


@pytest.fixture
def account(program, ani):
    give_points(ani, 100, expires_at=OPENING + timedelta(days=60))
    give_points(ani, 50)
    account_id = main_account(ani).id
    posting.redeem(account_id, 30, at=OPENING, reference="r", source="test", actor="test")
    expiry.run_sweep(program, at=LATER)
    assert list(checking.verify()) == []
    return account_id


def laws():
    return {violation.law for violation in checking.verify()}


def damage(statement, *values):
    with triggers.lifted(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE ledger_entry SET amount = 101 WHERE number = 1", "chain"),
        ("UPDATE ledger_entry SET effective_at = recorded_at WHERE kind = 'expiry'", "chain"),
        ("UPDATE ledger_entry SET reference = 'x' WHERE number = 2", "chain"),
        ("UPDATE ledger_entry SET actor = 'x' WHERE number = 2", "chain"),
        ("UPDATE ledger_entry SET explanation = '{\"points\": 1}' WHERE number = 2", "chain"),
        ("UPDATE ledger_account SET available = available + 1", "balance"),
        ("UPDATE ledger_account SET last_number = 3", "tail"),
        ("UPDATE ledger_lot SET remaining = remaining - 1, redeemed = redeemed + 1 WHERE remaining > 0", "lot parts"),
        ("UPDATE ledger_lot SET granted = granted + 1, remaining = remaining + 1 WHERE remaining > 0", "lot parts"),
        ("UPDATE ledger_allocation SET amount = amount + 1", "allocations"),
        ("UPDATE ledger_lot SET expires_at = '2031-01-01 00:00:00+00:00' WHERE expiry_policy_id IS NULL", "lot dates"),
        ("UPDATE ledger_lot SET expires_at = '2031-01-01 00:00:00+00:00' WHERE expiry_policy_id > 0", "lot dates"),
        ("DELETE FROM ledger_allocation", "allocations"),
    ],
)
def test_an_altered_line_is_named(account, statement, law):
    damage(statement)
    assert law in laws()


def test_an_entry_moved_to_another_account_is_named(account, budi):
    damage("UPDATE ledger_entry SET account_id = %s WHERE kind = 'expiry'", main_account(budi).id)
    assert {"numbering", "tail"} <= laws()


def test_a_cut_tail_and_a_hole_are_named(account):
    last = Entry.objects.get(kind="expiry")
    damage("DELETE FROM ledger_allocation WHERE entry_id = %s", last.id)
    damage("DELETE FROM ledger_entry WHERE id = %s", last.id)
    assert "tail" in laws()
    middle = Entry.objects.get(kind="redemption")
    damage("DELETE FROM ledger_allocation WHERE entry_id = %s", middle.id)
    damage("DELETE FROM ledger_entry WHERE id = %s", middle.id)
    found = [v for v in checking.verify() if v.account == account]
    assert found


def test_an_inserted_entry_is_named(account):
    Entry.objects.create(
        account_id=account, number=5, kind="accrual", amount=1, effective_at=LATER, recorded_at=LATER, source="x",
        reference="x", actor="x", hash=b"0" * 32,
    )  # fmt: skip
    assert {"chain", "tail", "lot parts", "balance"} <= laws()


@pytest.mark.parametrize("model", [Entry, Allocation])
def test_the_database_refuses_to_change_or_delete_a_line(account, model):
    for attempt in (lambda: model.objects.update(amount=1), lambda: model.objects.all()._raw_delete("default")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()
    assert list(checking.verify()) == []


def test_the_database_refuses_an_impossible_account_or_lot(account):
    for attempt in (
        lambda: Account.objects.update(available=-1),
        lambda: Lot.objects.update(remaining=-1),
        lambda: Lot.objects.update(granted=1000),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


def test_the_command_prints_violations_and_ends_with_status_one(account):
    out = StringIO()
    call_command("verify_ledger", json=True, stdout=out)
    assert json.loads(out.getvalue()) == {"ok": True, "entries": 4, "violations": []}
    damage("UPDATE ledger_account SET available = available + 1")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_ledger", stdout=out)
    assert ended.value.code == 1
    assert f"balance: account {account}: available 51 of 50" in out.getvalue()


def test_the_nightly_job_fails_loudly_when_the_books_do_not_prove(program, account):
    assert verifying.verify_books(program, at=LATER).report["violations"] == 0
    damage("UPDATE ledger_account SET available = available + 1")
    with pytest.raises(verifying.BooksBroken, match="1 violation"):
        verifying.verify_books(program, at=LATER)
