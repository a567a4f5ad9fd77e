"""The damage somebody with the database's password can do, one by one: each is found and named as what it is."""

from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection

from loyalty.common.bulk import is_postgresql
from loyalty.ledger import anchors, checking, closing, evidence, expiry, holds, policies, posting, triggers, verifying
from loyalty.ledger.models import Account, Anchor, Entry, ExpiryPolicy, Lot, PeriodClose, Verification, Wallet
from members.enrolment import main_account
from members.models import MemberAccount
from members.testing import OPENING, give_points

BY = {"source": "test", "actor": "test"}
MARCH = OPENING + timedelta(days=62)
JANUARY = date(2026, 1, 1)


@pytest.fixture
def books(program, ani, budi, settings, tmp_path):
    """Ani: two lots, a redemption, an adjustment, an expiry, a hold. Budi: one lot. Two months closed, two anchors kept."""
    settings.SETIA_ANCHOR_DIR = str(tmp_path)
    wallet = Wallet.objects.get()
    account = main_account(ani).id
    give_points(ani, 100, expires_at=OPENING + timedelta(days=40))
    give_points(ani, 50, reason="a gift of the house")
    give_points(budi, 20)
    posting.redeem(account, 30, at=OPENING + timedelta(days=1), reference="r", **BY)
    policies.set_expiry(wallet, kind="months", count=24, at=OPENING + timedelta(days=2), actor="staff:1")
    expiry.run_sweep(program, at=OPENING + timedelta(days=41))
    held = holds.hold(account, 10, at=MARCH, reference="h", minutes=60 * 24 * 365, **BY)
    closing.close_month(wallet, JANUARY, at=MARCH, actor="staff:1")
    closing.close_month(wallet, date(2026, 2, 1), at=MARCH, actor="staff:1")
    evidence.anchor_and_keep(program, at=MARCH - timedelta(days=1))
    evidence.anchor_and_keep(program, at=MARCH)
    assert named() == []
    return {"ani": account, "budi": main_account(budi).id, "hold": held.id}


def named():
    return [str(violation) for violation in checking.verify()]


@contextmanager
def intruder():
    """Somebody who has taken the triggers, and where it goes the foreign keys, out of the way."""
    with triggers.lifted(), connection.cursor() as cursor:
        yield cursor


def damage(statement, *values):
    with intruder() as cursor:
        cursor.execute(statement, values)


def entry_of(kind):
    return Entry.objects.get(kind=kind)


CHANGED_ENTRIES = [
    "UPDATE ledger_entry SET amount = amount - 1 WHERE kind = 'redemption'",
    "UPDATE ledger_entry SET effective_at = recorded_at + interval '1 day' WHERE kind = 'redemption'",
    "UPDATE ledger_entry SET explanation = '{\"told\": 1}' WHERE kind = 'redemption'",
    "UPDATE ledger_entry SET reason = 'another' WHERE kind = 'redemption'",
    "UPDATE ledger_entry SET actor = 'staff:9' WHERE kind = 'redemption'",
    "UPDATE ledger_entry SET corrects_id = id WHERE kind = 'redemption'",
]


@pytest.mark.parametrize("statement", CHANGED_ENTRIES)
def test_a_changed_entry_is_named_with_its_account(books, statement):
    if not is_postgresql():
        statement = statement.replace("recorded_at + interval '1 day'", "'2027-01-01 00:00:00'")
    entry = entry_of("redemption")
    damage(statement)
    assert (
        f"chain: account {books['ani']}, entry {entry.id}: entry number {entry.number} does not fit its hash" in named()
    )


def test_a_reason_taken_away_is_named(books):
    gift = Entry.objects.exclude(reason="").get()
    damage("UPDATE ledger_entry SET reason = '' WHERE id = %s", gift.id)
    assert named() == [f"chain: account {books['ani']}, entry {gift.id}: entry number 2 does not fit its hash"]


