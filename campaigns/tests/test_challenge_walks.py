"""The arithmetic of progress, in tables of cases; no database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from campaigns.challenges.definitions import problems, terms_of
from campaigns.challenges.walking import Step, walk

MONDAY = date(2026, 3, 2)


def terms(kind: str = "card", goal: str = "3", **more):
    definition = {"goal": goal, "prize": {"points": "1"}, "repeats": True} | more
    assert problems(kind, definition) == {}
    return terms_of(1, kind, 1, definition, {})


def steps(told, version):
    """Steps on days counted from a Monday; (day, amount) or day."""
    made = []
    for number, one in enumerate(told):
        day, amount = one if isinstance(one, tuple) else (one, 1)
        when = MONDAY + timedelta(days=day)
        at = datetime.combine(when, datetime.min.time(), tzinfo=UTC) + timedelta(minutes=number)
        made.append(Step(at, when, f"r{number}", Decimal(amount), version))
    return made


CARDS = [
    ("two of three", {}, [0, 1], 1, [], 2),
    ("three of three", {}, [0, 1, 2], 2, ["#1"], 0),
    ("seven", {}, [0] * 7, 0, ["#1", "#2"], 1),
    ("once only", {"repeats": False}, [0] * 7, 0, ["#1"], 3),
    ("an amount over the goal is carried on", {"measure": "amount", "goal": "100"}, [(0, 70), (1, 80)], 1, ["#1"], 50),
    ("one purchase fills two cards", {"measure": "pieces"}, [(0, 7)], 0, ["#1", "#2"], 1),
    ("a day counts once", {"measure": "days"}, [0, 0, 0, 1], 1, [], 2),
    ("a week begins with nothing", {"per": "week"}, [5, 6, 7, 8], 8, [], 2),
    ("in a week", {"per": "week"}, [4, 5, 6, 7], 7, ["2026-03-02#1"], 1),
    ("last week is over today", {"per": "week"}, [5, 6], 7, [], 0),
    ("months", {"per": "month", "repeats": False}, [0, 1, 2, 3, 30, 31, 32], 32, ["2026-03-01#1", "2026-04-01#1"], 3),
    ("within ten days", {"per": "rolling", "days": 10}, [0, 5, 10, 14], 14, ["#1"], 0),
    ("not within ten days", {"per": "rolling", "days": 10}, [0, 10, 20], 20, [], 1),
    ("the window moves on", {"per": "rolling", "days": 10}, [0, 1], 12, [], 0),
]


@pytest.mark.parametrize(("name", "more", "told", "today", "keys", "count"), CARDS, ids=[row[0] for row in CARDS])
def test_cards(name, more, told, today, keys, count):
    version = terms(**({"goal": "3"} | more))
    here = walk(steps(told, version), today=MONDAY + timedelta(days=today), latest=version)
    assert ([one.key for one in here.achieved], here.count) == (keys, count)
    back = walk(reversed(steps(told, version)), today=MONDAY + timedelta(days=today), latest=version)
    assert back == here


STREAKS = [
    ("three weeks", {}, [0, 8, 20], 20, 1, 0),
    ("sunday and monday are two weeks", {"goal": "4"}, [6, 7], 7, 0, 2),
    ("a week left out begins anew", {"goal": "4"}, [0, 7, 21], 21, 0, 1),
    ("a freeze holds one week", {"goal": "4", "freeze": True}, [0, 7, 21], 21, 0, 3),
    ("but not two", {"goal": "9", "freeze": True}, [0, 14, 28], 28, 0, 1),
    ("nothing yet this week", {"goal": "4"}, [0, 7], 15, 0, 2),
    ("nothing last week", {"goal": "4"}, [0, 7], 22, 0, 0),
    ("nothing last week, frozen", {"goal": "4", "freeze": True}, [0, 7], 22, 0, 2),
    ("twice a week is needed", {"goal": "2", "each": "2"}, [0, 1, 7], 7, 0, 1),
    ("again and again", {"goal": "2"}, [0, 7, 14, 21], 21, 2, 0),
    ("days", {"per": "day"}, [0, 1, 2], 2, 1, 0),
    ("months", {"per": "month", "goal": "2"}, [0, 30], 30, 1, 0),
    ("only once", {"goal": "2", "repeats": False}, [0, 7, 14, 21], 21, 1, 2),
]


@pytest.mark.parametrize(("name", "more", "told", "today", "done", "count"), STREAKS, ids=[row[0] for row in STREAKS])
def test_streaks(name, more, told, today, done, count):
    version = terms("streak", **more)
    here = walk(steps(told, version), today=MONDAY + timedelta(days=today), latest=version)
    assert (len(here.achieved), here.count) == (done, count)


def test_weeks_are_those_of_the_program_clock_when_the_clocks_change():
    """Berlin, 29 March 2026: the Sunday of 23 hours ends the week, and the next hour is Monday."""
    version = terms("streak", goal="2")
    berlin = ZoneInfo("Europe/Berlin")
    moments = [datetime(2026, 3, 29, 21, 59, tzinfo=UTC), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)]
    made = [Step(at, at.astimezone(berlin).date(), str(at), Decimal(1), version) for at in moments]
    assert len(walk(made, today=date(2026, 3, 30), latest=version).achieved) == 1


@pytest.mark.parametrize(
    ("kind", "definition", "field"),
    [
        ("card", {"goal": "0", "prize": {"points": "1"}}, "goal"),
        ("card", {"goal": 3, "prize": {"points": "1"}}, "goal"),
        ("card", {"goal": "3", "prize": {}}, "prize"),
        ("card", {"goal": "3", "prize": {"points": "0"}}, "prize"),
        ("card", {"goal": "3", "prize": {"points": "1.5"}}, "prize.points"),
        ("card", {"goal": "3", "prize": {"points": "1"}, "per": "rolling"}, "days"),
        ("streak", {"goal": "3", "prize": {"points": "1"}, "per": "year"}, "per"),
        ("streak", {"goal": "2.5", "prize": {"points": "1"}}, "goal"),
        ("card", {"goal": "3", "prize": {"points": "1"}, "colour": "red"}, "colour"),
        ("card", {"goal": "3", "prize": {"points": "1"}, "conditions": {"nth": 3}}, "conditions.nth"),
        ("card", {"goal": "3", "prize": {"points": "1"}, "conditions": {"activity": "review"}, "measure": "amount"}, "measure"),
        ("card", {"goal": "NaN", "prize": {"points": "1"}}, "goal"),
    ],
)  # fmt: skip
def test_what_is_not_sound_is_refused_at_its_field(kind, definition, field):
    assert field in problems(kind, definition)
