"""Threads on PostgreSQL racing for the same points: exactly what fits succeeds, and the books prove afterwards."""

from datetime import timedelta

from loyalty.ledger import expiry, posting
from loyalty.ledger.models import Entry
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import main_account
from members.testing import OPENING, give_points

pytestmark = on_postgresql
LATER = OPENING + timedelta(days=10)


def burn(account, points, reference, at=LATER):
    return lambda: posting.redeem(account, points, at=at, reference=reference, source="t", actor="t")


def test_fifty_burns_of_ten_on_a_hundred_points_give_exactly_ten(ani):
    give_points(ani, 60)
    give_points(ani, 40)
    account = main_account(ani).id
    results, refusals = race(*(burn(account, 10, f"r{n}") for n in range(50)))
    assert (len(results), len(refusals)) == (10, 40)
    assert main_account(ani).available == 0


def test_the_same_reference_from_twenty_threads_burns_once(ani):
    give_points(ani, 100)
    account = main_account(ani).id
    results, refusals = race(*(burn(account, 60, "same") for _ in range(20)))
    assert (len({entry.id for entry in results}), len(refusals)) == (1, 0)
    assert main_account(ani).available == 40


def test_one_receipt_credited_by_twenty_threads_counts_once(ani):
    account = main_account(ani).id
    results, _ = race(
        *(
            lambda: posting.accrue(account, 5, at=LATER, reference="purchase:x:1", source="t", actor="t")
            for _ in range(20)
        )
    )
    assert len({entry.id for entry in results}) == 1
    assert main_account(ani).available == 5


def test_a_redemption_is_reversed_once_by_twenty_threads(ani):
    give_points(ani, 100)
    entry = burn(main_account(ani).id, 100, "r")()
    race(*(lambda n=n: posting.reverse(entry, at=LATER, reference=f"b{n}", source="t", actor="t") for n in range(20)))
    assert Entry.objects.filter(kind="reversal").count() == 1
    assert main_account(ani).available == 100


def test_sweeps_and_burns_at_once_never_take_a_point_twice(program, ani, budi):
    ends = LATER + timedelta(seconds=1)
    for member in (ani, budi):
        account = main_account(member).id
        posting.accrue_many(
            [posting.Accrual(account, 10, OPENING, f"r{n}", "t", "t", expires_at=ends) for n in range(50)],
            recorded_at=OPENING,
        )
    burns = [burn(main_account(member).id, 25, f"b{n}") for n in range(10) for member in (ani, budi)]
    sweeps = [lambda: expiry.run_sweep(program, at=ends) for _ in range(4)]
    race(*burns, *sweeps)
    for member in (ani, budi):
        account = main_account(member)
        moved = sum(Entry.objects.filter(account=account).exclude(kind="accrual").values_list("amount", flat=True))
        assert (account.available, moved) == (0, -500)
