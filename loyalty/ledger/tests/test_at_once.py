"""On PostgreSQL one credit is one statement: it writes what the several statements of both engines write."""

from datetime import timedelta

import pytest
from django.db import connection
from django.forms import model_to_dict
from django.test.utils import CaptureQueriesContext

from loyalty.common.bulk import is_postgresql
from loyalty.ledger import chain, clawback, posting
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.ledger.writing import Line, hashed
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

pytestmark = pytest.mark.django_db
LATER = OPENING + timedelta(days=10)
EXPLANATION = {"steps": [{"rule": "base", "names": {"id": "Kopi “Pagi” \\ ☕"}}], "points": 7}
SAID = {"reference": 'purchase:till:1\x7f"é', "source": "till", "actor": "key:7", "explanation": EXPLANATION}


def credit(account, amount=7, **said):
    return posting.accrue(account, amount, at=LATER, **(SAID | said))


def credit_by_several_statements(account, amount=7, **said):
    """A batch of two never goes the short way."""
    said = SAID | said
    first = posting.Accrual(account, amount, LATER, **said)
    posting.accrue_many([first, posting.Accrual(account, 1, LATER, "second", "till", "key:7")], recorded_at=LATER)
    return Entry.objects.get(account=account, reference=said["reference"])


def content(record, *but):
    return {
        name: value for name, value in model_to_dict(record).items() if name not in ("id", "account", "entry", *but)
    }


@pytest.mark.parametrize(
    "terms", [{}, {"expires_at": None}, {"expires_at": LATER + timedelta(days=3)}, {"reason": "told so"}]
)
def test_one_credit_and_one_of_a_batch_write_the_same_entry_and_lot(ani, budi, terms, proven_books):
    short = credit(main_account(ani).id, **terms)
    long = credit_by_several_statements(main_account(budi).id, **terms)
    assert content(short, "hash") == content(long, "hash")
    assert content(short.lot) == content(long.lot)
    stored = Entry.objects.get(id=short.id)
    assert (content(stored), bytes(stored.hash)) == (content(short), bytes(short.hash))


def test_the_statement_chains_as_the_chain_says(ani, proven_books):
    account = main_account(ani).id
    before = give_points(ani, 5)
    entry = credit(account)
    said = {name: getattr(entry, name) for name in hashed(Line(0, "", 0, LATER, LATER, "", "", ""))}
    assert bytes(entry.hash) == chain.link(bytes(before.hash), account_id=account, number=2, **said)


def test_points_that_wait_are_pending(program, ani, proven_books):
    Wallet.objects.filter(program=program).update(activation_days=14)
    credit(main_account(ani).id)
    account = main_account(ani)
    assert (account.available, account.pending, Lot.objects.get(account=account).is_pending) == (0, 7, True)


def test_a_known_reference_is_answered_with_the_first_entry_and_other_points_are_refused(ani, proven_books):
    account = main_account(ani).id
    first = credit(account)
    assert credit(account).id == first.id
    with pytest.raises(posting.ReferenceConflict):
        credit(account, 8)
    assert (points_of(ani, at=LATER), Entry.objects.count(), main_account(ani).last_number) == (7, 1, 1)


def test_who_owes_repays_first(program, ani, proven_books):
    Wallet.objects.filter(program=program).update(debt_policy=Wallet.DebtPolicy.DEBT)
    entry = give_points(ani, 10)
    posting.redeem(main_account(ani).id, 10, at=OPENING, reference="r", source="t", actor="t")
    clawback.claw_back(entry, 10, at=OPENING, reference="c", source="t", actor="t")
    assert main_account(ani).debt == 10
    credit(main_account(ani).id, 25)
    account = main_account(ani)
    assert (account.available, account.debt) == (15, 0)


@pytest.mark.skipif(not is_postgresql(), reason="SQLite has no such statement")
def test_one_credit_is_one_statement(ani, budi):
    """The one that writes, once the terms of its wallet are known; within a transaction of the caller's a savepoint around it."""
    first, other = main_account(ani).id, main_account(budi).id
    credit(first, reference="terms are read")
    with CaptureQueriesContext(connection) as asked:
        credit(first)
        credit(other)
    written = [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"]]
    assert len(written) == 2 and all("WITH moved" in statement for statement in written)


def test_a_burn_draws_on_its_lots_and_moves_the_account(ani, proven_books):
    for points in (10, 20, 40):
        give_points(ani, points, expires_at=LATER + timedelta(days=points))
    entry = posting.redeem(
        main_account(ani).id, 25, at=LATER, reference="r", source="till", actor="t", reason="latte “☕”"
    )
    stored = Entry.objects.get(id=entry.id)
    assert (content(stored), bytes(stored.hash)) == (content(entry), bytes(entry.hash))
    assert list(entry.allocations.order_by("lot").values_list("amount", flat=True)) == [10, 15]
    assert list(Lot.objects.order_by("id").values_list("remaining", "redeemed")) == [(0, 10), (5, 15), (40, 0)]
    account = main_account(ani)
    assert (account.available, account.last_number, bytes(account.last_hash)) == (45, 4, bytes(entry.hash))


@pytest.mark.skipif(not is_postgresql(), reason="SQLite has no such statement")
def test_one_burn_is_written_by_one_statement(ani):
    give_points(ani, 10, expires_at=LATER + timedelta(days=1))
    give_points(ani, 10)
    account = main_account(ani).id
    with CaptureQueriesContext(connection) as asked:
        posting.redeem(account, 15, at=LATER, reference="r", source="t", actor="t")
    written = [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"] and "SELECT" not in query["sql"][:8]]
    assert len(written) == 1 and "WITH written" in written[0]


def test_a_single_credit_of_a_batch_that_is_known_already_writes_nothing(ani, proven_books):
    known = posting.Accrual(main_account(ani).id, 7, LATER, **SAID)
    (first,) = posting.accrue_many([known], recorded_at=LATER)
    assert posting.accrue_many([known], recorded_at=LATER) == [None]
    account = main_account(ani)
    assert list(Entry.objects.filter(account=account).values_list("id", flat=True)) == [first]
    assert (account.available, account.last_number) == (7, 1)
