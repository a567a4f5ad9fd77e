"""Points that end by inactivity, to the instant, and in every order of activity, sweeps, late activity and redemption."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from loyalty.common.clock import last_valid_day
from loyalty.ledger import expiry, idling, policies, posting
from loyalty.ledger.models import Account, Activity, Entry, ExpiryPolicy, Lot
from loyalty.ledger.policies import Terms
from loyalty.ledger.trails import Act, Move, Trail, end_after, end_of, fold, longest, moves_of
from members.enrolment import main_account
from members.testing import OPENING, give_points, make_member, points_of

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
POLICY = ExpiryPolicy(id=1, kind="idle_days", count=30, resets="purchase")
TERMS = Terms(POLICY, "Asia/Jakarta", 0, {1: POLICY})
END = datetime(2026, 1, 31, 17, tzinfo=UTC)  # of points earned on 1 January: midnight after 31 January in Jakarta


def day(number):
    return OPENING + number * DAY


@pytest.fixture
def idle(program):
    return policies.set_expiry(
        program.wallets.get(), kind="idle_days", count=30, resets="purchase,redeem", at=OPENING, actor="test"
    )


# --- To the instant ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("at", "moves"), [(END - INSTANT, True), (END, False), (END + INSTANT, False)])
def test_an_activity_counts_before_the_end_and_not_at_it(at, moves):
    assert TERMS.expires_at(OPENING) == END
    assert (fold(END, POLICY, [Act(1, "purchase", at)], (), TERMS) > END) is moves


def test_the_last_day_is_counted_from_the_day_of_the_activity_in_the_program_clock():
    midnight = datetime(2026, 1, 10, 17, tzinfo=UTC)  # 11 January, 00:00 in Jakarta
    assert end_after(POLICY, midnight - INSTANT, TERMS.zone) == datetime(2026, 2, 9, 17, tzinfo=UTC)
    assert end_after(POLICY, midnight, TERMS.zone) == datetime(2026, 2, 10, 17, tzinfo=UTC)


def test_six_months_are_six_months():
    months = ExpiryPolicy(id=1, kind="idle_months", count=6, resets="purchase")
    assert end_after(months, OPENING, TERMS.zone) == datetime(2026, 7, 1, 17, tzinfo=UTC)


def test_for_ever_is_longest_and_of_two_days_the_later_one():
    assert (longest(None, END), longest(END, None), longest(END, END + DAY), longest(END + DAY, END)) == (
        None, None, END + DAY, END + DAY,
    )  # fmt: skip


def test_an_activity_never_shortens_what_an_extension_gave():
    far = END + 200 * DAY
    given = Move(1, day(5), day(5), END, far)
    assert fold(END, POLICY, [Act(1, "purchase", day(20))], [given], TERMS) == far


def test_what_is_set_counts_though_it_is_shorter_and_activities_before_it_are_over():
    taken_back = Move(1, day(25), day(25), END + 50 * DAY, END - 3 * DAY, is_set=True)
    assert fold(END, POLICY, [Act(1, "purchase", day(20))], [taken_back], TERMS) == END - 3 * DAY


def test_moves_and_activities_count_in_order_of_time_and_not_of_kind():
    graced = Move(1, day(35), day(35), END, day(60))
    act = Act(1, "purchase", day(40))  # the days of grace made it live then
    assert fold(END, POLICY, [act], [graced], TERMS) == end_after(POLICY, day(40), TERMS.zone)


def test_an_extension_that_was_taken_back_is_set():
    told = {"extension": {"lots": {"7": {"from": day(60).isoformat(), "until": day(40).isoformat()}}}}
    (move,) = moves_of(told, day(3), day(3))
    assert (move.lot_id, move.is_set, move.has_policy) == (7, True, False)
    (longer,) = moves_of({"extension": {"lots": {"7": {"from": day(40).isoformat(), "until": None}}}}, day(3), day(3))
    assert longer.is_set is False


def test_a_lot_that_was_re_dated_begins_with_the_policy_it_had_before():
    years = ExpiryPolicy(id=2, kind="years", count=1)
    terms = Terms(POLICY, "Asia/Jakarta", 0, {1: POLICY, 2: years})
    to_idle = Move(1, day(10), day(10), None, END, 1, 2, is_set=True, has_policy=True)
    assert end_of(OPENING, 1, Trail([], {}), [to_idle], terms, seen=lambda move: True) == END
    from_idle = Move(1, day(10), day(10), END, day(300), 2, 1, is_set=True, has_policy=True)
    trail = Trail([Act(1, "purchase", day(5)), Act(1, "purchase", day(20))], {})
    assert end_of(OPENING, 2, trail, [from_idle], terms) == day(300)
    assert end_of(OPENING, 2, trail, [from_idle], terms, seen=lambda move: False) == end_after(
        POLICY, day(20), terms.zone
    )


def test_an_activity_known_at_the_very_instant_it_happens_counts_and_one_to_come_does_not(idle, ani, proven_books):
    give_points(ani, 10)
    account = main_account(ani).id
    idling.note([Act(account, "purchase", day(20))], recorded_at=day(20))
    idling.note([Act(account, "purchase", day(28))], recorded_at=day(21))
    assert last_days(ani) == [50]
    idling.note([Act(account, "purchase", day(22))], recorded_at=day(23))
    assert last_days(ani) == [52]


def test_a_credit_told_ahead_of_its_day_keeps_nothing_alive_also_when_all_is_reckoned_again(program, ani, proven_books):
    policies.set_expiry(
        program.wallets.get(), kind="idle_days", count=30, resets="earn,purchase", at=OPENING, actor="test"
    )
    give_points(ani, 10)
    give_points(ani, 10, at=day(20), recorded_at=day(5))
    assert last_days(ani)[0] == 30
    idling.note([Act(main_account(ani).id, "purchase", day(3))], recorded_at=day(6))
    assert last_days(ani)[0] == 33


def test_an_activity_at_the_instant_the_points_begin_counts_though_told_late(idle, ani, proven_books):
    give_points(ani, 10)
    idling.note([Act(main_account(ani).id, "purchase", OPENING)], recorded_at=day(9))
    assert Activity.objects.count() == 1
    assert last_days(ani) == [30]
    give_points(ani, 10, at=day(9))
    idling.note([Act(main_account(ani).id, "purchase", day(9))], recorded_at=day(12))
    idling.note([Act(main_account(ani).id, "purchase", day(9))], recorded_at=day(13))
    assert (last_days(ani), Activity.objects.count()) == ([39, 39], 2)


# --- In every order ---------------------------------------------------------------------------------------------------
def last_days(member):
    lots = Lot.objects.filter(account=main_account(member)).order_by("id")
    return [(last_valid_day(lot.expires_at, "Asia/Jakarta") - OPENING.date()).days for lot in lots]


@pytest.mark.parametrize("sweeps", [(), (40,), (85,), (40, 85)])
def test_activity_sweeps_late_activity_and_redemption_end_the_same_in_every_order(program, idle, sweeps, proven_books):
    """Three purchases, each known at once, later, or only after a sweep took the points; a redemption between them."""
    known = list(itertools.product((25, 41, 51), (48, 53, 86), (80, 84, 90)))
    members = [make_member(program, f"m{number}") for number in range(len(known))]
    for member in members:
        give_points(member, 10)
    told = sorted({day for days in known for day in days} | {52, *sweeps})
    for number in told:
        if number in sweeps:
            expiry.run_sweep(program, at=day(number))
        acts = [
            Act(main_account(member).id, "purchase", day(at))
            for member, days in zip(members, known, strict=True)
            for at, seen in zip((25, 48, 80), days, strict=True)
            if seen == number
        ]
        idling.note(acts, recorded_at=day(number))
        for member in members if number == 52 else ():
            account = main_account(member).id
            posting.redeem(account, 4, at=day(52), reference="r", source="test", actor="test")
    found = {(*last_days(member), points_of(member, at=day(100)), points_of(member, at=day(111))) for member in members}
    assert found == {(110, 6, 0)}
    assert Entry.objects.filter(kind="reinstatement").exists() is bool(sweeps)
    expiry.run_sweep(program, at=day(111))
    expiry.run_sweep(program, at=day(112))
    assert set(Account.objects.values_list("available", flat=True)) == {0}
