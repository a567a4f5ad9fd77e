"""When a lot was to begin and end, as it was believed at any instant: a lot keeps its present dates, entries tell the earlier ones.

Whatever moves an end (a reversal with days of grace, a reinstatement, an extension) says so in its explanation:
`{"extension": {"lots": {"<id>": {"from": end or null, "until": end or null}}}}`. What confirms waiting points says from when they
can be spent, too: `{"confirmed": {"lot": id, "available_at": instant}}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loyalty.ledger.models import Entry

REDATED_BY = (Entry.Kind.REVERSAL, Entry.Kind.EXTENSION, Entry.Kind.REINSTATEMENT)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that gave a lot another end, or confirmed its points: `available_at` is then from when they can be spent."""

    number: int
    effective_at: datetime
    recorded_at: datetime
    until: datetime | None
    available_at: datetime | None = None

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

    def begin(self, available_at: datetime | None, at: datetime, known_at: datetime | None) -> datetime | None:
        """From when its points could be spent as believed at an instant: None before the entry that confirmed them."""
        waits = any(change.available_at and not change.counts(at, known_at) for change in self.changes)
        return None if waits else available_at


def redatings(account_id: int) -> dict[int, Redating]:
    """The lots of an account that did not always have their present end: one query."""
    found: dict[int, Redating] = {}
    entries = Entry.objects.filter(account=account_id, kind__in=REDATED_BY).exclude(explanation={})
    for entry in entries.order_by("number").only("number", "effective_at", "recorded_at", "explanation"):
        for lot_id, before, until in redated(entry.explanation):
            redating = found.setdefault(lot_id, Redating(before))
            begins = confirmed(entry.explanation).get(lot_id)
            redating.changes.append(Change(entry.number, entry.effective_at, entry.recorded_at, until, begins))
    return found


def extension(
    ends: Mapping[int, tuple[datetime | None, datetime | None]],
    policies: Mapping[int, tuple[int | None, int | None]] | None = None,
) -> dict[str, Any]:
    """The explanation of an entry that moves ends: by lot, the end before and the end since. Empty for no lots.

    `policies` says for lots that were re-dated which policy version they have since, and which before.
    """
    if not ends:
        return {}
    told: dict[str, dict[str, Any]] = {str(lot): {"from": _text(a), "until": _text(b)} for lot, (a, b) in ends.items()}
    for lot, (policy_id, before) in (policies or {}).items():
        told[str(lot)] |= {"policy": policy_id, "policy_before": before}
    return {"extension": {"lots": told}}


def redated(explanation: Mapping[str, Any]) -> list[tuple[int, datetime | None, datetime | None]]:
    """(lot id, end before, end since) of every lot an entry gave another end."""
    lots = explanation.get("extension", {}).get("lots", {})
    return [(int(lot), _instant(told["from"]), _instant(told["until"])) for lot, told in lots.items()]


def confirmation(lot_id: int, available_at: datetime) -> dict[str, Any]:
    """The explanation of an entry that confirms the points of a lot."""
    return {"confirmed": {"lot": lot_id, "available_at": available_at.isoformat()}}


def confirmed(explanation: Mapping[str, Any]) -> dict[int, datetime]:
    """By lot that an entry confirmed: from when its points can be spent."""
    told = explanation.get("confirmed")
    return {told["lot"]: datetime.fromisoformat(told["available_at"])} if told else {}


def policies_given(explanation: Mapping[str, Any]) -> dict[int, tuple[int | None, int | None]]:
    """By lot that an entry re-dated under another policy: that version's id, and the one before it."""
    lots = explanation.get("extension", {}).get("lots", {})
    return {int(lot): (told["policy"], told["policy_before"]) for lot, told in lots.items() if "policy" in told}


def _text(end: datetime | None) -> str | None:
    return end.isoformat() if end else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
