"""The sweep records what time has done: once, all that is left, in any order of runs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from loyalty.ledger import closing, expiry, policies, posting
from loyalty.ledger.models import Entry, ExpiryPolicy, Lot
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

pytestmark = pytest.mark.usefixtures("proven_books")
ENDS = OPENING + timedelta(days=60)
AFTER = ENDS + timedelta(days=3)


def test_a_sweep_expires_what_is_due_and_leaves_the_rest(program, ani, budi):
    give_points(ani, 100, expires_at=ENDS)
    give_points(ani, 50, expires_at=AFTER + timedelta(days=1))
    give_points(budi, 30, expires_at=ENDS)
    preview = expiry.run_sweep(program, at=AFTER, dry_run=True)
    assert Entry.objects.filter(kind="expiry").count() == 0
    tally = expiry.run_sweep(program, at=AFTER)
    assert (tally.found, tally.done) == (2, 2)
    assert tally.report == preview.report == {"lots": 2, "accounts": 2, "points": 130}
    entry = Entry.objects.get(account=main_account(ani), kind="expiry")
    assert (entry.amount, entry.effective_at, entry.recorded_at) == (-100, ENDS, AFTER)
    assert main_account(ani).available == points_of(ani, at=AFTER) == 50


def test_a_sweep_with_a_clock_in_a_signed_month_is_refused_and_moves_nothing(program, ani):
    give_points(ani, 100, expires_at=ENDS)
    closing.close_month(program.wallets.get(), OPENING.date(), at=AFTER, actor="test")
    closing.close_month(program.wallets.get(), date(2026, 2, 1), at=AFTER, actor="test")
    before = list(Lot.objects.values_list("remaining", "expired"))
    with pytest.raises(closing.MonthClosed):
        expiry.run_sweep(program, at=ENDS, recorded_at=ENDS - timedelta(days=5))
    assert (list(Lot.objects.values_list("remaining", "expired")), Entry.objects.count()) == (before, 1)
    assert expiry.run_sweep(program, at=ENDS, recorded_at=AFTER).done == 1


def test_a_repeated_late_or_early_sweep_changes_nothing(program, ani):
    give_points(ani, 100, expires_at=ENDS)
    assert expiry.run_sweep(program, at=ENDS - timedelta(microseconds=1)).done == 0
    assert expiry.run_sweep(program, at=ENDS).done == 1
    assert expiry.run_sweep(program, at=AFTER).done == 0
    assert Entry.objects.filter(kind="expiry").count() == 1


def test_a_partly_spent_lot_expires_with_what_is_left_of_it(program, ani):
    give_points(ani, 100, expires_at=ENDS)
    posting.redeem(main_account(ani).id, 30, at=OPENING, reference="r", source="test", actor="test")
    expiry.run_sweep(program, at=AFTER)
    lot = Lot.objects.get()
    assert (lot.remaining, lot.redeemed, lot.expired) == (0, 30, 70)


def test_another_programs_points_are_left_alone(program, ani):
    from members.testing import make_member, make_program

    other = make_program("teh")
    give_points(make_member(other, "Tono"), 10, expires_at=ENDS)
    assert expiry.run_sweep(program, at=AFTER).done == 0


def test_chunks_take_every_lot_once_and_can_be_stopped(program, ani, budi):
    for member in (ani, budi):
        account = main_account(member).id
        posting.accrue_many(
            [posting.Accrual(account, 1, OPENING, f"r{n}", "t", "t", expires_at=ENDS) for n in range(10)],
            recorded_at=OPENING,
        )
    done, points, after = expiry.expire_chunk(program, at=AFTER, recorded_at=AFTER, size=7)
    assert (done, points) == (7, 7) and after is not None
    assert expiry.run_sweep(program, at=AFTER).done == 13
    assert Entry.objects.filter(kind="expiry").count() == 20


def test_the_number_of_statements_does_not_depend_on_the_lots(program, ani, django_assert_max_num_queries):
    account = main_account(ani).id
    posting.accrue_many(
        [posting.Accrual(account, 1, OPENING, f"r{n}", "t", "t", expires_at=ENDS) for n in range(300)],
        recorded_at=OPENING,
    )
    with django_assert_max_num_queries(16):
        assert expiry.run_sweep(program, at=AFTER).done == 300


@pytest.mark.parametrize(
    ("kind", "count", "round_to", "first", "last"),
    [
        ("days", 30, "", date(2026, 1, 31), date(2026, 3, 2)),
        ("months", 1, "", date(2026, 1, 31), date(2026, 2, 28)),
        ("months", 1, "", date(2028, 1, 31), date(2028, 2, 29)),
        ("months", 12, "month", date(2026, 1, 5), date(2027, 1, 31)),
        ("months", 3, "quarter", date(2026, 2, 10), date(2026, 6, 30)),
        ("years", 1, "year", date(2028, 2, 29), date(2029, 12, 31)),
        ("years", 1, "", date(2028, 2, 29), date(2029, 2, 28)),
        ("never", 0, "", date(2026, 1, 1), None),
    ],
)
def test_the_last_valid_day_of_each_policy(kind, count, round_to, first, last):
    assert policies.last_day(ExpiryPolicy(kind=kind, count=count, round_to=round_to), first) == last


def test_expiry_is_midnight_in_the_program_clock_also_where_the_clock_changes():
    terms = policies.Terms(ExpiryPolicy(kind="days", count=1), "America/New_York", 0)
    # 7 March 2026 is the day before New York's clocks go forward.
    assert terms.expires_at(datetime(2026, 3, 7, 20, tzinfo=UTC)) == datetime(2026, 3, 9, 4, tzinfo=UTC)


def test_a_new_policy_version_touches_new_lots_only(program, ani):
    give_points(ani, 10)
    old = Lot.objects.get().expires_at
    policies.set_expiry(program.wallets.get(), kind="days", count=5, at=OPENING, actor="test")
    give_points(ani, 10)
    assert Lot.objects.order_by("id").first().expires_at == old
    assert Lot.objects.order_by("id").last().expires_at == datetime(2026, 1, 6, 17, tzinfo=UTC)
    assert Lot.objects.order_by("id").last().expiry_policy.version == 2
