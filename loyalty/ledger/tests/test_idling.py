"""Points that end by inactivity: activity moves their end, never back, whenever and in whatever order it becomes known."""

import itertools
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.common.clock import last_valid_day
from loyalty.ledger import asof, checking, expiry, holds, idling, policies, posting, triggers
from loyalty.ledger.idling import note
from loyalty.ledger.models import Account, Activity, Entry, ExpiryPolicy, Lot
from loyalty.ledger.policies import Terms
from loyalty.ledger.statements import balance
from loyalty.ledger.trails import Act, fold
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

DAY = timedelta(days=1)


@pytest.fixture
def idle(program):
    """Points last 30 days after the last purchase, redemption or earning."""
    return policies.set_expiry(
        program.wallets.get(), kind="idle_days", count=30, resets="earn,redeem,purchase", at=OPENING, actor="test"
    )


def day(number):
    return OPENING + number * DAY


def bought(member, number, *, known=None, kind="purchase"):
    return note([Act(main_account(member).id, kind, day(number))], recorded_at=day(number if known is None else known))


def last_days(member):
    lots = Lot.objects.filter(account=main_account(member)).order_by("id")
    return [(last_valid_day(lot.expires_at, "Asia/Jakarta") - date(2026, 1, 1)).days for lot in lots]


def spend(member, points, number):
    account = main_account(member).id
    return posting.redeem(account, points, at=day(number), reference=f"r{number}", source="test", actor="test")


def test_points_end_when_nothing_happens(idle, ani, proven_books):
    give_points(ani, 10)
    assert last_days(ani) == [30]
    assert points_of(ani, at=day(30)) == 10
    assert points_of(ani, at=day(31)) == 0


def test_a_purchase_without_points_keeps_them(idle, ani, proven_books):
    give_points(ani, 10)
    assert bought(ani, 20) == 1
    assert last_days(ani) == [50]
    assert Entry.objects.count() == 1  # no entry says so: it follows from the fact


def test_earning_redeeming_and_capturing_keep_the_other_points(idle, ani, proven_books):
    give_points(ani, 10)
    give_points(ani, 5, at=day(10))
    assert last_days(ani) == [40, 40]
    spend(ani, 3, 20)
    assert last_days(ani) == [50, 50]
    held = holds.hold(main_account(ani).id, 2, at=day(25), reference="h", source="test", actor="test")
    assert last_days(ani) == [50, 50]
    holds.capture(held, at=day(25), actor="test")
    assert last_days(ani) == [55, 55]


def test_only_the_chosen_activities_count(idle, ani, proven_books):
    give_points(ani, 10)
    bought(ani, 20, kind="event")
    assert last_days(ani) == [30]


def test_the_first_day_after_the_end_is_too_late(idle, ani, proven_books):
    give_points(ani, 10)
    bought(ani, 31)
    assert last_days(ani) == [30]
    give_points(ani, 4, at=day(40))
    assert last_days(ani) == [30, 70]


def test_the_same_activity_told_twice_is_one(idle, ani, proven_books):
    give_points(ani, 10)
    assert (bought(ani, 20), bought(ani, 20)) == (1, 0)
    assert Activity.objects.count() == 1


def test_activity_in_a_program_without_such_points_writes_nothing(ani, proven_books):
    give_points(ani, 10)
    assert bought(ani, 20) == 0
    assert not Activity.objects.exists()


def test_points_swept_before_a_purchase_became_known_come_back(program, idle, ani, proven_books):
    give_points(ani, 10)
    expiry.run_sweep(program, at=day(31))
    assert points_of(ani, at=day(32)) == 0
    bought(ani, 20, known=32)
    assert last_days(ani) == [50]
    assert points_of(ani, at=day(32)) == 10
    back = Entry.objects.get(kind=Entry.Kind.REINSTATEMENT)
    assert (back.amount, back.effective_at, back.recorded_at) == (10, Entry.objects.get(kind="expiry").effective_at, day(32))  # fmt: skip
    expiry.run_sweep(program, at=day(60))
    assert points_of(ani, at=day(60)) == 0


