"""What may take longer than in requests: statements of jobs and of commands that read long (RELIABILITY R-8), and what Python
keeps before it looks for what nobody uses any more."""

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

LONGEST_STATEMENT = "10min"
# New objects before the collector looks through the youngest, and how often it then looks through the older ones.
SELDOM = (200_000, 10, 20)


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


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector run seldom: what is loaded stays, and the records of a batch live until its end, so that looking through
    them again and again finds nothing and takes a tenth of an import."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class LongCommand(BaseCommand):
    """A command that reads long: nobody waits at a till for its statements."""

    def execute(self, *args: Any, **options: Any) -> Any:
        """As every command, with longer statements."""
        with longer_statements():
            return super().execute(*args, **options)
