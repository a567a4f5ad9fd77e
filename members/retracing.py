"""Tier stays walked again: what comes late, or comes back, ends in the stays that the right order would have given.

Up at once, down only at reviews, which are walked again too (`members.tiers.walking`). Stays that no purchase and no review
made (the enrolment's, those given by hand) are facts. Each instant is walked under the policy of its day
(`members.tiers.eras`). A stay that was not to be keeps its row with no length, and
a row recorded after it covers its time, so that what was known before can still be told (`members.statements`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from loyalty.common.bulk import insert_rows, update_rows
from members.ladders import INSTANT, Ladder
from members.models import Member, Tier, TierStay
from members.tiers.parts import Later, at_once, note_counted, taken_back
from members.tiers.reading import add_credits, by_hand, grants
from members.tiers.stays import CREDIT, ENDED, GIVEN, POLICY, PURCHASE, REVIEW, Given, Stay
from members.tiers.walking import Trail
from members.tiers.writing import DATES, STAY_FIELDS, stay_row

MADE = (PURCHASE, REVIEW, ENDED, POLICY, GIVEN, CREDIT)


class Recorded(list[TierStay]):
    """Every recorded stay of a member, in order of time, with what was given by hand."""

    def __init__(self, member_id: int) -> None:
        """Of a member, nothing yet."""
        super().__init__()
        self.member_id = member_id
        self.grants: list[Given] = []


class Bought(NamedTuple):
    """A purchase as the walk counts it, with what came back of it: (when, points, spend), and which of its points count `later`."""

    at: datetime
    points: int
    spend: Decimal
    back: Sequence[tuple[datetime, int, Decimal]]
    cause: str
    later: Sequence[Later]


class Walk(Trail):
    """One member's way through the tiers from an instant on, step by step in order of time."""

    __slots__ = ("back", "bought", "coming", "rows", "since")

    def __init__(self, ladders: Sequence[Ladder], rows: Sequence[TierStay], since: datetime) -> None:
        """Begin where the member stood just before `since`; `rows` are all recorded stays.

        `ladders` are those in force from then on, see `members.tiers.eras`. What was before the first of them stands.
        """
        first = ladders[0]
        super().__init__(first)
        self.rows, self.back = rows, list[tuple[datetime, int, Decimal]]()
        self.bought: list[Bought] = []
        self.coming = [one for one in ladders if one.wall is not None and one.wall > since]
        self.since = since if first.wall is None else max(since, first.wall)
        given = rows.grants if isinstance(rows, Recorded) else []
        self.grants = {one.pk: one for one in given}
        lasting = [row for row in rows if row.until is None or row.until > row.since]
        self.stays = [self._stay(row) for row in lasting if row.since < self.since]
        if self.stays:
            self._resume(self.stays[-1])
        facts = {(r.since, r.tier_id): r for r in rows if not r.cause.startswith(MADE) and r.since >= self.since}
        ahead = [by_hand(first, one) for one in given if one.since >= self.since]
        self.given = sorted([*(self._stay(row) for row in facts.values()), *ahead], key=lambda s: s.since)
        self._read_credits()

    @property
    def reads_from(self) -> datetime:
        """The earliest instant whose window is asked about: a review that is still to be decided may be due before the first one."""
        due = self.stays[-1].review_at if self.stays else None
        backs = [one.puts_back - INSTANT for one in self.coming if one.puts_back is not None]
        return min([self.since, *backs] if due is None else [self.since, due - INSTANT, *backs])

    def tier_at(self, at: datetime) -> Tier:
        """The tier a purchase at this instant meets."""
        if at >= self.since:
            self.go_to(at)
        return self.held(at).tier if self.stays and self.stays[0].since <= at else self.ladder.tiers[0]

    def go_to(self, at: datetime) -> None:
        """Whatever was due up to an instant, edits of the policy among it."""
        while self.coming and (wall := self.coming[0].wall) is not None and wall <= at:
            if wall > self.since:
                super().go_to(wall - INSTANT)
            self._enter(self.coming.pop(0), wall)
        super().go_to(at)

    def give_back(self, at: datetime, points: int, spend: Decimal) -> None:
        """Goods came back: from that instant on so much no longer counts, as long as their purchase would have.

        Told before the purchase itself (`buy`): a visit is lost by the refund that leaves nothing of it.
        """
        self.back.append((at, points, spend))

    def buy(self, at: datetime, points: int, spend: Decimal, cause: str, later: Sequence[Later] = ()) -> None:
        """Count a purchase, and rise from `since` on where the measure reaches a higher tier."""
        if at >= self.since:
            self.go_to(at)
        one = Bought(at, points, spend, self.back, cause, later)
        self.back = []
        self.bought.append(one)
        self._lose(one)
        if at < self.since:
            self._count(one, self.since)
        else:
            self.add(at, self.ladder.amount(points, spend), cause, later)

    def _count(self, one: Bought, until: datetime) -> None:
        """Count a purchase without looking at the tier; what of it counts from an instant on or after it waits."""
        amount = self.ladder.amount(one.points, one.spend)
        if not one.later or not self.ladder.counts_points:
            self.count(one.at, self.ladder.counted(amount))
            return
        self.count(one.at, at_once(amount, one.later))
        for part in one.later:
            if part.counts_at is not None and part.counts_at < until:
                self.count(part.counts_at, part.points)
            else:
                self.wait([part], one.cause)

    def _lose(self, one: Bought) -> None:
        """What came back of a purchase leaves the windows with it."""
        if one.later and self.ladder.counts_points:
            back = [(when, points) for when, points, _spend in one.back]
            self.lose(taken_back(one.at, one.points, one.later, back))
            return
        came, whole = 0, self.ladder.amount(one.points, one.spend)
        for when, points, spend in one.back:
            part = self.ladder.amount(points, spend)
            came, before = came + part, came
            lost = int(before < whole <= came) if self.ladder.counts_visits else self.ladder.counted(part)
            self.returns.append((when, one.at, lost))

    def _enter(self, steps: Ladder, at: datetime) -> None:
        """Another policy comes into force: what was counted is counted its way, and the stay goes on under it."""
        if steps is not self.ladder:
            self.ladder, self.whens, self.totals, self.returns = steps, [], [0], []
            self._read_credits()
            self.unconfirmed = []
            for one in self.bought:
                self._lose(one)
                self._count(one, at)
        self.count_credits(at)
        if self.stays and self.stays[-1].since < at:
            self.switch(at)

    def _read_credits(self) -> None:
        """The credits of the counted wallet, where one is counted: one query."""
        self.credits = []
        if self.ladder.counts_wallet and isinstance(self.rows, Recorded):
            add_credits({self.rows.member_id: self})

    def finish(self, until: datetime) -> list[Stay]:
        """The stays as they are now, with what was due until an instant, each ending where the next begins.

        What a review or a hand decided after that instant, as it is recorded, is walked again too.
        """
        ahead = [*(row.since for row in self.rows), *(stay.since for stay in self.given)]
        self.go_to(max([until, *ahead]))
        for stay in self.given:
            self._take(stay)
        for stay, following in zip(self.stays, [*self.stays[1:], None], strict=True):
            stay.until = following.since if following else None
            stay.review_at = None if following else stay.review_at
        return [stay for stay in self.stays if stay.until is None or stay.until > stay.since]

    def _stay(self, row: TierStay) -> Stay:
        """A recorded stay, to be walked on from."""
        measured = int(row.measured * self.ladder.scale)
        stay = Stay(self.ladder.by_id[row.tier_id], row.since, row.until, row.cause, measured, row.pk)
        stay.renewed_at = row.renewed_at
        grant = self.grants.get(int(row.cause.removeprefix(GIVEN))) if row.cause.startswith(GIVEN) else None
        stay.held_until = grant.until if grant else None
        return stay

    def _resume(self, stay: Stay) -> None:
        """The review that was next when the walk begins: those before that are recorded as passed have been.

        One that was due and is not recorded yet is still to be decided.
        """
        passed = stay.renewed_at or stay.since
        stay.until, stay.renewed_at, after = None, None, stay.since
        if stay.held_until is not None:
            if stay.held_until >= self.since or passed < stay.held_until:
                stay.review_at = stay.held_until
                return
            stay.renewed_at = after = stay.held_until
        if self.ladder.wall is not None and stay.since < self.ladder.wall:
            after = max(after, self.ladder.wall)
            if stay.since < passed <= self.ladder.wall:
                stay.renewed_at = (
                    passed  # under the policy before, and so not to be found among the reviews of this one
                )
        due = self.next_review(stay, after)
        while due is not None and due <= passed and self.ladder.decided(due) < self.since:
            stay.renewed_at, due = due, self.next_review(stay, due)
        stay.review_at = due


