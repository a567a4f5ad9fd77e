"""Replaying the journal gives the same entries, lot by lot (laws 22)."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty.ledger import drawing
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Entry, Hold
from loyalty.ledger.tests.lives import STEPS, Life
from loyalty.ledger.tests.replaying import Replay, journal

# Settings and changes of many accounts at once stand in no account's journal.
ELSEWHERE = {"owe", "adjust_both", "undo_both"}
steps = st.lists(
    st.one_of(
        *(st.tuples(st.just(name), st.integers(0, 2), *given) for name, given in STEPS.items() if name not in ELSEWHERE)
    ),
    min_size=5,
    max_size=30,
)
# Everything that an account can live through: two members and a second wallet.
VARIED = [
    ("earn", 0, 30, 9), ("earn", 0, 20, 3), ("expect", 0, 12, 4), ("announce", 0, 8, 2), ("linger", 0, 9, 0),
    ("earn", 1, 10, 2), ("burn", 0, 24, 0), ("hold", 0, 10, 0), ("capture", 0, 0, 7), ("hold", 0, 4, 0), ("release", 0, 0, 0),
    ("wait", 0, 1, 0), ("confirm", 0, 0, 0), ("visit", 0, 0, 0), ("pass_on", 0, 11, 1), ("pass_on", 0, 8, 2), ("take", 0, 3, 0),
    ("extend", 0, 3, 8), ("wait", 0, 2, 0), ("undo_part", 0, 0, 5), ("refund", 0, 0, 12), ("hold", 1, 5, 0), ("wait", 0, 2, 0),
    ("sweep", 0, 0, 0), ("undo", 0, 0, 3), ("reinstate", 0, 0, 6), ("expect", 1, 15, 3), ("cancel", 1, 3, 0),
    ("burn", 1, 9, 0), ("refund", 1, 0, 10), ("refund", 0, 1, 20), ("burn", 0, 5, 0),
    ("earn", 0, 25, 5), ("earn", 1, 9, 5), ("wait", 0, 6, 0), ("sweep", 0, 0, 0),
    ("reinstate", 0, 0, 6), ("earn", 1, 10, 3), ("burn", 1, 10, 0), ("refund", 1, 3, 6), ("write_off", 1, 4, 0), ("burn", 0, 3, 0),
]  # fmt: skip


def replay(told):
    """Live, then post the journal to the accounts of a fresh program, and compare. Returns the life that was lived."""
    first, second = Life(), Life()
    for step in told:
        first.step(*step)
    accounts = {one.account: other.account for one, other in zip(first.parties, second.parties, strict=True)}
    wallets = {one.wallet: other.wallet for one, other in zip(first.parties, second.parties, strict=True)}
    Replay(second.program, accounts, {first.idle[here]: second.idle[there] for here, there in wallets.items()}).post()
    for one, other in accounts.items():
        assert journal(other) == journal(one)
    assert [str(violation) for violation in verify(second.program)] == []
    return first


@pytest.mark.django_db
def test_the_journal_of_a_varied_life_posted_again_gives_the_same_lot_by_lot():
    life = replay(VARIED)
    lived = Entry.objects.filter(account__wallet__program=life.program)
    assert set(lived.values_list("kind", flat=True)) == set(Entry.Kind.values)
    assert set(Hold.objects.values_list("status", flat=True)) >= {"captured", "released"}


@pytest.mark.django_db
def test_points_drawn_in_another_order_the_second_time_are_seen(monkeypatch):
    in_order, post = drawing._first_lots, Replay.post

    def post_in_another_order(told):
        with monkeypatch.context() as other:
            other.setattr(drawing, "_first_lots", lambda **asked: list(in_order(**asked))[::-1])
            post(told)

    monkeypatch.setattr(Replay, "post", post_in_another_order)
    with pytest.raises(AssertionError, match="figures"):
        replay([("earn", 0, 10, 9), ("earn", 0, 10, 3), ("burn", 0, 4, 0)])


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=steps)
@example(told=[("earn", 0, 10, 3), ("burn", 0, 10, 0), ("refund", 0, 0, 5), ("announce", 0, 5, 1), ("wait", 0, 6, 0), ("sweep", 0, 0, 0)])  # fmt: skip
@example(told=[("expect", 0, 10, 2), ("wait", 0, 3, 0), ("sweep", 0, 0, 0), ("refund", 0, 0, 4), ("confirm", 0, 0, 3)])
def test_the_journal_of_any_life_posted_again_gives_the_same(told):
    replay(told)
