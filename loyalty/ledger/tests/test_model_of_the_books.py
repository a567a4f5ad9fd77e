"""Random lives of an account against a model simple enough to be right by looking at it."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.ledger import expiry, posting, statements
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Entry, Lot
from members.enrolment import main_account
from members.testing import OPENING, make_member, make_program

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 50), st.integers(1, 40)),
        st.tuples(st.just("burn"), st.integers(1, 80), st.just(0)),
        st.tuples(st.just("undo"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 15), st.just(0)),
        st.tuples(st.just("sweep"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=25,
)


class Model:
    """Lots as [points left, day of expiry]; burns as lists of (lot, points)."""

    def __init__(self):
        self.day, self.lots, self.burns = 0, [], []

    def balance(self):
        return sum(left for left, ends in self.lots if ends > self.day)

    def earn(self, points, days):
        self.lots.append([points, self.day + days])

    def burn(self, points):
        if points > self.balance():
            return False
        taken = []
        for index in sorted(range(len(self.lots)), key=lambda i: (self.lots[i][1], i)):
            left, ends = self.lots[index]
            if ends > self.day and left and points:
                part = min(left, points)
                self.lots[index][0] -= part
                points -= part
                taken.append((index, part))
        self.burns.append(taken)
        return True

    def undo(self, index):
        for lot, part in self.burns[index]:
            self.lots[lot][0] += part
        self.burns[index] = []


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_life_of_an_account_equals_the_model(steps):
    program = make_program(f"p{Entry.objects.count()}-{Lot.objects.count()}-{id(steps)}")
    member = make_member(program, f"M{program.id}")
    account, model, entries = main_account(member).id, Model(), []
    for number, (step, first, second) in enumerate(steps):
        at = OPENING + timedelta(days=model.day, seconds=number)
        if step == "earn":
            # Whole days after the opening, so that a lot's last day is not cut by the seconds between steps.
            ends = OPENING + timedelta(days=model.day + second)
            posting.accrue(account, first, at=at, reference=f"e{number}", source="t", actor="t", expires_at=ends)
            model.earn(first, second)
        elif step == "burn":
            try:
                entries.append(posting.redeem(account, first, at=at, reference=f"b{number}", source="t", actor="t"))
                assert model.burn(first)
            except posting.InsufficientPoints as refusal:
                assert refusal.numbers["missing"] == first - model.balance()
        elif step == "undo" and first < len(entries):
            posting.reverse(entries[first], at=at, reference=f"u{number}", source="t", actor="t")
            model.undo(first)
        elif step == "wait":
            model.day += first
        elif step == "sweep":
            expiry.run_sweep(program, at=at)
            model.lots = [lot if lot[1] > model.day else [0, lot[1]] for lot in model.lots]
        now = OPENING + timedelta(days=model.day, seconds=number)
        assert statements.balance(account, at=now).available == model.balance()
    assert [str(violation) for violation in verify(program)] == []
