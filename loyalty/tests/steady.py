"""What would differ from run to run is the same on every run: the clock, the cases Hypothesis tries, the end of a database.

Every test begins at noon in Jakarta on one and the same Monday, and time goes on from there: no hour, month's end or leap day of
the day it runs on reaches it. Tests that ask other clocks (of processes, browsers, the database) are marked and keep the machine's.
`SETIA_TEST_AT` names another beginning, `SETIA_TEST_ROWS=reversed` turns the rows of queries without an order round; `make hunt` does both.
"""

import os
from datetime import UTC, datetime

import hypothesis
import pytest
import time_machine
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.signals import connection_created

NOON = "2026-11-23T05:00:00+00:00"
OTHER_CLOCKS = ("processes", "browser", "machine_clock")

# Known before Hypothesis' own plugin looks for the one the command line names.
PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("steady", derandomize=True, database=None, **PATIENT)
hypothesis.settings.register_profile("hunt", print_blob=True, **PATIENT)


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis try the same cases each time, however slow the machine is, unless a hunt is on."""
    if not config.getoption("--hypothesis-profile", None):
        hypothesis.settings.load_profile("steady")
    DatabaseCreation._destroy_test_db = _drop_whoever_is_there
    connection_created.connect(_turn_rows_round, weak=False)


def beginning() -> datetime:
    """The instant every test begins at."""
    at = datetime.fromisoformat(os.environ.get("SETIA_TEST_AT", NOON))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """A test and all its fixtures live from the beginning on."""
    if any(item.get_closest_marker(name) for name in OTHER_CLOCKS):
        return (yield)
    with time_machine.travel(beginning(), tick=True):
        return (yield)


def _drop_whoever_is_there(creation: DatabaseCreation, name: str, verbosity: int) -> None:
    """A browser's last call may still hold a session when the tests are over."""
    creation.connection.close_pool()
    with creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {creation.connection.ops.quote_name(name)} WITH (FORCE)")


def _turn_rows_round(connection, **_) -> None:
    """Who relies on the order of rows without asking for one is found out (SQLite only)."""
    if connection.vendor == "sqlite" and os.environ.get("SETIA_TEST_ROWS") == "reversed":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA reverse_unordered_selects = ON")