def stays_of(member_ids: Iterable[int]) -> dict[int, Recorded]:
    """Every recorded stay of members, in order of time, with what was given by hand: two queries."""
    rows = {member_id: Recorded(member_id) for member_id in member_ids}
    for row in TierStay.objects.filter(member__any_of=list(rows)).order_by("since", "id"):
        rows[row.member_id].append(row)
    for member_id, given in grants(rows).items():
        rows[member_id].grants = given
    return rows


def rewrite(walks: dict[int, Walk], *, recorded_at: datetime) -> None:
    """Write down where the walks led, as far as it differs from what is recorded: four statements at most."""
    ends: list[tuple[object, ...]] = []
    new: list[tuple[object, ...]] = []
    tiers: list[tuple[int, int]] = []
    for member_id, walk in walks.items():
        told = walk.finish(recorded_at)
        changed, added = _differences(walk.rows, told)
        ends += changed
        new += [stay_row(member_id, walk, stay, recorded_at) for stay in added]
        if (changed or added) and told:
            tiers.append((member_id, told[-1].tier.pk))
    # One open stay per member at any moment: close first.
    update_rows(TierStay, "id", DATES, [end for end in ends if end[1]])
    update_rows(TierStay, "id", DATES, [end for end in ends if not end[1]])
    insert_rows(TierStay, STAY_FIELDS, new)
    update_rows(Member, "id", ("tier",), tiers)
    if any(walk.ladder.has_parts for walk in walks.values()):
        note_counted(walks, until=recorded_at)


def _differences(rows: Sequence[TierStay], told: Sequence[Stay]) -> tuple[list[tuple[object, ...]], list[Stay]]:
    """Which recorded rows end or are reviewed otherwise, and which stays have no row yet.

    A row is never prolonged over one that was not to be: the time is told again by a row recorded after both.
    """
    lasting = {(row.since, row.tier_id): row for row in rows if row.until is None or row.until > row.since}
    kept = {(stay.since, stay.tier.pk): stay for stay in told if (stay.since, stay.tier.pk) in lasting}
    gone = [row for key, row in lasting.items() if key not in kept]
    for row in gone:
        covering = [stay for stay in told if stay.since <= row.since]
        key = (covering[-1].since, covering[-1].tier.pk) if covering else None
        if key in kept and lasting[key].pk < row.pk:
            del kept[key]
    changed: list[tuple[object, ...]] = []
    for key, row in lasting.items():
        dates = kept[key].dates if key in kept else (row.since, None, row.renewed_at)
        if dates != (row.until, row.review_at, row.renewed_at):
            changed.append((row.pk, *dates))
    return changed, [stay for stay in told if (stay.since, stay.tier.pk) not in kept]
