"""Qualifying points count from when their points can be spent, not from the purchase (DOMAIN 4.1, 8.1).

Points that wait for a day or for an event of their order wait here too, part by part of a purchase; when that has come, they
count, and lift the member at that very instant, whether or not a job has run. What is taken back of them meanwhile leaves
no trace. A wallet may say that its points count from the purchase: then nothing of this is written.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Min, Q, QuerySet

from members.ladders import Ladder
from members.models import QualifyingPart, TierPolicy
from members.returns import laid_over

if TYPE_CHECKING:
    from members.tiers.walking import Trail


class Later(NamedTuple):
    """So many qualifying points that count from an instant on; while nobody knows from when, until when they wait."""

    counts_at: datetime | None
    points: int
    confirm_by: datetime | None = None


class Came(NamedTuple):
    """What no longer counts from an instant on, and since when it counted; None: it waits until `confirm_by` to be counted."""

    when: datetime
    since: datetime | None
    amount: int
    confirm_by: datetime | None


def at_once(whole: int, later: Iterable[Later]) -> int:
    """What of a purchase's qualifying points counts from the purchase."""
    return whole - sum(part.points for part in later)


def taken_back(
    bought_at: datetime, whole: int, later: Sequence[Later], refunds: Iterable[tuple[datetime, int]]
) -> Iterator[Came]:
    """What refunds, in order of time, take from each part of a purchase: from what counts, or before it ever counts.

    What is left after each is laid over the parts by largest remainder, as the points themselves are.
    """
    whens = [Later(bought_at, 0), *later]
    had = [at_once(whole, later), *(part.points for part in later)]
    weights, left = list(had), whole
    for when, points in refunds:
        left -= points
        have = laid_over(left, weights)
        for part, before, after in zip(whens, had, have, strict=True):
            if before != after:
                at = when if part.counts_at is None else max(when, part.counts_at)
                yield Came(at, part.counts_at, before - after, part.confirm_by)
        had = have


@dataclass(slots=True)
class Parts:
    """What of some members' purchases counts later than these, as it is recorded: by member, and by purchase."""

    of_member: dict[int, list["Recorded"]] = field(default_factory=lambda: defaultdict(list))
    of_purchase: dict[int, list[Later]] = field(default_factory=lambda: defaultdict(list))

    def first_due(self, walked: Mapping[int, "Trail"], earliest: datetime) -> datetime:
        """An instant, or the earliest one before it at which points began to count that nobody has walked through yet."""
        dues = [
            one.counts_at
            for member_id, own in self.of_member.items()
            for one in own
            if one.counts_at is not None and one.is_ahead(walked[member_id])
        ]
        return min([earliest, *dues])

    def take_out(self, walked: Mapping[int, "Trail"], earliest: datetime) -> None:
        """Take what waits out of the sums of what counted before an instant."""
        for member_id, own in self.of_member.items():
            walked[member_id].totals[0] -= sum(one.points for one in own if one.bought_at < earliest)

    def lay(self, walked: Mapping[int, "Trail"]) -> set[int]:
        """Count what counts already, and leave what does not to the walk; returns the members of whom something came back."""
        for member_id, own in self.of_member.items():
            trail = walked[member_id]
            for one in own:
                if one.counts_at is None or one.is_ahead(trail):
                    trail.wait([Later(one.counts_at, one.points, one.confirm_by)], one.cause)
                else:
                    trail.count(one.counts_at, one.points)
                    trail.known_until = max(trail.known_until or one.counts_at, one.counts_at)
        return {member_id for member_id, own in self.of_member.items() if any(one.is_refunded for one in own)}


class Recorded(NamedTuple):
    """One part as it is recorded, with what is asked of its purchase."""

    points: int
    counts_at: datetime | None
    confirm_by: datetime | None
    is_counted: bool
    bought_at: datetime
    cause: str
    is_refunded: bool

    def is_ahead(self, trail: "Trail") -> bool:
        """Whether the walk has not come to it yet: what it leads to is on no record."""
        if self.counts_at is None or self.is_counted:
            return False
        is_past = bool(trail.stays) and self.counts_at <= trail.stays[-1].since
        wall = trail.ladder.wall
        return not is_past and not (wall is not None and self.counts_at < wall)


def read(steps: Ladder, walked: Mapping[int, "Trail"], *, earliest: datetime) -> tuple[Parts, datetime]:
    """What counts later of these members' purchases, and the instant from which the walk begins: one query, or two where the job is late."""
    found = _read(walked, _floor(steps, earliest))
    first = found.first_due(walked, earliest)
    if first < earliest and _floor(steps, first) != _floor(steps, earliest):
        found = _read(walked, _floor(steps, first))
    return found, first


def _floor(steps: Ladder, earliest: datetime) -> datetime | None:
    """Parts that counted before this instant are beyond every window that is asked about, or in the sum before it."""
    return earliest if steps.window == TierPolicy.Window.LIFETIME else steps.since(earliest)


def _read(member_ids: Iterable[int], floor: datetime | None) -> Parts:
    rows = QualifyingPart.objects.filter(purchase__member__any_of=list(member_ids))
    if floor is not None:
        rows = rows.filter(Q(counts_at__isnull=True) | Q(is_counted=False) | Q(counts_at__gte=floor))
    found = Parts()
    columns = ("purchase__member", "purchase", "points", "counts_at", "confirm_by", "is_cancelled", "is_counted", "purchase__occurred_at", "purchase__source", "purchase__receipt", "purchase__refunded")  # fmt: skip
    for member_id, purchase_id, points, counts_at, until, is_cancelled, is_counted, bought_at, source, receipt, refunded in (
        rows.order_by("purchase_id", "id").values_list(*columns)
    ):  # fmt: skip
        confirm_by, cause = None if is_cancelled else until, f"purchase:{source}:{receipt}"
        one = Recorded(points, counts_at, confirm_by, is_counted, bought_at, cause, bool(refunded))
        found.of_member[member_id].append(one)
        found.of_purchase[purchase_id].append(Later(counts_at, points, confirm_by))
    return found


def due(*, at: Any) -> QuerySet[QualifyingPart]:
    """The parts that count at an instant and are on no record yet: one whose tiers nobody has written down."""
    return QualifyingPart.objects.filter(is_counted=False, counts_at__lte=at)


def first_due(member_ids: Iterable[int], *, at: datetime) -> dict[int, datetime]:
    """Members of whom points began to count that are on no record yet, and the first instant: one query."""
    mine = due(at=at).filter(purchase__member__any_of=list(member_ids)).order_by()
    return dict(mine.values_list("purchase__member").annotate(first=Min("counts_at")))


def note_counted(member_ids: Iterable[int], *, until: datetime) -> None:
    """What these members' points lead to is on record until an instant: one statement."""
    due(at=until).filter(purchase__member__any_of=list(member_ids)).update(is_counted=True)
