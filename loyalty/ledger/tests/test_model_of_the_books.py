"""Random lives of accounts against a model simple enough to be right by looking at it."""

import pytest
from hypothesis import HealthCheck, example, given, settings

from loyalty.ledger.tests.lives import live, steps

LONG = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
REDEEMED_AGAIN = [("burn", 0, 20, 0), ("wait", 0, 6, 0), ("undo", 0, 1, 3)]
OWING = [("earn", 0, 10, 3), ("burn", 0, 10, 0), ("refund", 0, 0, 5)]
# By hand, each with what a slip would make of it: what else ran out is back, more is owed than may be, the first drawn returns first, a
# debt outlives the points that repaid it in time, an extension shortens, more is forgiven than owed, no activity keeps points alive, what comes back
# has missed one, an activity shortens, a refund reaches beyond pending points.
BY_HAND = [
    [("earn", 0, 20, 1), ("burn", 0, 5, 0), ("wait", 0, 2, 0), ("sweep", 0, 0, 0), ("undo", 0, 0, 0), ("reinstate", 0, 0, 9)],
    [("owe", 0, 2, 7), *OWING, ("refund", 0, 0, 5)],
    [("earn", 0, 10, 2), ("earn", 0, 10, 9), ("burn", 0, 15, 0), ("undo_part", 0, 0, 4), ("wait", 0, 3, 0)],
    [*OWING, ("announce", 0, 5, 1), ("wait", 0, 6, 0), ("sweep", 0, 0, 0)],
    [("earn", 0, 5, 6), ("extend", 0, 8, 2), ("wait", 0, 4, 0)],
    [*OWING, ("write_off", 0, 9, 0), ("write_off", 0, 3, 0)],
    [("linger", 0, 9, 0), ("wait", 0, 2, 0), ("visit", 0, 0, 0), ("wait", 0, 3, 0), ("burn", 0, 4, 0), ("wait", 0, 4, 0), ("sweep", 0, 0, 0)],
    [("linger", 0, 9, 0), ("burn", 0, 9, 0), ("wait", 0, 2, 0), ("visit", 0, 0, 0), ("wait", 0, 3, 0), ("undo", 0, 0, 0), ("visit", 0, 0, 0)],
    [("linger", 0, 9, 0), ("extend", 0, 8, 9), ("visit", 0, 0, 0), ("wait", 0, 5, 0), ("hold", 0, 5, 0), ("capture", 0, 0, 3), ("pass_on", 0, 4, 1)],
    [("owe", 0, 0, 0), ("earn", 0, 9, 5), ("announce", 0, 9, 2), ("refund", 0, 0, 4), ("refund", 0, 1, 4)],
]  # fmt: skip
TWO_GRACES = [("burn", 0, 5, 0), ("wait", 0, 4, 0), ("undo", 0, 1, 3), ("undo", 0, 2, 3), ("wait", 0, 5, 0)]


@pytest.mark.django_db
@settings(max_examples=25, **LONG)
@given(told=steps)
# Goods came back when the points had lapsed, then the event turned out to have come in time.
@example(told=[("expect", 0, 10, 2), ("wait", 0, 3, 0), ("refund", 0, 0, 4), ("confirm", 0, 0, 3)])
@example(told=[("expect", 0, 10, 2), ("wait", 0, 3, 0), ("sweep", 0, 0, 0), ("refund", 0, 0, 4), ("confirm", 0, 0, 3)])
# A redemption is reversed with days of grace: what was left on its lot stays gone.
@example(told=[("earn", 0, 20, 2), ("burn", 0, 5, 0), ("wait", 0, 3, 0), ("undo", 0, 0, 2), ("sweep", 0, 0, 0)])
# What was redeemed in the days of grace gets none again; what was redeemed before them gets its own.
@example(told=[("earn", 0, 20, 2), ("burn", 0, 20, 0), ("wait", 0, 3, 0), ("undo", 0, 0, 3), *REDEEMED_AGAIN])
@example(
    told=[("earn", 0, 20, 2), ("burn", 0, 9, 0), ("burn", 0, 8, 0), ("wait", 0, 3, 0), ("undo", 0, 0, 2), *TWO_GRACES]
)
# A bulk change is undone after a part of it was spent, and after all of it ran out.
@example(told=[("adjust_both", 0, 20, 9), ("burn", 0, 15, 0), ("undo_both", 0, 0, 0)])
@example(told=[("earn", 1, 10, 3), ("adjust_both", 0, 5, -7), ("wait", 0, 6, 0), ("undo_both", 0, 0, 0)])
@example(told=[("adjust_both", 0, 20, 9), ("burn", 0, 15, 0), ("earn", 0, 8, 3), ("undo_both", 0, 0, 0)])
@example(
    told=[("earn", 1, 5, 3), ("earn", 1, 6, 5), ("adjust_both", 0, 3, -9), ("wait", 0, 4, 0), ("undo_both", 0, 0, 0)]
)
# Points pass from member to member and into another wallet, and keep their ends; a hold is used in part.
@example(told=[("earn", 0, 9, 2), ("earn", 0, 8, 5), ("pass_on", 0, 13, 2), ("wait", 0, 3, 0), ("pass_on", 2, 2, 1)])
@example(told=[("earn", 0, 9, 2), ("hold", 0, 8, 0), ("refund", 0, 0, 6), ("capture", 0, 0, 3)])
def test_any_life_of_an_account_equals_the_model(told):
    live(told)


@pytest.mark.django_db
@pytest.mark.parametrize("told", BY_HAND)
def test_a_life_by_hand_equals_the_model(told):
    live(told)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.django_db
@settings(max_examples=200, **LONG)
@given(told=steps)
def test_hundreds_of_lives_equal_the_model(told):
    live(told)
