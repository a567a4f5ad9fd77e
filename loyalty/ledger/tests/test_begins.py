"""From when points can be spent, edited in the database: named for every lot, whatever delayed it (laws of the books 5, 20 and 21)."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps

from loyalty.ledger import policies, posting, triggers
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.ledger.tests.test_damage import BY, MARCH, damage, intruder, named
from members.enrolment import main_account
from members.testing import OPENING, give_points


def test_a_begin_that_was_edited_is_named_though_the_points_never_end(ani, proven_books):
    account = main_account(ani).id
    by_hand = {"available_at": OPENING + timedelta(days=5), "expires_at": None}
    credits = [posting.Accrual(account, 9, OPENING, "a", expires_at=None, **BY), posting.Accrual(account, 9, OPENING, "b", **by_hand, **BY)]  # fmt: skip
    first, second = (Lot.objects.get(entry=one).id for one in posting.accrue_many(credits, recorded_at=OPENING))
    planted = [(first, OPENING - timedelta(days=1), OPENING), (second, OPENING, by_hand["available_at"])]
    with intruder() as cursor:
        for lot, edited, _ in planted:
            cursor.execute("UPDATE ledger_lot SET available_at = %s WHERE id = %s", [edited, lot])
    assert named() == [
        f"lot dates: account {account}, lot {lot}: can be spent from {edited}, should be from {due}"
        for lot, edited, due in planted
    ]
    with intruder() as cursor:
        for lot, _, due in planted:
            cursor.execute("UPDATE ledger_lot SET available_at = %s WHERE id = %s", [due, lot])


DELAYS = {"of the wallet": None, "of a named policy": 7}


@pytest.mark.parametrize("name", DELAYS)
def test_a_begin_of_delayed_points_that_was_edited_either_way_is_named(program, ani, name, proven_books):
    """Their entry tells from when they can be spent, though they never end and nobody gave a date."""
    days, account = DELAYS[name], main_account(ani).id
    Wallet.objects.update(activation_days=5)
    more = {}
    if days:
        policy = policies.set_expiry(
            program.wallets.get(), kind="never", name="Slow", activation_days=days, at=OPENING, actor="t"
        )
        more = {"expiry_policy_id": policy.id}
    posting.accrue(account, 9, at=OPENING, reference="a", **more, **BY)
    lot = Lot.objects.get()
    due = lot.available_at
    assert due > OPENING
    for edited in (due - timedelta(days=1), due + timedelta(days=1), OPENING):
        damage("UPDATE ledger_lot SET available_at = %s WHERE id = %s", edited, lot.id)
        assert (
            f"lot dates: account {account}, lot {lot.id}: can be spent from {edited}, should be from {due}" in named()
        )
    damage("UPDATE ledger_lot SET available_at = %s WHERE id = %s", due, lot.id)


@pytest.mark.parametrize("words", [{"expires_at": None}, {}], ids=["for ever", "by the policy"])
def test_a_begin_that_was_moved_is_named_where_nothing_delayed_it(ani, proven_books, words):
    """An entry that tells of no dates at all is asked, too."""
    give_points(ani, 9, **words)
    account, lot = main_account(ani).id, Lot.objects.get()
    for edited in (MARCH, OPENING - timedelta(days=1)):
        damage("UPDATE ledger_lot SET available_at = %s WHERE id = %s", edited, lot.id)
        assert (
            f"lot dates: account {account}, lot {lot.id}: can be spent from {edited}, should be from {OPENING}"
            in named()
        )
    damage("UPDATE ledger_lot SET available_at = %s WHERE id = %s", OPENING, lot.id)


def test_delayed_credits_of_an_older_version_are_no_damage_after_the_update(ani, budi):
    """They said nothing of it: the update notes up to which entry that was so."""
    with triggers.lifted():
        for member in (ani, budi):
            Entry.objects.filter(id=give_points(member, 9, expires_at=None).id).update(explanation={})
    old, new = Lot.objects.order_by("id")
    damage("UPDATE ledger_lot SET available_at = %s WHERE id = %s", MARCH, old.id)
    note = import_module("loyalty.ledger.migrations.0021_begins_told_by_entries").note_what_was_delayed_before
    note(apps, None)
    assert (Wallet.objects.get().begins_told_after, [line for line in named() if "can be spent" in line]) == (
        old.entry_id,
        [],
    )
    damage("UPDATE ledger_lot SET available_at = %s WHERE id = %s", MARCH, new.id)
    assert [line for line in named() if f"lot {new.id}: can be spent" in line]
