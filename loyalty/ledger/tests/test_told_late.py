"""Refunds told after points ran out which they would have found: the same state as if told in time (DOMAIN 2.5, 6.2)."""

import itertools
from datetime import timedelta

import pytest

from loyalty.ledger import clawback, closing, corrections, expiry, posting
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.statements import balance
from members.enrolment import main_account
from members.testing import OPENING, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
WORDS = {"source": "t", "actor": "t"}


def day(number):
    return OPENING + timedelta(days=number)


class Facts:
    """What happens to one account, told in any order that the facts themselves allow."""

    def __init__(self, account):
        self.account = account

    def give(self, name, points, on, ends, told):
        posting.accrue(
            self.account,
            points,
            at=day(on),
            reference=name,
            recorded_at=day(max(on, told)),
            expires_at=day(ends),
            **WORDS,
        )

    def burn(self, points, on):
        posting.redeem(self.account, points, at=day(on), reference=f"burn{on}", **WORDS)

    def take_back(self, name, points, on, told):
        origin = Entry.objects.get(account=self.account, reference=name, kind="accrual")
        words = {"reference": f"back:{name}:{on}", "effective_at": day(on), **WORDS}
        return clawback.claw_back(origin, points, at=day(max(on, told)), **words)

    def stands(self, *days):
        found = [balance(self.account, at=day(number)) for number in days]
        return [(one.available, one.debt) for one in found]


@pytest.fixture
def facts(ani):
    return Facts(main_account(ani).id)


SWEPT = pytest.mark.parametrize("is_swept", [False, True], ids=["not swept", "swept"])


@SWEPT
@pytest.mark.parametrize(("on", "told"), [(11, 11), (11, 25), (15, 25), (15, 15)])
def test_points_that_ran_out_pay_the_debt_they_would_have_paid(program, facts, is_swept, on, told):
    """400 spent, then 100 earned that end on day 20; the 400 are returned. Told in time the 100 go, and 300 are owed."""
    facts.give("first", 400, 1, 65, 1)
    facts.burn(400, 10)
    steps = [
        (12, lambda: facts.give("second", 100, 12, 20, 12)),
        (told, lambda: facts.take_back("first", 400, on, told)),
    ]
    steps += [(22, lambda: expiry.run_sweep(program, at=day(22)))] if is_swept else []
    for _at, step in sorted(steps, key=lambda one: one[0]):
        step()
    assert facts.stands(30) == [(0, 300)]
    facts.give("third", 350, 31, 90, 31)
    assert facts.stands(32) == [(50, 0)]


@SWEPT
def test_points_that_ran_out_are_taken_in_place_of_those_that_last(program, facts, is_swept):
    """Told in time it would have taken the 100 that ended on day 20, and 400 of day 90 would all be there."""
    facts.give("first", 100, 1, 65, 1)
    facts.burn(100, 10)
    facts.give("second", 100, 12, 20, 12)
    facts.give("third", 400, 13, 90, 13)
    if is_swept:
        expiry.run_sweep(program, at=day(22))
    facts.take_back("first", 100, 15, 25)
    assert facts.stands(25, 89, 90) == [(400, 0), (400, 0), (0, 0)]
    expiry.run_sweep(program, at=day(26))
    assert facts.stands(30) == [(400, 0)]


@SWEPT
def test_a_redemption_would_have_used_what_ran_out(program, facts, is_swept):
    """The purchase whose points it drew on was returned before it: it would have drawn on those that ended on day 20."""
    facts.give("first", 100, 1, 18, 1)
    facts.give("second", 60, 1, 20, 1)
    facts.burn(100, 10)
    if is_swept:
        expiry.run_sweep(program, at=day(22))
    facts.take_back("first", 100, 5, 25)
    assert facts.stands(26) == [(0, 40)]


def test_what_ran_out_before_the_goods_came_back_stays_gone(program, facts):
    facts.give("first", 100, 1, 65, 1)
    facts.burn(100, 10)
    facts.give("second", 100, 12, 20, 12)
    expiry.run_sweep(program, at=day(22))
    facts.take_back("first", 100, 21, 25)
    assert (facts.stands(26), Entry.objects.filter(kind="reinstatement").exists()) == ([(0, 100)], False)


