"""Damage that no sum shows: dates, draws, holds, closed months, anchors. Each is planted, found and named."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.ledger import anchors, checking, clawback, closing, corrections, expiry, holds, posting, triggers
from loyalty.ledger.models import Account, Entry, PeriodClose, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points, make_member, make_program

BY = {"source": "test", "actor": "test"}
LATER = OPENING + timedelta(days=70)


@pytest.fixture
def account(program, ani):
    """By policy, extended, held, claimed back with debt, adjusted both ways, expired and reinstated."""
    account = main_account(ani).id
    order = give_points(ani, 100)
    give_points(ani, 50, expires_at=OPENING + timedelta(days=60))
    give_points(ani, 20, expires_at=OPENING + timedelta(days=65))
    posting.redeem(account, 40, at=OPENING, reference="r", **BY)
    corrections.extend(
        [account], until=OPENING + timedelta(days=400), before=OPENING + timedelta(days=64), at=OPENING,
        reference="x", actor="staff:1", reason="outage",
    )  # fmt: skip
    expiry.run_sweep(program, at=OPENING + timedelta(days=66))
    corrections.reinstate(
        Entry.objects.get(kind="expiry"), at=LATER, until=None, reference="s", actor="staff:1", reason="ours"
    )
    holds.hold(account, 5, at=LATER, reference="h", minutes=60, **BY)
    clawback.claw_back(order, 90, at=LATER, reference="refund", **BY)
    corrections.adjust(account, 3, at=LATER, reference="a", actor="staff:1", reason="gift")
    corrections.adjust(account, -1, at=LATER, reference="b", actor="staff:1", reason="typo")
    assert [str(violation) for violation in checking.verify()] == []
    return account


def found(**options):
    return {violation.law for violation in checking.verify(**options)}


def damage(*statements):
    with triggers.lifted(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("law", "statement"),
    [
        ("lot dates", "UPDATE ledger_lot SET expires_at = '2031-01-01 00:00:00+00:00' WHERE granted = 100"),
        ("lot dates", "UPDATE ledger_lot SET expires_at = NULL WHERE granted = 100"),
        ("lot dates", "UPDATE ledger_lot SET expires_at = '2031-01-01 00:00:00+00:00' WHERE granted = 50"),
        ("lot dates", "UPDATE ledger_lot SET granted_at = '2025-01-01 00:00:00+00:00' WHERE granted = 50"),
        ("holds", "UPDATE ledger_lot SET held = held + 1 WHERE held > 0"),
        ("holds", "UPDATE ledger_hold SET status = 'released'"),
        ("allocations", "DELETE FROM ledger_allocation WHERE entry_id IN (SELECT id FROM ledger_entry WHERE kind = 'claw_back')"),
        ("allocations", "DELETE FROM ledger_allocation WHERE entry_id IN (SELECT id FROM ledger_entry WHERE kind = 'adjustment')"),
        ("allocations", "UPDATE ledger_allocation SET amount = amount + 1 WHERE entry_id IN (SELECT id FROM ledger_entry WHERE kind = 'reinstatement')"),
        ("allocations", "UPDATE ledger_lot SET available_at = '2026-06-01 00:00:00+00:00' WHERE redeemed > 0"),
    ],
)  # fmt: skip
def test_damage_that_no_sum_shows_is_named(account, law, statement):
    damage(statement)
    assert law in found()
    assert law in found(account=account)


def test_points_spent_after_their_end_are_named(program, ani):
    give_points(ani, 10, expires_at=OPENING + timedelta(days=9))
    posting.redeem(main_account(ani).id, 4, at=OPENING + timedelta(days=8), reference="r", **BY)
    assert found() == set()
    damage("UPDATE ledger_lot SET expires_at = '2026-01-05 00:00:00+00:00'")
    assert found() == {"allocations", "lot dates"}


def test_a_closed_month_that_the_ledger_no_longer_gives_is_named(program, account, ani):
    wallet = Wallet.objects.get()
    closing.close_month(wallet, OPENING.date(), at=LATER, actor="staff:1")
    assert found() == set()
    signed = list(PeriodClose.objects.all())
    damage(
        "DELETE FROM ledger_periodclose"
    )  # a posting would be refused: whoever writes past it hides the month meanwhile
    posting.accrue(account, 8, at=OPENING, reference="back-dated", recorded_at=OPENING, **BY)
    PeriodClose.objects.bulk_create(signed)
    assert [str(violation) for violation in checking.verify(program)] == [
        "closed month: points 2026-01: issued 178 of 170, closing 138 of 130",
        "closed month: points 2026-01: what became of earlier points says otherwise",
    ]


def test_the_last_anchor_is_proved_too(program, account, ani):
    anchors.make_anchor(program, at=LATER)
    assert found() == set()
    damage("UPDATE ledger_anchor SET points = points, digest = '00'")
    assert found() == {"anchor"}
    assert found(since_anchor=True) == {"anchor"}


def test_since_the_last_anchor_only_accounts_that_moved_are_read(program, account, budi):
    read = []
    assert list(checking.verify(since_anchor=True, progress=read.append)) == []
    everything = Entry.objects.count()
    assert read[-1] == everything
    anchors.make_anchor(program, at=LATER)
    give_points(budi, 5, at=LATER)
    read.clear()
    assert list(checking.verify(since_anchor=True, progress=read.append)) == []
    assert read[-1] == 1
    damage("UPDATE ledger_entry SET amount = 6, hash = hash WHERE kind = 'accrual' AND amount = 5")
    assert "chain" in found(since_anchor=True)


def test_accounts_are_read_in_ranges_and_all_of_them(program, account, budi, siti, monkeypatch):
    give_points(budi, 5, at=LATER)
    give_points(siti, 5, at=LATER)
    monkeypatch.setattr(checking, "ACCOUNTS_AT_ONCE", 1)
    read = []
    assert list(checking.verify(progress=read.append)) == []
    assert read[-1] == Entry.objects.count()
    damage("UPDATE ledger_account SET available = available + 1")
    assert {v.account for v in checking.verify()} == set(Account.objects.values_list("id", flat=True))


def test_the_command_proves_one_account_or_what_moved(account, budi):
    out = StringIO()
    call_command("verify_ledger", account=main_account(budi).id, json=True, stdout=out)
    assert json.loads(out.getvalue()) == {"ok": True, "entries": 0, "violations": []}
    out = StringIO()
    call_command("verify_ledger", since_anchor=True, stdout=out)
    assert out.getvalue() == f"{Entry.objects.count()} entries read, 0 violation(s).\n"
    with pytest.raises(CommandError, match="no program"):
        call_command("verify_ledger", program="nobody")


def test_the_command_proves_one_program_and_leaves_the_others_alone(program, account):
    other = make_program("teh")
    give_points(make_member(other, "Tono"), 5)
    damage(f"UPDATE ledger_account SET available = available + 1 WHERE id = {account}")
    out, told = StringIO(), StringIO()
    call_command("verify_ledger", "--program=teh", "--progress", "--json", stdout=out, stderr=told)
    assert json.loads(out.getvalue()) == {"ok": True, "entries": 1, "violations": []}
    assert told.getvalue().endswith("1 entries read")
    for scope in (["--program=kopi"], [], [f"--account={account}"]):
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("verify_ledger", "--json", *scope, stdout=out)
        found = json.loads(out.getvalue())["violations"]
        assert [(one["law"], one["account"]) for one in found] == [("balance", account)]
