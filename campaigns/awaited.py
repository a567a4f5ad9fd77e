"""From when points count in a replay: as it is recorded of each purchase, and for parts that only the replayed rules give, as they would (DOMAIN 10.5)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from campaigns.lasting import Lasting
from campaigns.qualifying import in_time, later_of, parts_of, recorded
from campaigns.terms import Award
from members.ladders import Ladder
from members.models import Confirmation, Purchase, QualifyingPart
from members.tiers.parts import Later


class Awaited:
    """What of the replayed purchases counts later than these."""

    def __init__(self, steps: Ladder, lasting: Lasting) -> None:
        """Nothing is asked where no points of the program ever waited, nor would."""
        self.steps, self.lasting = steps, lasting
        self._parts: dict[int, list[QualifyingPart]] = {}
        self._happened: dict[tuple[int, str], datetime] = {}

    def read(self, bought: Sequence[Purchase]) -> None:
        """The next purchases: a query where any ever waited, and one more where new ones would."""
        keys = [one.pk for one in bought]
        self._parts = recorded(keys) if self.steps.has_parts else {}
        self._happened = {}
        if self.steps.delays:
            said = Confirmation.objects.filter(purchase__any_of=keys).values_list("purchase_id", "kind", "occurred_at")
            self._happened = {(purchase_id, kind): when for purchase_id, kind, when in said if purchase_id}

    def counting_since(self, member_ids: Iterable[int], start: datetime) -> Collection[int] | QuerySet[Any, Any]:
        """Purchases of members of which something counts from an instant on that is not before this one: asked as part of another query."""
        if not self.steps.waits:
            return []
        counting = QualifyingPart.objects.filter(purchase__member__any_of=sorted(member_ids), counts_at__gte=start)
        return counting.values("purchase_id")

    def recorded(self, bought: Purchase) -> list[Later]:
        """What of a purchase counts later, as it is recorded."""
        return later_of(self._parts.get(bought.pk, ()))

    def of(self, bought: Purchase, award: Award) -> list[Later]:
        """What of a purchase would count later under an award: parts it had keep their instants."""
        had = {one.policy: one for one in self._parts.get(bought.pk, ())}
        found = [
            Later(had[policy].counts_at, points, had[policy].confirm_by)
            for policy, points in award.counts
            if policy in had
        ]
        if self.steps.delays and not (bought.points and not had):
            for part in parts_of(award, self.lasting, bought.occurred_at):
                if part.policy not in had:
                    happened = self._happened.get((bought.pk, part.waits_for))
                    counts_at = part.counts_at or in_time(part, bought.occurred_at, happened)
                    found.append(Later(counts_at, part.points, part.confirm_by))
        return found
