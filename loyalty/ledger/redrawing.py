"""What redemptions and claw-backs would have left of each lot, had everything been known in time (DOMAIN 2.5, 5.1, 6.2).

An account is gone through once more in order of time, in memory: what draws in burn order draws on whatever was open at
its instant. Beside what its lots hold, the outcome says which points should live longer: those on a lot that ends sooner, in
whose stead points that end later were drawn. Points never live shorter for it, and none are made. Pure: it knows no database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

FOR_EVER = datetime.max.replace(tzinfo=UTC)
Drawn = list[tuple[int, int]]
# (lot that gives, lot that gets, points)
Exchange = tuple[int, int, int]


@dataclass(slots=True)
class Part:
    """A lot: what it was granted, from when it can be spent (FOR_EVER: not yet known), and until when.

    `kept` are the points it has, free ones and those that ran out; `free` are those that can change places.
    """

    id: int
    granted: int
    begins_at: datetime
    ends_at: datetime
    kept: int
    free: int

    @property
    def place(self) -> tuple[datetime, datetime, int]:
        """Its place in burn order."""
        return self.ends_at, self.begins_at, self.id


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that took points or gave them back. `entry` names it, and `of` what it is about.

    "draw": a redemption; "claw_back": `of` is the lot of the credit; "put_back": a reversal, `of` the redemption; "taken": from
    the lots in `lots` and no others; "forgiven": debt.
    """

    at: datetime
    entry: int
    kind: str
    points: int
    of: int = 0
    lots: Sequence[tuple[int, int]] = ()


@dataclass(slots=True)
class Redrawn:
    """An account in memory. `owes` is whether what no lot could give is owed, `takes_others` whether claw-backs reach beyond pending points."""

    parts: dict[int, Part]
    owes: bool = True
    takes_others: bool = True
    debt: int = 0
    left: dict[int, int] = field(default_factory=dict)
    _asked: dict[int, int] = field(default_factory=dict)
    _back: dict[int, int] = field(default_factory=dict)
    _draws: dict[int, Drawn] = field(default_factory=dict)

    def live(self, deeds: Iterable[Deed]) -> dict[int, int]:
        """Everything in order of time; at one instant points begin before they are drawn. What is left of each lot, run out or not."""
        self.left = {part.id: part.granted for part in self.parts.values()}
        steps: list[tuple[datetime, int, int, Deed | None]] = [
            (p.begins_at, 0, p.id, None) for p in self.parts.values()
        ]
        steps += [(deed.at, 1, deed.entry, deed) for deed in deeds]
        for at, _phase, lot, deed in sorted(steps, key=lambda step: step[:3]):
            if deed is None:
                self._repay(lot, self.left[lot], at)
            else:
                getattr(self, f"_{deed.kind}")(deed)
        return self.left

    def _is_open(self, part: Part, at: datetime) -> bool:
        return part.begins_at <= at < part.ends_at

    def _burn(self, points: int, at: datetime, *, but: int = 0) -> tuple[Drawn, int]:
        """What points draw on in burn order, and how many no lot gave."""
        drawn: Drawn = []
        for part in sorted(self.parts.values(), key=lambda part: part.place):
            taken = min(points, self.left[part.id]) if self._is_open(part, at) and part.id != but else 0
            if taken:
                self.left[part.id] -= taken
                points -= taken
                drawn.append((part.id, taken))
        return drawn, points

    def _owe(self, points: int) -> None:
        self.debt += points if self.owes else 0

    def _repay(self, lot: int, points: int, at: datetime) -> None:
        part = min(self.debt, points) if self._is_open(self.parts[lot], at) else 0
        self.left[lot] -= part
        self.debt -= part

    def _draw(self, deed: Deed) -> None:
        self._draws[deed.entry], missing = self._burn(deed.points, deed.at)
        self._owe(missing)

    def _taken(self, deed: Deed) -> None:
        for lot, points in deed.lots:
            part = min(points, self.left[lot])
            self.left[lot] -= part
            self._owe(self._burn(points - part, deed.at)[1])

    def _put_back(self, deed: Deed) -> None:
        points = deed.points
        drawn = self._draws.get(deed.of, [])
        while points and drawn:
            lot, part = drawn.pop()
            back = min(part, points)
            points -= back
            if part > back:
                drawn.append((lot, part - back))
            self.left[lot] += back
            self._repay(lot, back, deed.at)

    def _forgiven(self, deed: Deed) -> None:
        self.debt = max(0, self.debt - deed.points)

    def _claw_back(self, deed: Deed) -> None:
        """As `clawback.foresee`: what ran out unused is not taken a second time."""
        part, at = self.parts[deed.of], deed.at
        gone = self.left[part.id] if part.ends_at <= at else 0
        self._asked[part.id] = asked = self._asked.get(part.id, 0) + deed.points
        due = max(0, asked - gone - self._back.get(part.id, 0))
        self._back[part.id] = self._back.get(part.id, 0) + due
        reaches = self.takes_others or at < part.begins_at
        own = min(due, self.left[part.id]) if at < part.ends_at and reaches else 0
        self.left[part.id] -= own
        missing = self._burn(due - own, at, but=part.id)[1] if self.takes_others else due - own
        self._owe(missing)


def exchanges(
    parts: Iterable[Part], left: dict[int, int], *, at: datetime, owed: int = 0
) -> tuple[list[Exchange], Drawn]:
    """Which points have to change places so that, at any instant to come, as many are alive as should be, and which pay what is owed.

    From the last end to the first: what a later end holds too much of covers what an earlier one lacks. `owed` is how much more is owed
    than would be; it is paid by points that are too many, soonest end first.
    """
    found: list[Exchange] = []
    wanted: list[list[int]] = []
    spare = 0
    in_turn = sorted(parts, key=lambda part: part.place, reverse=True)
    for end, group in groupby(in_turn, key=lambda part: part.ends_at):
        lots = list(group)
        more = sum(part.kept - left[part.id] for part in lots)
        covered = min(spare, max(0, -more))
        spare -= covered
        short = max(0, -more) - covered if end > at else 0
        for part in lots:
            lacking = min(short, left[part.id] - part.kept)
            if lacking > 0:
                wanted.append([part.id, lacking])
                short -= lacking
        for part in lots:
            over = min(part.kept - left[part.id], part.free, more)
            while over > 0 and wanted:
                points = min(over, wanted[0][1])
                found.append((part.id, wanted[0][0], points))
                over, more, wanted[0][1] = over - points, more - points, wanted[0][1] - points
                wanted = wanted if wanted[0][1] else wanted[1:]
        spare += max(0, more)
    return found, _payments(reversed(in_turn), left, found, min(owed, spare))


def _payments(parts: Iterable[Part], left: dict[int, int], moved: Iterable[Exchange], owed: int) -> Drawn:
    """What pays so much of what is owed: points that are too many, apart from those that change places."""
    given: dict[int, int] = {}
    for lot, _gets, points in moved:
        given[lot] = given.get(lot, 0) + points
    paid: Drawn = []
    for part in parts:
        gone = given.get(part.id, 0)
        points = min(owed, part.kept - left[part.id] - gone, part.free - gone)
        if points > 0:
            paid.append((part.id, points))
            owed -= points
    return paid
