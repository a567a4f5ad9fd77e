"""Read-only views named `report_*` for finance and BI tools, the same rows on both engines (docs/reports.md).

Each app declares the views over its own tables and those below it. They are dropped before every migrate, since neither
engine can rebuild a table that a view looks at, and made again after it, with the rights that others had on them.
"""

import logging
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connections, transaction

logger = logging.getLogger(__name__)

# What the engines say differently; written in the statements as {now} and {entry_hash}.
DIALECTS = {
    "postgresql": {"now": "CURRENT_TIMESTAMP", "entry_hash": "encode(e.hash, 'hex')"},
    "sqlite": {"now": "strftime('%Y-%m-%d %H:%M:%f', 'now')", "entry_hash": "lower(hex(e.hash))"},
}
RIGHTS = """
    SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
    WHERE table_schema = current_schema() AND table_name LIKE 'report\\_%%' AND grantee <> grantor
"""


@dataclass(frozen=True, slots=True)
class Report:
    """One view: its name and the SELECT behind it."""

    name: str
    select: str


_declared: dict[str, Report] = {}
_rights: dict[str, list[tuple[str, str, str]]] = {}


def declare(name: str, select: str) -> None:
    """Declare a view; its name begins with `report_`."""
    if not name.startswith("report_"):
        raise ValueError(f"a report is called report_...: {name}")
    _declared[name] = Report(name, select)


def declared() -> list[Report]:
    """Every declared view, by name."""
    return [_declared[name] for name in sorted(_declared)]


def columns(name: str, using: str = "default") -> list[str]:
    """The columns of a view as the database has it."""
    with connections[using].cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{name}" WHERE 1 = 0')
        return [column[0] for column in cursor.description]


def drop(using: str = "default", **_: Any) -> None:
    """Drop the views (receiver of pre_migrate), remembering who may read them."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(RIGHTS)
            _rights[using] = cursor.fetchall()
        for name in _existing(using):
            cursor.execute(f'DROP VIEW IF EXISTS "{name}"')


def create(using: str = "default", **_: Any) -> None:
    """Create the views that are missing (receiver of post_migrate). One that cannot be made is told in the log.

    That happens only while the schema is not the one of this version, half-way through a migration back.
    """
    existing = set(_existing(using))
    rights = _rights.pop(using, [])
    for report in declared():
        if report.name in existing:
            continue
        try:
            _create(report, using, [(who, what) for name, who, what in rights if name == report.name])
        except DatabaseError as error:
            logger.warning("the view %s was not made: %s", report.name, error)


def _create(report: Report, using: str, rights: list[tuple[str, str]]) -> None:
    connection = connections[using]
    select = report.select.format(**DIALECTS[connection.vendor])
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute(f'CREATE VIEW "{report.name}" AS {select}')
        for who, what in rights:
            grantee = "PUBLIC" if who == "PUBLIC" else connection.ops.quote_name(who)
            cursor.execute(f'GRANT {what} ON "{report.name}" TO {grantee}')


def _existing(using: str) -> list[str]:
    connection = connections[using]
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_list(cursor)
    return sorted(table.name for table in found if table.type == "v" and table.name.startswith("report_"))
