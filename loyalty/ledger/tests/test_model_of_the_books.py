"""Random lives of an account against a model simple enough to be right by looking at it."""

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.ledger import clawback, corrections, expiry, holds, posting, statements
from loyalty.ledger.checking import verify
from members.enrolment import main_account
from members.testing import OPENING, make_member, make_program

NUMBER = st.integers(1, 30)
INDEX = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 30), st.integers(1, 12)),
        st.tuples(st.just("burn"), NUMBER, st.just(0)),
        st.tuples(st.just("undo"), INDEX, st.just(0)),
        st.tuples(st.just("hold"), NUMBER, st.just(0)),
        st.tuples(st.just("capture"), INDEX, st.just(0)),
        st.tuples(st.just("release"), INDEX, st.just(0)),
        st.tuples(st.just("refund"), INDEX, NUMBER),
        st.tuples(st.just("take"), NUMBER, st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 6), st.just(0)),
        st.tuples(st.just("sweep"), st.just(0), st.just(0)),
    ),
    min_size=5,
    max_size=40,
)
programs = count()


class Model:
    """Lots as [points free, day of expiry]; burns and holds as lists of (lot, points)."""

    def __init__(self):
        self.day, self.debt = 0, 0
        self.lots, self.burns, self.holds, self.orders = [], [], [], []

    def balance(self):
        return sum(left for left, ends in self.lots if ends > self.day)

    def repay(self, lot):
        part = min(self.debt, self.lots[lot][0]) if self.lots[lot][1] > self.day else 0
        self.lots[lot][0] -= part
        self.debt -= part

    def earn(self, points, days):
        self.lots.append([points, self.day + days])
        self.orders.append({"earned": points, "asked": 0, "taken": 0, "expired": 0})
        self.repay(len(self.lots) - 1)

    def draw(self, points, but=None):
        taken = []
        for index in sorted(range(len(self.lots)), key=lambda i: (self.lots[i][1], i)):
            left, ends = self.lots[index]
            part = min(left, points)
            if ends > self.day and part and index != but:
                self.lots[index][0] -= part
                points -= part
                taken.append((index, part))
        return taken, points

    def put_back(self, taken, *, repays):
        for lot, part in taken:
            self.lots[lot][0] += part
            if repays and self.lots[lot][1] > self.day:
                kept = min(self.debt, part)
                self.lots[lot][0] -= kept
                self.debt -= kept

    def end_holds(self):
        for held in self.holds:
            if held["open"] and held["day"] < self.day:
                held["open"] = False
                self.put_back(held["parts"], repays=False)

    def gone(self, lot):
        left, ends = self.lots[lot]
        return self.orders[lot]["expired"] + (left if ends <= self.day else 0)

    def refund(self, lot, points):
        order = self.orders[lot]
        if order["asked"] + points > order["earned"]:
            return False
        order["asked"] += points
        due = max(0, order["asked"] - self.gone(lot) - order["taken"])
        order["taken"] += due
        if self.lots[lot][1] > self.day:
            own = min(due, self.lots[lot][0])
            self.lots[lot][0] -= own
            due -= own
        _, missing = self.draw(due, but=lot)
        self.debt += missing
        return True

    def sweep(self):
        for lot, (left, ends) in enumerate(self.lots):
            if ends <= self.day:
                self.orders[lot]["expired"] += left
                self.lots[lot][0] = 0


class Life:
    """One account and its model, stepping together."""

    def __init__(self):
        self.program = make_program(f"life-{next(programs)}")
        self.account = main_account(make_member(self.program, f"M{self.program.id}")).id
        self.model, self.number = Model(), 0
        self.accruals, self.entries, self.holds = [], [], []

    @property
    def at(self):
        return OPENING + timedelta(days=self.model.day, seconds=self.number)

    def words(self):
        return {"at": self.at, "reference": f"r{self.number}", "source": "t", "actor": "t"}

    def earn(self, points, days):
        ends = OPENING + timedelta(days=self.model.day + days)
        self.accruals.append(posting.accrue(self.account, points, expires_at=ends, **self.words()))
        self.model.earn(points, days)

    def _try(self, verb, points):
        fits = points <= self.model.balance()
        try:
            made = verb(self.account, points, **self.words())
        except posting.InsufficientPoints as refusal:
            assert refusal.numbers["missing"] == points - self.model.balance()
            assert not fits
            return None
        assert fits
        return made

    def burn(self, points, _):
        entry = self._try(posting.redeem, points)
        if entry:
            self.entries.append(entry)
            self.model.burns.append(self.model.draw(points)[0])

    def undo(self, index, _):
        if self.entries:
            index %= len(self.entries)
            posting.reverse(self.entries[index], **self.words())
            self.model.put_back(self.model.burns[index], repays=True)
            self.model.burns[index] = []

    def hold(self, points, _):
        held = self._try(holds.hold, points)
        if held:
            self.holds.append(held)
            self.model.holds.append({"parts": self.model.draw(points)[0], "open": True, "day": self.model.day})

    def capture(self, index, _):
        index %= len(self.holds) or 1
        if self.holds and self.model.holds[index]["open"]:
            self.model.holds[index]["open"] = False
            holds.capture(self.holds[index], at=self.at, actor="t")

    def release(self, index, _):
        index %= len(self.holds) or 1
        if self.holds and self.model.holds[index]["open"]:
            self.model.holds[index]["open"] = False
            holds.release(self.holds[index], at=self.at)
            self.model.put_back(self.model.holds[index]["parts"], repays=False)

    def refund(self, index, points):
        if self.accruals:
            index %= len(self.accruals)
            fits = self.model.refund(index, points)
            try:
                clawback.claw_back(self.accruals[index], points, **self.words())
            except clawback.NothingLeftToTake:
                assert not fits

    def take(self, points, _):
        def adjust(account, amount, *, source, **words):
            return corrections.adjust(account, -amount, reason="test", **words)

        if self._try(adjust, points):
            self.model.draw(points)

    def wait(self, days, _):
        self.model.day += days
        self.model.end_holds()

    def sweep(self, _, __):
        expiry.run_sweep(self.program, at=self.at)
        self.model.sweep()


LONG = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


def live(steps):
    life = Life()
    for step, first, second in steps:
        life.number += 1
        getattr(life, step)(first, second)
        stands = statements.balance(life.account, at=life.at)
        assert (stands.available, stands.debt) == (life.model.balance(), life.model.debt)
    assert [str(violation) for violation in verify(life.program)] == []


@pytest.mark.django_db
@settings(max_examples=30, **LONG)
@given(steps=STEPS)
def test_any_life_of_an_account_equals_the_model(steps):
    live(steps)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db
@settings(max_examples=300, **LONG)
@given(steps=STEPS)
def test_hundreds_of_lives_equal_the_model(steps):
    live(steps)
