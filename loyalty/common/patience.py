"""Statements that may run longer than those of requests: for jobs, and for commands that read long (RELIABILITY R-8)."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

LONGEST_STATEMENT = "10min"


@contextlib.contextmanager
def longer_statements() -> Iterator[None]:
    """Let the statements of this connection run longer. Only PostgreSQL has such a limit."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        longer = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, false)"
        cursor.execute(longer, [LONGEST_STATEMENT])
        before = cursor.fetchone()[0]
    try:
        yield
    finally:
        if connection.connection and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [before])


class LongCommand(BaseCommand):
    """A command that reads long: nobody waits at a till for its statements."""

    def execute(self, *args: Any, **options: Any) -> Any:
        """As every command, with longer statements."""
        with longer_statements():
            return super().execute(*args, **options)