def test_told_twice_and_in_parts_nothing_is_brought_back_twice(program, facts):
    facts.give("first", 400, 1, 65, 1)
    facts.burn(400, 10)
    facts.give("second", 100, 12, 20, 12)
    expiry.run_sweep(program, at=day(22))
    facts.take_back("first", 60, 15, 25)
    assert facts.stands(26) == [(0, 0)]
    facts.take_back("first", 60, 15, 25)
    facts.take_back("first", 340, 16, 27)
    assert facts.stands(28) == [(0, 300)]
    assert sum(Entry.objects.filter(kind="reinstatement").values_list("amount", flat=True)) == 100


def test_in_a_signed_month_it_lies_in_the_open_one(program, facts):
    facts.give("first", 400, 1, 65, 1)
    facts.burn(400, 10)
    facts.give("second", 100, 12, 50, 12)
    expiry.run_sweep(program, at=day(51))
    wallet = program.wallets.get()
    closing.close_month(wallet, day(0).date(), at=day(52), actor="staff:1")
    facts.take_back("first", 400, 15, 53)
    assert facts.stands(54) == [(0, 300)]


def test_every_order_of_arrival_and_of_sweeps_ends_the_same(program):
    """Three refunds, each told at once or late, sweeps between or none: one end."""
    ends = set()
    for number, (first, second, swept) in enumerate(
        itertools.product((16, 23, 41), (17, 24, 42), ((), (22,), (22, 40)))
    ):
        facts = Facts(main_account(make_member(program, f"m{number}")).id)
        told = [
            (1, lambda f: f.give("a", 300, 1, 65, 1)), (2, lambda f: f.give("b", 200, 2, 30, 2)), (10, lambda f: f.burn(450, 10)),
            (12, lambda f: f.give("c", 100, 12, 20, 12)), (13, lambda f: f.give("d", 80, 13, 90, 13)),
            (first, lambda f, t=first: f.take_back("a", 300, 15, t)), (second, lambda f, t=second: f.take_back("b", 150, 16, t)),
            *((at, lambda f, at=at: expiry.run_sweep(program, at=day(at))) for at in swept),
        ]  # fmt: skip
        for _at, fact in sorted(told, key=lambda one: one[0]):
            fact(facts)
        expiry.run_sweep(program, at=day(60))
        ends.add(
            (
                tuple(facts.stands(61, 91)),
                tuple(Lot.objects.filter(account=facts.account).order_by("id").values_list("remaining", flat=True)),
            )
        )
    assert len(ends) == 1


def test_what_a_late_refund_has_used_is_not_given_back_again_and_the_rest_is(program, facts):
    """Of 100 that ran out 60 paid what a refund told late owed: by hand only 40 come back, once."""
    facts.give("first", 60, 1, 65, 1)
    facts.burn(60, 10)
    facts.give("second", 100, 12, 20, 12)
    expiry.run_sweep(program, at=day(22))
    facts.take_back("first", 60, 15, 25)
    gone = Entry.objects.get(kind="expiry")
    words = {"at": day(26), "until": day(90), "actor": "t", "reason": "kindness"}
    back = corrections.reinstate(gone, reference="r", **words)
    assert (back.amount, facts.stands(27)) == (40, [(40, 0)])
    assert corrections.reinstate(gone, reference="r2", **words) == back


def test_where_a_late_refund_has_used_everything_nothing_is_left_to_give_back(program, facts):
    facts.give("first", 100, 1, 65, 1)
    facts.burn(100, 10)
    facts.give("second", 100, 12, 20, 12)
    expiry.run_sweep(program, at=day(22))
    facts.take_back("first", 100, 15, 25)
    with pytest.raises(corrections.NotExpired, match="told late has used all"):
        corrections.reinstate(
            Entry.objects.get(kind="expiry"), at=day(26), until=day(90), reference="r", actor="t", reason="kindness"
        )
