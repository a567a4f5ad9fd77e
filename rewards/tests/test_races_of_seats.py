"""Processes on PostgreSQL and threads on SQLite after the last seats of a date: exactly the seats there are, none left over."""

from datetime import timedelta

import pytest

from loyalty.tests.racing import race_anywhere as race
from members.testing import OPENING, give_points, make_member, points_of
from rewards import redemption, sessions
from rewards.models import EventSession, Redemption, Reward, Seat
from rewards.testing import make_reward, make_session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("on_a_file")]
LATER = OPENING + timedelta(days=3)
EVENING = OPENING + timedelta(days=10)


def book(member, session, reference):
    return lambda: (
        redemption.redeem(
            member, session.reward, at=LATER, reference=reference, source="t", actor="t", chosen={"session": session.pk}
        ).pk
    )


@pytest.fixture
def tasting(program):
    return make_reward(program, "tasting", kind="experience", cost=100)


def test_fifty_after_the_last_seven_seats_of_two_dates_get_exactly_seven(program, tasting):
    dates = [make_session(tasting, EVENING, seats=3), make_session(tasting, EVENING + timedelta(days=1), seats=4)]
    members = [make_member(program, f"m{number}") for number in range(50)]
    for member in members:
        give_points(member, 100)
    ended = race(*(book(member, dates[number % 2], member.number) for number, member in enumerate(members)))
    assert ended == {"done": 7, "session_full": 43}
    assert [EventSession.objects.get(pk=one.pk).taken for one in dates] == [3, 4]
    assert (Seat.objects.count(), Redemption.objects.count(), Reward.objects.get().taken) == (7, 7, 7)
    assert sum(points_of(member, at=LATER) for member in members) == 4300


def test_seats_given_up_while_others_book_are_neither_lost_nor_sold_twice(program, tasting):
    session = make_session(tasting, EVENING, seats=5)
    holders, others = ([make_member(program, f"{kind}{number}") for number in range(10)] for kind in ("h", "o"))
    for member in (*holders, *others):
        give_points(member, 100)
    held = [Redemption.objects.get(pk=book(one, session, one.number)()) for one in holders[:5]]
    gone = [
        lambda one=one: redemption.cancel(one, at=LATER, actor="t", by_member=True).pk
        for one in held
        for _twice in range(2)
    ]
    race(*gone, *(book(one, session, one.number) for one in others))
    live = Redemption.objects.filter(status="issued").count()
    session.refresh_from_db()
    assert session.taken == live == Seat.objects.filter(freed_at__isnull=True).count() == Reward.objects.get().taken
    assert live <= 5
    late = [book(one, session, f"late{one.number}") for one in holders]
    assert race(*late).get("done", 0) == 5 - live


def test_a_date_closed_while_thirty_book_has_the_seats_it_counts(program, tasting):
    session = make_session(tasting, EVENING, seats=30)
    members = [make_member(program, f"m{number}") for number in range(20)]
    for member in members:
        give_points(member, 100)
    ended = race(
        *(book(one, session, one.number) for one in members), lambda: sessions.close(session, at=LATER, actor="t").pk
    )
    session.refresh_from_db()
    assert set(ended) <= {"done", "session_full", "session_closed"}
    assert session.taken == ended["done"] - 1 == Redemption.objects.count()
