"""What the application may do in PostgreSQL: everything it needs, and nothing that could change history.

The tables belong to the role that migrates; the application connects as another one, which cannot update, delete or
truncate what is append-only (`triggers.append_only`), nor take the triggers away (docs/postgresql-role.md).
"""

from collections.abc import Sequence

from django.db import connection

from loyalty.common.bulk import is_postgresql
from loyalty.ledger.triggers import append_only

READ_ONLY = ("django_migrations",)


class NeedsPostgresql(Exception):
    """SQLite knows no roles: there the triggers alone refuse."""


def statements(role: str) -> list[str]:
    """The statements that give a role exactly its rights; running them again changes nothing."""
    if not is_postgresql():
        raise NeedsPostgresql("SQLite knows no roles: there the triggers alone refuse to change history")
    quote = connection.ops.quote_name
    to, database = quote(role), quote(connection.settings_dict["NAME"])
    kept = ", ".join(quote(table) for table in append_only())
    read_only = ", ".join(quote(table) for table in READ_ONLY)
    tables = "SELECT, INSERT, UPDATE, DELETE"
    return [
        f"GRANT CONNECT ON DATABASE {database} TO {to}",
        f"GRANT USAGE ON SCHEMA public TO {to}",
        f"REVOKE CREATE ON SCHEMA public FROM {to}",
        f"GRANT {tables} ON ALL TABLES IN SCHEMA public TO {to}",
        f"REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA public FROM {to}",
        f"REVOKE UPDATE, DELETE ON {kept} FROM {to}",
        f"REVOKE INSERT, UPDATE, DELETE ON {read_only} FROM {to}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {to}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {tables} ON TABLES TO {to}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {to}",
    ]


def is_there(role: str) -> bool:
    """Whether the server knows the role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def execute(commands: Sequence[str]) -> None:
    """Run statements as the role that migrates."""
    with connection.cursor() as cursor:
        for command in commands:
            cursor.execute(command)