def test_swapped_hashes_are_named(books):
    first, second = Entry.objects.filter(account=books["ani"]).order_by("number")[:2]
    damage("UPDATE ledger_entry SET hash = %s WHERE id = %s", bytes(second.hash), first.id)
    damage("UPDATE ledger_entry SET hash = %s WHERE id = %s", bytes(first.hash), second.id)
    found = named()
    for entry in (first, second):
        sentence = f"entry number {entry.number} does not fit its hash"
        assert f"chain: account {books['ani']}, entry {entry.id}: {sentence}" in found


def test_a_chain_in_another_order_is_named(books):
    first, second = Entry.objects.filter(account=books["ani"]).order_by("number")[:2]
    for number, entry in ((99, first), (1, second), (2, first)):
        damage("UPDATE ledger_entry SET number = %s WHERE id = %s", number, entry.id)
    found = named()
    assert f"chain: account {books['ani']}, entry {second.id}: entry number 1 does not fit its hash" in found


def test_an_entry_on_another_account_is_named_on_both(books):
    moved = entry_of("expiry")
    damage("UPDATE ledger_entry SET account_id = %s WHERE id = %s", books["budi"], moved.id)
    found = named()
    assert f"numbering: account {books['budi']}, entry {moved.id}: number 4 where 2 was due" in found
    assert f"tail: account {books['ani']}: the entries end at 3, the account remembers 4" in found


def test_a_removed_entry_and_a_cut_tail_are_named(books):
    last, middle = entry_of("expiry"), entry_of("redemption")
    for entry in (last, middle):
        damage("DELETE FROM ledger_allocation WHERE entry_id = %s", entry.id)
        damage("DELETE FROM ledger_entry WHERE id = %s", entry.id)
        if entry == last:
            assert f"tail: account {books['ani']}: the entries end at 3, the account remembers 4" in named()
    assert f"tail: account {books['ani']}: the entries end at 2, the account remembers 4" in named()


def test_an_inserted_entry_is_named(books):
    with triggers.lifted():
        forged = Entry.objects.create(
            account_id=books["budi"], number=2, kind="adjustment", amount=5, effective_at=MARCH, recorded_at=MARCH,
            source="x", reference="x", actor="x", hash=b"0" * 32,
        )  # fmt: skip
    found = named()
    assert f"chain: account {books['budi']}, entry {forged.id}: entry number 2 does not fit its hash" in found
    assert f"lot parts: account {books['budi']}, entry {forged.id}: a credit without its lot" in found


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE ledger_allocation SET amount = amount + 1 WHERE entry_id = %s", "allocations"),
        ("DELETE FROM ledger_allocation WHERE entry_id = %s", "allocations"),
        (
            "INSERT INTO ledger_allocation (entry_id, lot_id, amount) SELECT %s, max(id), 3 FROM ledger_lot",
            "allocations",
        ),
    ],
    ids=["edited", "removed", "inserted"],
)
def test_a_changed_allocation_is_named_with_its_entry(books, statement, law):
    spent = entry_of("redemption")
    damage(statement, spent.id)
    assert any(line.startswith(f"{law}: account {books['ani']}, entry {spent.id}") for line in named())


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE ledger_lot SET remaining = remaining + 1, returned = returned + 1 WHERE id = %s", "lot parts"),
        ("UPDATE ledger_lot SET expires_at = '2031-01-01 00:00:00+00:00' WHERE id = %s", "lot dates"),
        ("UPDATE ledger_lot SET granted_at = '2025-01-01 00:00:00+00:00' WHERE id = %s", "lot dates"),
    ],
)
def test_an_edited_lot_is_named(books, statement, law):
    lot = Lot.objects.get(account=books["budi"])
    damage(statement, lot.id)
    assert any(line.startswith(f"{law}: account {books['budi']}, lot {lot.id}") for line in named())


def test_an_edited_balance_is_named(books):
    damage("UPDATE ledger_account SET available = available + 1 WHERE id = %s", books["budi"])
    assert [line for line in named() if line.startswith(f"balance: account {books['budi']}: available 21 of 20")]


