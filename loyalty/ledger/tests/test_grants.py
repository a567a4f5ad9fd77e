"""The application's own role on PostgreSQL: it posts, and it cannot change history."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from loyalty.common.bulk import is_postgresql
from loyalty.ledger import anchors, closing, expiry, posting, triggers
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Anchor, Entry, PeriodClose, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points, make_member, make_program

needs_postgresql = pytest.mark.skipif(not is_postgresql(), reason="roles need PostgreSQL")
PASSWORD = "only-for-this-test"


@pytest.fixture
def role(transactional_db):
    name = f"app_of_{connection.settings_dict['NAME']}"
    MigrationRecorder(connection).ensure_schema()  # the tests' tables are made from the models
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{PASSWORD}'")
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f'DROP OWNED BY "{name}"')
        cursor.execute(f'DROP ROLE "{name}"')


@pytest.fixture
def connected_as_application(role):
    """The rest of the test talks to the database as the application's role."""
    call_command("application_role", role, execute=True, stdout=StringIO())
    owner = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict.update(USER=role, PASSWORD=PASSWORD)
    yield role
    connection.close()
    connection.settings_dict.update(owner)


def refused(statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)


@needs_postgresql
@pytest.mark.postgresql
def test_the_role_posts_expires_anchors_and_closes(connected_as_application):
    program = make_program()
    ani = make_member(program, "Ani")
    give_points(ani, 100)
    posting.redeem(main_account(ani).id, 30, at=OPENING, reference="r", source="t", actor="t")
    expiry.run_sweep(program, at=OPENING)
    anchors.make_anchor(program, at=OPENING)
    closing.close_month(Wallet.objects.get(), OPENING.date(), at=OPENING.replace(month=3), actor="staff:1")
    assert (Entry.objects.count(), Anchor.objects.count(), PeriodClose.objects.count()) == (2, 1, 1)
    assert list(verify()) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, (SELECT count(*) FROM report_entries)")
        assert cursor.fetchone() == (connected_as_application, 2)


@needs_postgresql
@pytest.mark.postgresql
@pytest.mark.parametrize("table", triggers.append_only())
def test_the_role_cannot_change_history(connected_as_application, table):
    refused(f"UPDATE {table} SET id = id")
    refused(f"DELETE FROM {table}")
    refused(f"TRUNCATE {table} CASCADE")
    refused(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    refused(f"DROP TABLE {table} CASCADE")


@needs_postgresql
@pytest.mark.postgresql
def test_the_role_cannot_take_the_triggers_away_or_make_things(connected_as_application):
    refused("DROP TRIGGER ledger_entry_no_update ON ledger_entry")
    refused(
        "CREATE OR REPLACE FUNCTION setia_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
    )
    refused("DELETE FROM django_migrations")
    refused("TRUNCATE members_member CASCADE")


@needs_postgresql
@pytest.mark.postgresql
def test_the_statements_are_printed_and_an_unknown_role_is_said(db):
    out = StringIO()
    call_command("application_role", "nobody-knows", stdout=out)
    kept = ", ".join(f'"{table}"' for table in triggers.append_only())
    assert f"REVOKE UPDATE, DELETE ON {kept} FROM" in out.getvalue()
    with pytest.raises(CommandError, match="There is no role"):
        call_command("application_role", "nobody-knows", execute=True, stdout=out)


@pytest.mark.skipif(is_postgresql(), reason="about SQLite")
def test_sqlite_knows_no_roles(db):
    with pytest.raises(CommandError, match="triggers alone"):
        call_command("application_role", "app", stdout=StringIO())


def test_what_proves_the_books_is_append_only_like_the_books():
    assert set(triggers.append_only()) >= {
        "ledger_allocation", "ledger_anchor", "ledger_entry", "ledger_expirypolicy", "ledger_periodclose",
        "ledger_seasonperiod", "ledger_verification",
    }  # fmt: skip


@pytest.mark.parametrize("table", triggers.append_only())
def test_every_append_only_table_refuses_by_trigger_on_both_engines(db, table):
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table])
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        names = {name for (name,) in cursor.fetchall()}
    assert {f"{table}_no_update", f"{table}_no_delete"} <= names
