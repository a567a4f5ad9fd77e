"""Processes on PostgreSQL and threads on SQLite that enter, leave and draw at once: every number once, every limit kept, one result."""

from datetime import timedelta

import pytest

from loyalty.tests.racing import race_anywhere as race
from members.testing import give_points, make_member, points_of
from rewards import redemption
from rewards.draws import drawing, proof
from rewards.draws.testing import CLOSES, OPENS, make_draw, make_ticket
from rewards.models import Draw, DrawEntry, DrawResult, DrawWin, Redemption

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("on_a_file")]
DURING = OPENS + timedelta(days=1)
LAST = CLOSES - timedelta(seconds=1)


def crowd(program, count):
    members = [make_member(program, f"m{number}") for number in range(count)]
    for member in members:
        give_points(member, 100)
    return members


def enter(member, ticket, reference, at=DURING):
    return lambda: redemption.redeem(member, ticket, at=at, reference=reference, source="t", actor="t").pk


def test_a_crowd_after_the_last_seven_numbers_gets_exactly_these(program):
    ticket = make_ticket(make_draw(program, limit_in_all=7))
    members = crowd(program, 30)
    assert race(*(enter(one, ticket, one.number) for one in members)) == {"done": 7, "draw_full": 23}
    assert sorted(DrawEntry.objects.values_list("number", flat=True)) == list(range(1, 8))
    assert sum(points_of(one, at=DURING) for one in members) == 2930
    assert proof.check(Draw.objects.get()) == []


def test_the_limit_of_a_member_holds_in_many_tabs(program, ani):
    give_points(ani, 1000)
    ticket = make_ticket(make_draw(program, limit_per_member=3))
    assert race(*(enter(ani, ticket, f"r{number}") for number in range(10))) == {"done": 3, "entries_reached": 7}
    assert (DrawEntry.objects.count(), points_of(ani, at=DURING)) == (3, 970)


def test_entering_leaving_and_drawing_at_once_ends_in_one_draw_that_proves_itself(program):
    draw = make_draw(program, winners=2)
    ticket = make_ticket(draw)
    members = crowd(program, 9)
    early = [
        redemption.redeem(one, ticket, at=DURING, reference=f"e{one.number}", source="t", actor="t")
        for one in members[:6]
    ]

    def leave(made):
        return lambda: redemption.cancel(made, at=LAST, actor="t", by_member=True).pk

    ended = race(
        *(enter(one, ticket, one.number, at=LAST) for one in members[6:]), *(leave(made) for made in early[:3]),
        *(lambda: drawing.draw_due(program, at=CLOSES) and None for _ in range(3)),
    )  # fmt: skip
    assert sum(ended.values()) == 9
    assert set(ended) <= {"done", "draw_not_open", "draw_closed", "redemption_used"}
    drawing.draw_due(program, at=CLOSES)
    assert (DrawResult.objects.count(), DrawWin.objects.filter(given_at__isnull=False).count()) == (1, 2)
    assert proof.check(Draw.objects.get()) == []
    assert set(Redemption.objects.values_list("status", flat=True)) <= {"used", "cancelled"}