def test_an_edited_hold_is_named(books):
    damage("UPDATE ledger_hold SET amount = 4")
    assert named() == [f"holds: account {books['ani']}: hold {books['hold']}: 4 in all, 10 in its parts"]
    damage("UPDATE ledger_hold SET amount = 10")
    damage("UPDATE ledger_holdpart SET amount = 9")
    assert f"holds: account {books['ani']}: hold {books['hold']}: 10 in all, 9 in its parts" in named()


def test_an_edited_or_removed_expiry_policy_is_named(books):
    damage("UPDATE ledger_expirypolicy SET count = 36 WHERE version = 2")
    assert named() == ["expiry policy: points: version 2 was edited"]
    first = ExpiryPolicy.objects.get(version=1)
    damage("UPDATE ledger_expirypolicy SET count = 24 WHERE version = 2")
    damage("UPDATE ledger_lot SET expiry_policy_id = NULL WHERE expiry_policy_id = %s", first.id)
    damage("DELETE FROM ledger_expirypolicy WHERE version = 1")
    assert "expiry policy: points: version 1 is missing" in named()


def test_a_wholly_removed_account_is_named_by_the_anchor_outside(books):
    budi = books["budi"]
    MemberAccount.objects.filter(account=budi).delete()
    for table in ("ledger_lot", "ledger_entry"):
        damage(f"DELETE FROM {table} WHERE account_id = %s", budi)
    damage("DELETE FROM ledger_account WHERE id = %s", budi)
    found = named()
    assert (
        "anchor: the books no longer give the anchor of 2026-03-04: 1 accounts with 50 points, 2 with 70 were signed"
        in found
    )
    assert f"kept anchor: account {budi}: anchor-kopi-2026-03-04.json: entry number 1 is gone" in found


def test_an_account_rewritten_with_a_chain_that_fits_is_named_by_the_anchor(books):
    budi = Account.objects.get(id=books["budi"])
    damage("DELETE FROM ledger_lot WHERE account_id = %s", budi.id)
    damage("DELETE FROM ledger_entry WHERE account_id = %s", budi.id)
    damage("UPDATE ledger_account SET available = 0, last_number = 0, last_hash = %s WHERE id = %s", b"", budi.id)
    signed = list(PeriodClose.objects.all())
    damage("DELETE FROM ledger_periodclose")  # a posting into a signed month would be refused
    posting.accrue(budi.id, 20, at=OPENING, reference="other", recorded_at=OPENING, **BY)
    PeriodClose.objects.bulk_create(signed)
    laws = {line.split(":")[0] for line in named()}
    assert {"anchor", "kept anchor"} <= laws
    assert not laws & {"chain", "tail", "balance", "numbering"}


@pytest.mark.parametrize("column", ["points = points + 1", "accounts = 9", "last_entry = 1", "digest = '00'"])
def test_an_edited_anchor_is_named(books, column):
    damage(f"UPDATE ledger_anchor SET {column} WHERE number = 1")
    assert "anchor: the one of 2026-03-03 was edited" in named()


def test_a_removed_anchor_is_named_the_last_one_by_its_copy_outside(books):
    damage("DELETE FROM ledger_anchor WHERE number = 1")
    assert named()[0] == "anchor: number 1 is missing, before the one of 2026-03-04"
    damage("DELETE FROM ledger_anchor")
    assert named() == ["kept anchor: anchor-kopi-2026-03-04.json: the anchor of 2026-03-04 is not in the database"]


def test_an_edited_copy_of_an_anchor_is_named(books, tmp_path):
    path = Path(tmp_path) / "anchor-kopi-2026-03-04.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"points": 70', '"points": 71'), encoding="utf-8")
    assert [line for line in named() if "the heads are 2 with 70 points, the anchor says otherwise" in line]
    path.write_text("{", encoding="utf-8")
    assert named() == ["kept anchor: anchor-kopi-2026-03-04.json cannot be read"]


