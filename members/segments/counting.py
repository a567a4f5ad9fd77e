"""Counting a question before it is kept, for so long and no longer; and why a member is or is not in a segment."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction

from loyalty.ledger.models import Program
from members.models import Member
from members.segments import compiling
from members.segments.models import Segment
from members.segments.reading import condition_in_words, names_of

LONGEST = "4s"
# SQLite has no clock for statements; after so many steps of its machine, in thousands, a statement is given up.
MOST_STEPS, THOUSAND = 400_000, 1000
SAMPLE = 8


@dataclass(frozen=True)
class Counted:
    """How many a question describes, and some of them; `members` is None when counting took too long."""

    members: int | None
    sample: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Answered:
    """One condition, in words, for one member."""

    group: int
    condition: str
    holds: bool


def count(definition: dict[str, Any], program: Program, *, at: datetime) -> Counted:
    """How many members a sound definition describes now, with a few of the newest: two queries, bounded in time."""
    found = compiling.members(definition, program, at=at)
    try:
        with bounded():
            return Counted(found.count(), tuple(found.select_related("tier").order_by("-pk")[:SAMPLE]))
    except DatabaseError:
        return Counted(None)


def why(segment: Segment, member: Member, *, at: datetime) -> tuple[bool, list[Answered]]:
    """Whether a member is described by a segment now, and which of its conditions hold; one query for each."""
    program, names = segment.program, names_of(segment.program)
    asked = compiling.Asked(program, at, member.pk)
    answers = [
        Answered(
            number,
            condition_in_words(told, currency=program.currency, names=names),
            asked.members.filter(compiling.condition_q(told, asked)).exists(),
        )
        for number, group in enumerate(segment.definition["groups"], start=1)
        for told in group["conditions"]
    ]
    return compiling.members(segment.definition, program, at=at, only=member.pk).exists(), answers


@contextmanager
def bounded() -> Iterator[None]:
    """Statements that are given up when they take too long; the transaction around them stays as it was."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW statement_timeout")
                before = cursor.fetchone()[0]
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [LONGEST])
                yield
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
            return
        steps = iter(range(MOST_STEPS))
        connection.ensure_connection()
        raw: Any = connection.connection
        raw.set_progress_handler(lambda: next(steps, None) is None, THOUSAND)
        try:
            yield
        finally:
            raw.set_progress_handler(None, 0)
