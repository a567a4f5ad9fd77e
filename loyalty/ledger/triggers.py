"""What is append-only is so in the database itself: entries, allocations, and all that proves them (DOMAIN 12.2, laws of the books 10).

A model says so of itself: `is_append_only = True`; its triggers and the rights of the application's role follow (`grants`).

The triggers are made after every migrate, idempotently: a table rebuild on SQLite drops them silently (RELIABILITY R-2).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connections

POSTGRESQL = """
CREATE OR REPLACE FUNCTION setia_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: post a correcting entry instead', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def append_only() -> list[str]:
    """The tables of every model that says `is_append_only`, whichever app it is of."""
    return sorted(model._meta.db_table for model in apps.get_models() if getattr(model, "is_append_only", False))


def install(using: str = "default", **_: Any) -> None:
    """Create the append-only triggers where they are missing (receiver of post_migrate)."""
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL)
        for table in append_only():
            if table in existing:
                for statement in _statements(connection.vendor, table):
                    cursor.execute(statement)


@contextmanager
def lifted(using: str = "default") -> Iterator[None]:
    """Take the triggers away for a while: for emptying a test database, never for the application."""
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in append_only():
            if table in existing:
                for name in _names(table):
                    on_table = f' ON "{table}"' if connection.vendor == "postgresql" else ""
                    cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on_table}')
    try:
        yield
    finally:
        install(using)


def _names(table: str) -> tuple[str, str, str]:
    return f"{table}_no_update", f"{table}_no_delete", f"{table}_no_truncate"


def _statements(vendor: str, table: str) -> list[str]:
    no_update, no_delete, no_truncate = _names(table)
    if vendor == "postgresql":
        return [
            f'CREATE OR REPLACE TRIGGER "{name}" BEFORE {event} ON "{table}" FOR EACH {each} EXECUTE FUNCTION setia_append_only()'
            for name, event, each in (
                (no_update, "UPDATE", "ROW"),
                (no_delete, "DELETE", "ROW"),
                (no_truncate, "TRUNCATE", "STATEMENT"),
            )
        ]
    return [
        f'CREATE TRIGGER IF NOT EXISTS "{name}" BEFORE {event} ON "{table}" '
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: post a correcting entry instead'); END"
        for name, event in ((no_update, "UPDATE"), (no_delete, "DELETE"))
    ]
