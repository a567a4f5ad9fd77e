"""Whose turn it is when a refund and its own purchase arrive at once: neither may miss the other.

Whoever records purchases takes part in the program's turn (`members.activity.members_of` and `members.liveliness.present` do, in their one statement); who
is about to let a refund wait takes the turn alone, and looks for the purchase again. On SQLite the IMMEDIATE transaction
is the turn already.
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import Func, IntegerField, Value

from loyalty.common.bulk import is_postgresql
from loyalty.common.prepared import Given
from loyalty.ledger.models import Program

SPACE = 6121  # of advisory locks: refunds and purchases


class TakePart(Func):
    """Takes part in a program's turn until the transaction ends; a column of the statement that comes first."""

    output_field = IntegerField()

    def __init__(self, program: Given) -> None:
        """For the program named when the query is asked."""
        super().__init__(program)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """A shared advisory lock, which all recorders of purchases hold beside each other."""
        return self.as_sql(
            compiler,
            connection,
            template=f"COALESCE(NULLIF(pg_advisory_xact_lock_shared({SPACE}, (%(expressions)s)::int)::text, ''), '0')::int",
            **context,
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Nothing: there is one writer."""
        return Value(0).as_sql(compiler, connection)


def take_alone(program: Program) -> None:
    """Wait until nobody records purchases of the program, and let nobody begin until the transaction ends."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("take_alone() needs a transaction around it")
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SPACE, program.pk])
