"""What tiers, segments and kinds of events are called where a rule is put into words, in the reader's language."""

from collections.abc import Iterable
from typing import Any

from campaigns.ways.models import EventKind
from loyalty.ledger.models import Program
from members.models import Tier
from members.segments.models import Segment


def names_of(program: Program | None) -> dict[str, str]:
    """Short names to names of a program's tiers, of its segments as `segment:` and of its kinds of events as `kind:` before them: three queries."""
    if program is None:
        return {}
    tiers = {tier.slug: str(tier) for tier in Tier.objects.filter(program=program).order_by("rank")}
    segments = Segment.objects.filter(program=program).order_by("pk")
    kinds = EventKind.objects.filter(program=program).order_by("pk")
    return (
        tiers
        | {f"segment:{segment.slug}": str(segment) for segment in segments}
        | {f"kind:{kind.slug}": str(kind) for kind in kinds}
    )


def name_all(records: Iterable[tuple[Any, Program]]) -> None:
    """Give each record of a list the names of its program: three queries for each program."""
    known: dict[int, dict[str, str]] = {}
    for record, program in records:
        if program.pk not in known:
            known[program.pk] = names_of(program)
        record.names = known[program.pk]


def names_for(record: Any, program: Program) -> dict[str, str]:
    """The names that a list gave a record, else those of its program."""
    found: dict[str, str] | None = getattr(record, "names", None)
    return names_of(program) if found is None else found
