"""Anchors: signed once a day, provable outside, and no rewritten history fits them."""

import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.ledger import anchors, chain, checking, evidence, posting, triggers
from loyalty.ledger.models import Account, Anchor, Entry
from members.enrolment import main_account
from members.testing import OPENING, give_points

DAY = date(2026, 1, 11)
AT = OPENING + timedelta(days=10)


@pytest.fixture
def account(program, ani, budi, siti):
    give_points(ani, 100)
    give_points(ani, 50)
    give_points(budi, 7)
    posting.redeem(main_account(ani).id, 30, at=OPENING, reference="r", source="test", actor="test")
    return main_account(ani).id


@pytest.fixture
def exported(program, account, tmp_path):
    anchors.make_anchor(program, at=AT)
    path = tmp_path / "anchor.json"
    call_command("export_anchor", program="kopi", output=str(path))
    return path


def rechain(account_id):
    """What a thief with the database would do: change an entry, and make every hash, sum and cache fit again."""
    with triggers.lifted():
        Entry.objects.filter(account=account_id, number=2).update(amount=5000)
        connection.cursor().execute(
            "UPDATE ledger_lot SET granted = 5000, remaining = remaining + 4950 WHERE granted = 50"
        )
        previous = chain.FIRST
        for entry in Entry.objects.filter(account=account_id).order_by("number"):
            names = ("account_id", "number", "kind", "amount", "effective_at", "recorded_at", "source", "reference")
            content = {name: getattr(entry, name) for name in (*names, "actor", "explanation", "corrects_id")}
            previous = chain.link(previous, **content)
            Entry.objects.filter(id=entry.id).update(hash=previous)
        head = Account.objects.get(id=account_id)
        Account.objects.filter(id=account_id).update(last_hash=previous, available=head.available + 4950)


def verified(path, **options):
    out = StringIO()
    try:
        call_command("verify_anchor", str(path), stdout=out, **options)
    except SystemExit as ended:
        assert ended.code == 1
        return False, out.getvalue()
    return True, out.getvalue()


def test_an_anchor_is_made_once_a_day_and_counts_accounts_and_points(program, account):
    tally = anchors.make_anchor(program, at=AT, dry_run=True)
    assert (tally.found, tally.done, Anchor.objects.count()) == (1, 0, 0)
    tally = anchors.make_anchor(program, at=AT)
    anchor = Anchor.objects.get()
    assert (tally.done, tally.report["digest"]) == (1, anchor.digest)
    assert (anchor.day, anchor.accounts, anchor.points) == (DAY, 2, 127)
    assert anchor.last_entry == Entry.objects.order_by("id").last().id
    again = anchors.make_anchor(program, at=AT + timedelta(hours=1))
    assert (again.done, again.skipped, Anchor.objects.count()) == (0, 1, 1)


def test_the_books_give_an_old_anchor_again_however_much_was_posted_since(program, account, ani):
    anchors.make_anchor(program, at=AT)
    give_points(ani, 9, at=AT, reference="later")
    anchors.make_anchor(program, at=AT + timedelta(days=1))
    first, second = Anchor.objects.order_by("day")
    assert anchors.again(first).digest == first.digest
    assert anchors.claim_of(second).previous == first.digest
    assert second.points == 136


def test_many_accounts_are_read_in_ranges(program, account, monkeypatch):
    anchors.make_anchor(program, at=AT)
    monkeypatch.setattr(anchors, "ACCOUNTS_AT_ONCE", 1)
    anchor = Anchor.objects.get()
    assert anchors.again(anchor).digest == anchor.digest


def test_another_program_has_its_own_anchor(program, account):
    from members.testing import make_member, make_program

    other = make_program("teh")
    give_points(make_member(other, "Dewi"), 3)
    anchors.make_anchor(other, at=AT)
    assert Anchor.objects.get().points == 3


def test_an_exported_anchor_is_verified_without_the_database(exported, django_assert_num_queries):
    told = json.loads(exported.read_text(encoding="utf-8"))
    assert (told["day"], told["accounts"], len(told["heads"])) == ("2026-01-11", 2, 2)
    with django_assert_num_queries(0):
        assert verified(exported) == (True, "The anchor of 2026-01-11 holds: 2 accounts, 127 points.\n")
    assert verified(exported, database=True)[0]


@pytest.mark.parametrize(
    "alter",
    [
        lambda told: told["heads"][0].__setitem__(3, 121),
        lambda told: told["heads"].pop(),
        lambda told: told.update(points=128),
        lambda told: told.update(day="2026-01-12"),
        lambda told: told.update(last_entry=told["last_entry"] + 1),
        lambda told: told.update(digest="0" * 64),
    ],
)
def test_an_altered_file_does_not_hold(exported, alter):
    told = json.loads(exported.read_text(encoding="utf-8"))
    alter(told)
    exported.write_text(json.dumps(told), encoding="utf-8")
    holds, words = verified(exported)
    assert not holds
    assert "does not hold" in words


def test_a_file_does_not_hold_under_another_key(exported, settings):
    settings.BOOKS_KEY = "another"
    assert "the key is another one" in verified(exported)[1]


def test_a_history_rewritten_with_a_fitting_chain_is_found_by_its_anchor(program, exported, account):
    rechain(account)
    assert list(checking._check_caches(Account.objects.all())) == []
    assert list(checking._check_chains(Account.objects.all(), lambda entries: None)) == []
    holds, words = verified(exported, database=True)
    assert not holds
    assert f"account {account}: its history up to entry number 3 was rewritten" in words
    anchor = Anchor.objects.get()
    assert anchors.again(anchor).digest != anchor.digest
    with pytest.raises(CommandError, match="do not give the anchor"):
        call_command("export_anchor", program="kopi", stdout=StringIO())


def test_a_cut_history_and_a_missing_anchor_are_found(exported, account):
    with triggers.lifted(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_allocation")
        cursor.execute("DELETE FROM ledger_entry WHERE kind = 'redemption'")
    with triggers.lifted():
        Anchor.objects.all().delete()
    _, words = verified(exported, database=True)
    assert f"account {account}: entry number 3 is gone" in words
    assert "the anchor of 2026-01-11 is not in the database" in words


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "setia-anchor-1"}', "not json"])
def test_a_file_that_is_no_anchor_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match="no exported anchor"):
        verified(path)
    with path.open() as file, pytest.raises(evidence.NoAnchorFile):
        evidence.read(file)


def test_an_unknown_program_or_day_is_said(program):
    for options, sentence in (({"program": "x"}, "no program"), ({"program": "kopi"}, "no such anchor")):
        with pytest.raises(CommandError, match=sentence):
            call_command("export_anchor", **options)


def test_the_command_anchors_today_once(program, account):
    out = StringIO()
    call_command("anchor_books", program="kopi", stdout=out)
    call_command("anchor_books", stdout=out)
    assert [json.loads(line)["made"] for line in out.getvalue().splitlines()] == [True, False]
