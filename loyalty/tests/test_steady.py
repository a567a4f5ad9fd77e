"""Tests give the same answer on every run: none reads the day outside, waits for a time, or gives up on a slow machine."""

import ast
from datetime import UTC, datetime, timedelta

import hypothesis
from django.utils import timezone

from loyalty.tests import reading, steady
from loyalty.tests.ports import FIRST, LAST, free_port

SHORTEST_WAIT = 30
TODAYS = {("date", "today"), ("datetime", "today"), ("datetime", "now"), ("datetime", "utcnow")}
KILLS_AT_ANY_TIME = "loyalty/tests/test_kills.py"  # what must hold whenever the kill comes


def calls():
    """Each call in a module of tests: where it stands, its name in parts, the call."""
    for path in reading.project_files():
        if path.suffix == ".py" and "tests" in path.parts:
            for call in reading.calls(path):
                yield f"{reading.shown(path)}:{call.lineno}", tuple(ast.unparse(call.func).split(".")), call


def test_every_test_begins_at_the_same_instant():
    assert timedelta(0) <= timezone.now() - steady.beginning() < timedelta(minutes=10)


def test_another_beginning_can_be_named(monkeypatch):
    monkeypatch.setenv("SETIA_TEST_AT", "2028-02-29T16:59:30")
    assert steady.beginning() == datetime(2028, 2, 29, 16, 59, 30, tzinfo=UTC)


def test_hypothesis_waits_for_slow_machines():
    assert hypothesis.settings().deadline is None
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings().suppress_health_check


def test_no_test_asks_for_today_in_the_zone_of_the_machine():
    assert [where for where, name, _ in calls() if name[-2:] in TODAYS] == []


def test_no_test_waits_for_a_time_instead_of_a_condition():
    found = [where for where, name, _ in calls() if name in {("time", "sleep"), ("sleep",)} and "/test_" in where]
    assert [where for where in found if not where.startswith(KILLS_AT_ANY_TIME)] == []


def test_nothing_that_is_waited_for_is_given_up_within_half_a_minute():
    short = [
        f"{where} {word.arg}={word.value.value}"
        for where, _, call in calls()
        for word in call.keywords
        if word.arg in ("timeout", "deadline") and isinstance(word.value, ast.Constant)
        and isinstance(word.value.value, int | float) and word.value.value < SHORTEST_WAIT
    ]  # fmt: skip
    assert short == []


def test_no_port_is_handed_out_twice_or_taken_from_outgoing_calls():
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert all(FIRST <= port < LAST for port in ports)