def test_an_edited_or_removed_closed_month_is_named(books):
    close = PeriodClose.objects.get(month=JANUARY)
    with intruder():
        PeriodClose.objects.filter(id=close.id).update(figures=close.figures | {"issued": 171, "closing": 141})
    assert named()[:2] == [
        "closed month: points 2026-01: what was signed was edited",
        "closed month: points 2026-01: issued 170 of 171, closing 140 of 141",
    ]
    with intruder():
        PeriodClose.objects.filter(id=close.id).update(figures=close.figures, closed_by="staff:9")
    assert named() == ["closed month: points 2026-01: what was signed was edited"]
    damage("DELETE FROM ledger_periodclose WHERE month = '2026-01-01'")
    assert "closed month: points 2026-02: what was signed was edited" in named()


@pytest.mark.skipif(is_postgresql(), reason="PostgreSQL keeps its foreign keys within a transaction")
@pytest.mark.django_db(transaction=True)
def test_lines_that_belong_to_nothing_are_named(program, ani):
    give_points(ani, 10)
    with intruder() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("DELETE FROM ledger_account")
        found = named()
        cursor.execute("DELETE FROM ledger_lot")
        cursor.execute("DELETE FROM ledger_entry")
        cursor.execute("DELETE FROM members_memberaccount")
        cursor.execute("PRAGMA foreign_keys = ON")
    assert {line.split(":")[0] for line in found} == {"orphans"}


def test_what_a_verification_found_is_kept_and_a_closed_month_waits_for_it(books, program):
    verifying.verify_books(program, at=MARCH)
    last = Verification.objects.get()
    assert (last.entries, last.is_whole, last.violation_count, last.violations) == (5, True, 0, [])
    damage("UPDATE ledger_account SET pending = pending + 1 WHERE id = %s", books["budi"])
    with pytest.raises(verifying.BooksBroken):
        verifying.verify_books(program, at=MARCH)
    last = Verification.objects.first()
    assert (last.violation_count, last.violations[0]["account"]) == (1, books["budi"])
    with pytest.raises(closing.BooksUnproven, match="last verification"):
        closing.close_month(Wallet.objects.get(), date(2026, 3, 1), at=MARCH + timedelta(days=40), actor="staff:1")
    assert PeriodClose.objects.count() == 2


def test_a_month_that_the_accounts_do_not_give_is_not_closed(books):
    damage("UPDATE ledger_account SET pending = pending + 1 WHERE id = %s", books["budi"])
    with pytest.raises(closing.BooksUnproven, match="do not give the closing figure of 2026-03"):
        closing.close_month(Wallet.objects.get(), date(2026, 3, 1), at=MARCH + timedelta(days=40), actor="staff:1")
    assert PeriodClose.objects.count() == 2


def test_a_verification_stops_when_asked_and_says_that_it_is_not_whole(books, program):
    told = verifying.verify_books(program, at=MARCH, progress=lambda found, done, skipped: False)
    assert told.report["violations"] == 0
    assert not Verification.objects.get().is_whole
    assert closing.last_verification(Wallet.objects.get()) is None


def test_a_preview_of_the_verification_proves_as_much_and_keeps_nothing(books, program):
    assert verifying.verify_books(program, at=MARCH, dry_run=True).found == 5
    with triggers.lifted():
        Entry.objects.filter(number=1).update(amount=1)
    with pytest.raises(verifying.BooksBroken):
        verifying.verify_books(program, at=MARCH, dry_run=True)
    assert not Verification.objects.exists()


def test_nothing_is_kept_outside_unless_a_place_is_named(program, ani, settings, tmp_path):
    settings.SETIA_ANCHOR_DIR = ""
    give_points(ani, 5)
    assert "kept" not in evidence.anchor_and_keep(program, at=OPENING).report
    settings.SETIA_ANCHOR_DIR = str(tmp_path / "outside")
    assert evidence.anchor_and_keep(program, at=OPENING).report["kept"] == "anchor-kopi-2026-01-01.json"
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["anchor-kopi-2026-01-01.json"]
    with (tmp_path / "outside" / "anchor-kopi-2026-01-01.json").open(encoding="utf-8") as file:
        assert list(evidence.differences(evidence.read(file))) == []
    assert anchors.make_anchor(program, at=OPENING).skipped == 1
    assert Anchor.objects.count() == 1
