"""Commands that read long have longer than a till waits for; requests have not (RELIABILITY R-8)."""

import gc
from io import StringIO

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.db import connection

from loyalty.common.bulk import is_postgresql
from loyalty.common.patience import SELDOM, LongCommand, seldom_collected

# Ours that read or write a handful of rows, hold no connection of their own, or are long only where they ask the database.
SHORT = {
    "create_api_key", "create_staff", "application_role", "nudge", "run_job", "serve", "demo", "load_demo", "catalogues", "verify_anchor", "verify_draw",
}  # fmt: skip
OURS = {name: app for name, app in get_commands().items() if str(app).split(".")[0] in {"loyalty", "members", "campaigns", "rewards"}}  # fmt: skip


def timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


def test_every_command_of_ours_is_long_or_known_to_be_short():
    long = {name for name, app in OURS.items() if isinstance(load_command_class(app, name), LongCommand)}
    assert set(OURS) - long == SHORT
    assert {"verify_ledger", "journal", "import_purchases", "replay_rules"} <= long


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has no such limit")
@pytest.mark.django_db
def test_statements_of_a_long_command_may_run_longer_and_those_after_it_not():
    class Asking(LongCommand):
        def handle(self, *args, **options):
            self.stdout.write(timeout())

    out = StringIO()
    call_command(Asking(), stdout=out)
    assert (out.getvalue().strip(), timeout()) == ("10min", "15s")


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has no such limit")
@pytest.mark.django_db
def test_a_long_command_that_fails_leaves_requests_their_limit():
    class Failing(LongCommand):
        def handle(self, *args, **options):
            raise ValueError

    with pytest.raises(ValueError):
        call_command(Failing())
    assert timeout() == "15s"


def test_the_collector_runs_seldom_during_a_batch_and_as_before_when_it_has_failed():
    before = gc.get_threshold()
    with pytest.raises(ValueError), seldom_collected():
        assert gc.get_threshold() == SELDOM
        raise ValueError
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
