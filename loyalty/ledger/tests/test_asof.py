"""Time travel: an account at any instant, true then and known then, and what explains a difference."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.common.errors import Refusal
from loyalty.ledger import asof, clawback, corrections, expiry, holds, posting, statements
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.statements import Balance
from members.enrolment import main_account
from members.testing import OPENING, give_points, make_member, make_program

BY = {"source": "test", "actor": "test"}


def day(number):
    return OPENING + timedelta(days=number)


def burn(member, points, at, reference="burn"):
    return posting.redeem(main_account(member).id, points, at=at, reference=reference, **BY)


def available(member, at, known_at=None):
    return asof.position(main_account(member).id, at=at, known_at=known_at).balance.available


@pytest.mark.usefixtures("proven_books")
class TestAnAccount:
    def test_is_what_its_entries_made_of_it_by_then(self, ani):
        give_points(ani, 100, at=day(0))
        burn(ani, 30, at=day(10))
        assert [available(ani, day(number)) for number in (-1, 0, 9, 10)] == [0, 100, 100, 70]
        position = asof.position(main_account(ani).id, at=day(10))
        assert [(lot.granted, lot.remaining, lot.state(day(10))) for lot in position.lots] == [(100, 70, "open")]
        assert (position.points, position.entries) == (70, 2)

    def test_shows_late_news_as_true_then_but_not_as_known_then(self, ani):
        give_points(ani, 100, at=day(0), recorded_at=day(20))
        assert available(ani, day(10)) == 100
        assert available(ani, day(10), known_at=day(10)) == 0
        assert available(ani, day(10), known_at=day(20)) == 100

    def test_loses_points_when_their_time_is_over_whether_or_not_the_sweep_has_run(self, program, ani):
        give_points(ani, 100, at=day(0), expires_at=day(10))
        before = asof.position(main_account(ani).id, at=day(10))
        assert (before.balance.available, before.ran_out) == (0, 100)
        expiry.run_sweep(program, at=day(15))
        assert [available(ani, day(number), known_at=day(number)) for number in (9, 10, 15)] == [100, 0, 0]
        assert asof.position(main_account(ani).id, at=day(15)).ran_out == 0

    def test_shows_pending_points_until_their_day(self, ani):
        account = main_account(ani).id
        posting.accrue_many(
            [posting.Accrual(account, 40, day(0), "p", "t", "t", available_at=day(14))], recorded_at=day(0)
        )
        assert asof.position(account, at=day(13)).balance == Balance(pending=40)
        assert asof.position(account, at=day(14)).balance == Balance(available=40)

    def test_keeps_back_what_was_held_then(self, ani):
        give_points(ani, 100, at=day(0))
        account = main_account(ani).id
        held = holds.hold(account, 60, at=day(1), reference="h", minutes=60 * 24 * 5, **BY)
        holds.capture(held, at=day(3), actor="test", amount=50)
        holds.hold(account, 10, at=day(4), reference="short", **BY)
        assert asof.position(account, at=day(2)).balance == Balance(available=40, held=60)
        assert asof.position(account, at=day(3)).balance == Balance(available=50)
        assert asof.position(account, at=day(4)).balance == Balance(available=40, held=10)
        assert asof.position(account, at=day(4) + timedelta(minutes=15)).balance == Balance(available=50)

    def test_remembers_the_end_a_lot_had_before_days_of_grace(self, ani):
        give_points(ani, 100, at=day(0), expires_at=day(10))
        entry = burn(ani, 100, at=day(5))
        posting.reverse(entry, at=day(20), reference="back", grace_days=14, **BY)
        assert [available(ani, day(number)) for number in (4, 5, 19, 20, 33, 40)] == [100, 0, 0, 100, 100, 0]
        assert available(ani, day(30), known_at=day(19)) == 0

    def test_remembers_the_end_a_lot_had_before_it_was_extended(self, ani):
        give_points(ani, 100, at=day(0), expires_at=day(10))
        account = main_account(ani).id
        corrections.extend(
            [account], until=day(30), before=day(11), at=day(8), reference="x", actor="staff:1", reason="outage"
        )
        assert available(ani, day(20)) == 100
        assert available(ani, day(20), known_at=day(7)) == 0
        assert asof.position(account, at=day(7)).lots[0].expires_at == day(10)
        assert asof.position(account, at=day(8)).lots[0].expires_at == day(30)

    def test_owed_what_a_late_return_took_from_points_granted_only_later(self, ani):
        first = give_points(ani, 100, at=day(0))
        burn(ani, 100, at=day(1))
        clawback.claw_back(first, 100, at=day(5), reference="refund", **BY)
        give_points(ani, 70, at=day(10))
        account = main_account(ani).id
        assert asof.position(account, at=day(5)).balance == Balance(debt=100)
        assert asof.position(account, at=day(10)).balance == Balance(debt=30)

    def test_costs_the_same_queries_however_long_its_history_is(self, ani, django_assert_max_num_queries):
        account = main_account(ani).id
        posting.accrue_many(
            [posting.Accrual(account, 5, day(n), f"r{n}", "t", "t") for n in range(200)], recorded_at=day(0)
        )
        with django_assert_max_num_queries(6):
            assert asof.position(account, at=day(99), known_at=day(99)).balance.available == 500


def test_entries_explain_the_difference_between_two_instants(ani):
    give_points(ani, 100, at=day(0))
    give_points(ani, 50, at=day(0), expires_at=day(8), reference="short")
    burned = burn(ani, 20, at=day(5))
    late = give_points(ani, 7, at=day(2), recorded_at=day(30), reference="late")
    account = main_account(ani).id
    first, second = (asof.position(account, at=day(number), known_at=day(9)) for number in (1, 9))
    told = asof.difference(first, second)
    assert (told.added, told.removed, told.points) == ([burned], [], second.points - first.points)
    assert (told.activated, told.ran_out) == (0, 30)
    learned = asof.difference(second, asof.position(account, at=day(9)))
    assert (learned.added, learned.points) == ([late], 7)
    assert asof.difference(second, first).removed == [burned]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 50), st.integers(1, 40)),
        st.tuples(st.just("late"), st.integers(1, 50), st.integers(1, 40)),
        st.tuples(st.just("pending"), st.integers(1, 50), st.integers(1, 20)),
        st.tuples(st.just("burn"), st.integers(1, 80), st.just(0)),
        st.tuples(st.just("undo"), st.integers(0, 5), st.sampled_from([0, 14])),
        st.tuples(st.just("take back"), st.integers(0, 5), st.integers(1, 50)),
        st.tuples(st.just("extend"), st.integers(1, 10), st.integers(1, 30)),
        st.tuples(st.just("hold"), st.integers(1, 40), st.integers(10, 60 * 24 * 3)),
        st.tuples(st.just("capture"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("adjust"), st.integers(-20, 20).filter(bool), st.just(0)),
        st.tuples(st.just("reinstate"), st.integers(0, 3), st.integers(1, 30)),
        st.tuples(st.just("wait"), st.integers(1, 15), st.just(0)),
        st.tuples(st.just("sweep"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=20,
)


class Life:
    """One account living the steps by the verbs."""

    def __init__(self, program, account):
        self.program, self.account = program, account
        self.earned, self.burned, self.held = [], [], []

    def live(self, step, first, second, *, at, number):
        named = {"reference": f"{step}{number}", **BY}
        if step == "earn":
            ends = at + timedelta(days=second)
            self.earned.append(posting.accrue(self.account, first, at=at, expires_at=ends, **named))
        elif step == "late":
            then = at - timedelta(days=second)
            self.earned.append(posting.accrue(self.account, first, at=then, recorded_at=at, **named))
        elif step == "pending":
            promise = posting.Accrual(self.account, first, at, **named, available_at=at + timedelta(days=second))
            posting.accrue_many([promise], recorded_at=at)
        elif step == "burn":
            self.burned.append(posting.redeem(self.account, first, at=at, **named))
        elif step == "undo" and first < len(self.burned):
            posting.reverse(self.burned[first], at=at, grace_days=second, **named)
        elif step == "take back" and first < len(self.earned):
            clawback.claw_back(self.earned[first], second, at=at, **named)
        elif step == "extend":
            corrections.extend(
                [self.account], until=at + timedelta(days=second), before=at + timedelta(days=first), at=at,
                reference=named["reference"], actor="test", reason="test",
            )  # fmt: skip
        elif step == "hold":
            self.held.append(holds.hold(self.account, first, at=at, minutes=second, **named))
        elif step == "capture" and first < len(self.held):
            holds.capture(self.held[first], at=at, actor="test")
        elif step == "adjust":
            corrections.adjust(self.account, first, at=at, reference=named["reference"], actor="test", reason="test")
        elif step == "reinstate":
            gone = list(Entry.objects.filter(account=self.account, kind="expiry").order_by("number")[first : first + 1])
            for entry in gone:
                corrections.reinstate(
                    entry,
                    at=at,
                    until=at + timedelta(days=second),
                    reference=named["reference"],
                    actor="test",
                    reason="t",
                )
        elif step == "sweep":
            expiry.run_sweep(self.program, at=at)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_was_known_at_any_moment_of_any_life_never_changes(steps):
    program = make_program(f"p{Entry.objects.count()}-{Lot.objects.count()}-{id(steps)}")
    account = main_account(make_member(program, f"M{program.id}")).id
    life, today, said = Life(program, account), 0, []
    for number, (step, first, second) in enumerate(steps):
        at = day(today) + timedelta(seconds=number)
        if step == "wait":
            today += first
        else:
            try:
                life.live(step, first, second, at=at, number=number)
            except Refusal:
                continue
        now = day(today) + timedelta(seconds=number)
        said.append((now, statements.balance(account, at=now)))
    positions = [asof.position(account, at=then, known_at=then) for then, _ in said]
    assert [position.balance for position in positions] == [balance for _, balance in said]
    for before, after in pairwise(positions):
        told = asof.difference(before, after)
        assert (told.points, told.removed) == (after.points - before.points, [])
