"""When a lot was to end, as it was believed at any instant: a lot keeps its present end, entries tell the earlier ones.

A reversal with days of grace says in its explanation `{"grace": {"lots": [ids], "expires_at": until}}`, an extension
`{"extension": {"lots": {"<id>": {"from": end or null, "until": end}}}}`. A grace does not say what the end was before;
it is found from the expiry already written for the lot, else from the policy version that dated it.
"""

from dataclasses import dataclass, field
from datetime import datetime

from loyalty.ledger.models import Allocation, Entry, Lot
from loyalty.ledger.policies import Terms

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

    first: datetime | None = None
    is_known: bool = False
    changes: list[Change] = field(default_factory=list)

    def end(self, at: datetime, known_at: datetime | None) -> datetime | None:
        """The end the lot had at an instant."""
        last = self.first
        for change in self.changes:
            if change.counts(at, known_at):
                last = change.until
        return last


def redatings(account_id: int, *, zone: str) -> dict[int, Redating]:
    """The lots of an account that did not always have their present end: one query, up to three when there are any."""
    found: dict[int, Redating] = {}
    entries = Entry.objects.filter(account=account_id, kind__in=REDATED_BY).exclude(explanation={})
    for entry in entries.order_by("number").only("number", "effective_at", "recorded_at", "explanation"):
        for lot_id, before, until in redated(entry.explanation):
            redating = found.setdefault(lot_id, Redating())
            if not redating.changes and before is not Ellipsis:
                redating.first, redating.is_known = before, True
            redating.changes.append(Change(entry.number, entry.effective_at, entry.recorded_at, until))
    unknown = [lot_id for lot_id, redating in found.items() if not redating.is_known]
    if unknown:
        _find_first_ends(found, unknown, zone)
    return found


def redated(explanation: dict) -> list[tuple]:
    """(lot id, end before or Ellipsis when it is not said, end since) of every lot an entry gave another end."""
    lots = explanation.get("extension", {}).get("lots", {})
    rows = [(int(lot_id), _instant(told.get("from")), _instant(told["until"])) for lot_id, told in lots.items()]
    grace = explanation.get("grace", {})
    until = _instant(grace.get("expires_at"))
    told = grace.get("from", {})
    return rows + [
        (lot_id, _instant(told[str(lot_id)]) if str(lot_id) in told else Ellipsis, until)
        for lot_id in grace.get("lots", [])
    ]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _find_first_ends(found: dict[int, Redating], lot_ids: list[int], zone: str) -> None:
    """The end a lot had before its first grace: told by its first expiry, by its policy, or at the latest the grace."""
    expiries = Allocation.objects.filter(lot__in=lot_ids, entry__kind=Entry.Kind.EXPIRY).order_by("-entry__number")
    swept = {
        lot: (number, at) for lot, number, at in expiries.values_list("lot_id", "entry__number", "entry__effective_at")
    }
    for lot in Lot.objects.filter(id__in=lot_ids).select_related("expiry_policy"):
        redating = found[lot.id]
        change = redating.changes[0]
        number, at = swept.get(lot.id, (change.number, None))
        if number < change.number:
            redating.first = at
        elif lot.expiry_policy and lot.available_at:
            redating.first = Terms(lot.expiry_policy, zone, 0).expires_at(lot.available_at)
        else:
            redating.first = change.effective_at
