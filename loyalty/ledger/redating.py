"""When a lot was to end, as it was believed at any instant: a lot keeps its present end, entries tell the earlier ones.

Whatever moves an end (a reversal with days of grace, a reinstatement, an extension) says so in its explanation:
`{"extension": {"lots": {"<id>": {"from": end or null, "until": end or null}}}}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loyalty.ledger.models import Entry

REDATED_BY = (Entry.Kind.REVERSAL, Entry.Kind.EXTENSION, Entry.Kind.REINSTATEMENT)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that gave a lot another end."""

    number: int
    effective_at: datetime
    recorded_at: datetime
    until: datetime | None

    def counts(self, at: datetime, known_at: datetime | None) -> bool:
        """Whether the change was there at an instant, as far as was known (see `asof.counted`)."""
        return min(self.effective_at, self.recorded_at) <= at and (known_at is None or self.recorded_at <= known_at)


@dataclass(slots=True)
class Redating:
    """A lot's first end, and the changes of it in the order in which they were recorded."""

    first: datetime | None
    changes: list[Change] = field(default_factory=list)

    def end(self, at: datetime, known_at: datetime | None) -> datetime | None:
        """The end the lot had at an instant."""
        last = self.first
        for change in self.changes:
            if change.counts(at, known_at):
                last = change.until
        return last


def redatings(account_id: int) -> dict[int, Redating]:
    """The lots of an account that did not always have their present end: one query."""
    found: dict[int, Redating] = {}
    entries = Entry.objects.filter(account=account_id, kind__in=REDATED_BY).exclude(explanation={})
    for entry in entries.order_by("number").only("number", "effective_at", "recorded_at", "explanation"):
        for lot_id, before, until in redated(entry.explanation):
            redating = found.setdefault(lot_id, Redating(before))
            redating.changes.append(Change(entry.number, entry.effective_at, entry.recorded_at, until))
    return found


def extension(ends: Mapping[int, tuple[datetime | None, datetime | None]]) -> dict[str, Any]:
    """The explanation of an entry that moves ends: by lot, the end before and the end since. Empty for no lots."""
    if not ends:
        return {}
    return {"extension": {"lots": {str(lot): {"from": _text(a), "until": _text(b)} for lot, (a, b) in ends.items()}}}


def redated(explanation: Mapping[str, Any]) -> list[tuple[int, datetime | None, datetime | None]]:
    """(lot id, end before, end since) of every lot an entry gave another end."""
    lots = explanation.get("extension", {}).get("lots", {})
    return [(int(lot), _instant(told["from"]), _instant(told["until"])) for lot, told in lots.items()]


def _text(end: datetime | None) -> str | None:
    return end.isoformat() if end else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