def test_a_late_purchase_lets_a_later_known_one_count(program, idle, ani, proven_books):
    give_points(ani, 10)
    bought(ani, 45)
    assert last_days(ani) == [30]
    expiry.run_sweep(program, at=day(46))
    bought(ani, 20, known=47)
    assert last_days(ani) == [75]


def test_returned_points_with_days_of_grace_stay_what_they_were_given(program, idle, ani, proven_books):
    give_points(ani, 10)
    used = spend(ani, 4, 1)
    posting.reverse(used, at=day(40), reference="c", source="test", actor="test", grace_days=14)
    assert last_days(ani) == [54]
    bought(ani, 35, known=41)  # in the gap, when the points were gone
    assert last_days(ani) == [54]
    bought(ani, 50)
    assert last_days(ani) == [80]


def test_time_travel_shows_the_end_of_that_time_and_of_that_knowledge(program, idle, ani, proven_books):
    give_points(ani, 10)
    expiry.run_sweep(program, at=day(31))
    bought(ani, 20, known=40)

    def then(number, known=None):
        found = asof.position(main_account(ani).id, at=day(number), known_at=known and day(known))
        ends = [(last_valid_day(lot.expires_at, "Asia/Jakarta") - date(2026, 1, 1)).days for lot in found.lots]
        return ends, found.balance.available

    assert then(19) == ([30], 10)
    assert then(21) == ([50], 10)
    assert then(21, known=21) == ([30], 10)
    assert then(35, known=35) == ([], 0)
    assert then(35) == ([50], 10)
    assert then(51) == ([50], 0)


def test_burn_order_follows_the_ends_that_activity_gives(program, idle, ani, proven_books):
    give_points(ani, 10)
    give_points(ani, 10, expires_at=OPENING + 40 * DAY)
    assert [taken for _, taken in drawn(ani, 12, 5)] == [10, 2]
    bought(ani, 20)
    fixed, moving = Lot.objects.order_by("id")[1], Lot.objects.order_by("id")[0]
    assert drawn(ani, 12, 21) == [(fixed.id, 10), (moving.id, 2)]


def drawn(member, points, number):
    from loyalty.ledger.drawing import draw

    return draw(main_account(member), points, at=day(number))


def test_every_order_of_arrival_ends_the_same(program, idle, proven_books):
    from members.testing import make_member

    facts = [("earn", 0), ("purchase", 25), ("purchase", 50), ("event", 60), ("purchase", 78)]
    results = set()
    for number, order in enumerate(itertools.permutations(facts)):
        if number % 7:
            continue
        member = make_member(program, f"m{number}")
        for step, (kind, at) in enumerate(order):
            known = day(90) + step * DAY
            if kind == "earn":
                give_points(member, 10, at=day(at), recorded_at=known)
            else:
                note([Act(main_account(member).id, kind, day(at))], recorded_at=known)
            if step % 2:
                expiry.run_sweep(program, at=known)
        results.add((tuple(last_days(member)), points_of(member, at=day(100))))
    assert results == {((108,), 10)}


