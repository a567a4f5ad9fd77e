"""Surprises racing for one budget on PostgreSQL."""

from decimal import Decimal

from campaigns.ways.models import SurpriseTaken
from campaigns.ways.tests.test_surprise_budgets import NOW, draft, given, pot
from loyalty.jobs.changes import deciding
from loyalty.tests.racing import on_postgresql, race
from members.testing import make_member

pytestmark = on_postgresql


def test_surprises_at_once_never_give_more_than_the_budget(program):
    people = [make_member(program, f"Member{number}") for number in range(6)]
    budget = pot(program, 500, Decimal(40_000))
    drafts = [draft(program, budget, count=3, reason=f"Wave {number}") for number in range(6)]
    race(*(lambda one=one: deciding.submit(one, at=NOW, actor="staff:7") for one in drafts))
    budget.refresh_from_db()
    assert 150 <= given(people) <= 400
    assert (budget.spent_points, budget.spent_money) == (given(people), Decimal(100 * given(people)))
    assert sum(SurpriseTaken.objects.values_list("points", flat=True)) == given(people)