acts = st.lists(st.tuples(st.sampled_from(["earn", "redeem", "purchase", "event"]), st.integers(0, 200)), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts, st.integers(0, 200), st.randoms())
def test_a_later_activity_never_shortens_and_order_does_not_matter(told, another, random):
    policy = ExpiryPolicy(id=1, kind="idle_days", count=30, resets="earn,purchase")
    terms = Terms(policy, "Asia/Jakarta", 0, {1: policy})
    facts = [Act(1, kind, day(number)) for kind, number in told]

    def end(known):
        return fold(terms.expires_at(OPENING), policy, known, (), terms)

    before = end(facts)
    random.shuffle(facts)
    assert end(facts) == before
    assert end([*facts, Act(1, "purchase", day(another))]) >= before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_lot SET expires_at = '2031-01-01 00:00:00+00:00'",
        "UPDATE ledger_activity SET occurred_at = '2026-01-12 03:00:00+00:00'",
        "DELETE FROM ledger_activity",
        "UPDATE ledger_expirypolicy SET count = 31 WHERE kind = 'idle_days'",
        "UPDATE ledger_expirypolicy SET resets = 'event' WHERE kind = 'idle_days'",
        "UPDATE ledger_account SET has_idle_lots = NOT has_idle_lots",
    ],
)
def test_whatever_is_edited_is_named(idle, ani, statement):
    give_points(ani, 10)
    bought(ani, 20)
    assert list(checking.verify()) == []
    with triggers.lifted(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert "lot dates" in {found.law for found in checking.verify()}


def test_the_number_of_statements_does_not_grow_with_members_or_points(program, idle):
    from members.testing import make_member

    def statements(members):
        ids = [main_account(member).id for member in members]
        with CaptureQueriesContext(connection) as caught:
            note([Act(account_id, "purchase", day(5)) for account_id in ids], recorded_at=day(6))
        # SQLite runs one prepared statement for many rows and tells how often.
        return [re.sub(r"^\d+ times: ", "", query["sql"])[:40] for query in caught.captured_queries]

    few = [make_member(program, f"a{n}") for n in range(2)]
    many = [make_member(program, f"b{n}") for n in range(12)]
    for member in few + many:
        for _ in range(3):
            give_points(member, 1)
    assert statements(few) == statements(many)


def test_other_redemptions_ask_nothing_more(ani):
    give_points(ani, 10)
    account = main_account(ani).id
    with CaptureQueriesContext(connection) as caught:
        posting.redeem(account, 1, at=day(1), reference="r", source="test", actor="test")
    assert not [q for q in caught.captured_queries if "activity" in q["sql"] or "expirypolicy" in q["sql"]]


def test_swept_points_repay_what_is_owed_when_they_come_back(program, idle, ani, proven_books):
    from loyalty.ledger import clawback

    earned = give_points(ani, 10)
    spend(ani, 10, 1)
    give_points(ani, 6, at=day(1), reference="second")
    assert balance(main_account(ani).id, at=day(2)).available == 6
    expiry.run_sweep(program, at=day(40))
    clawback.claw_back(earned, 10, at=day(41), reference="back", source="test", actor="test")
    assert balance(main_account(ani).id, at=day(41)).debt == 10
    bought(ani, 25, known=42)
    now = balance(main_account(ani).id, at=day(42))
    assert (now.debt, now.available) == (4, 0)


def test_points_given_back_have_the_end_that_activity_meanwhile_gave_them(program, idle, ani, proven_books):
    give_points(ani, 10)
    used = spend(ani, 10, 1)
    give_points(ani, 5, at=day(10))
    bought(ani, 25)
    posting.reverse(used, at=day(45), reference="c", source="test", actor="test", grace_days=14)
    assert last_days(ani) == [55, 55]
    assert points_of(ani, at=day(55)) == 15


def test_watching_names_only_accounts_of_such_wallets(program, idle, ani):
    assert idling.watching([main_account(ani).id]) == [main_account(ani).id]
    assert Account.objects.get(id=main_account(ani).id).has_idle_lots is False
    give_points(ani, 1)
    assert Account.objects.get(id=main_account(ani).id).has_idle_lots is True


def test_in_a_closed_clock_day_the_month_is_clamped(program, ani, proven_books):
    policies.set_expiry(
        program.wallets.get(),
        kind="idle_months",
        count=1,
        round_to="month",
        resets="purchase",
        at=OPENING,
        actor="test",
    )
    give_points(ani, 10, at=datetime(2026, 1, 31, 10, tzinfo=UTC))
    note([Act(main_account(ani).id, "purchase", datetime(2026, 2, 10, tzinfo=UTC))], recorded_at=datetime(2026, 2, 10, tzinfo=UTC))  # fmt: skip
    assert Lot.objects.get().expires_at == datetime(2026, 3, 31, 17, tzinfo=UTC)
