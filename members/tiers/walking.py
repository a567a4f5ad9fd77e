"""The way through the tiers, in order of time: what counts, what was given by hand, and the reviews (DOMAIN 8.1, 8.2).

Up at once, where the measure reaches a higher tier. Down only where a review is decided: at the review date, or after the
days of grace, with what came until then counted as if it had come before. A tier given by hand is not lowered before its
own end; then its member falls to the tier that is reached, and not below the one before.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from datetime import datetime

from members.ladders import INSTANT, Ladder
from members.models import Tier, TierPolicy
from members.tiers.parts import Came, Later, at_once
from members.tiers.stays import ENDED, GIVEN, POLICY, REVIEW, Given, Stay


class Trail:
    """One member's counted amounts and tier stays in order of time, to walk new purchases and reviews along.

    `returns` are (when, when the goods had been bought, what no longer counts): they leave the window with their purchase.
    `known_until` is the instant of the last purchase that was recorded before, `decided_until` that of the last stay
    that a review, a hand or an edit began. `credits` are still ahead: those of a counted wallet, and points of purchases
    that count from later on; `unconfirmed` are (until when, points) that wait for an event. One that
    `is_late` is walked again when it is settled; what it tells meanwhile is for the time being.
    """

    __slots__ = (
        "changed", "credits", "decided_until", "given", "grants", "is_late", "known_until", "ladder", "loaded", "returns",
        "stays", "totals", "unconfirmed", "whens",
    )  # fmt: skip

    def __init__(self, steps: Ladder) -> None:
        """An empty trail: `members.tiers.reading` fills it."""
        self.ladder = steps
        self.whens: list[datetime] = []
        self.totals: list[int] = [0]
        self.stays: list[Stay] = []
        self.loaded: list[Stay] = []
        self.given: list[Stay] = []
        self.grants: dict[int, Given] = {}
        self.credits: list[tuple[datetime, int, str]] = []
        self.returns: list[tuple[datetime, datetime, int]] = []
        self.known_until: datetime | None = None
        self.decided_until: datetime | None = None
        self.unconfirmed: list[tuple[datetime, int]] = []
        self.changed = self.is_late = False

    def tier_at(self, at: datetime) -> Tier:
        """The tier at an instant, with what was due until then; before the first stay the lowest one."""
        self.go_to(at)
        return self.held(at).tier if self.stays and self.stays[0].since <= at else self.ladder.tiers[0]

    def held(self, at: datetime) -> Stay:
        """The stay at an instant; before the first one that one."""
        return next((stay for stay in reversed(self.stays) if stay.since <= at), self.stays[0])

    def add(self, at: datetime, amount: int, cause: str, later: Sequence[Later] = ()) -> None:
        """Count an amount at an instant, and raise the tier where the measure now reaches a higher one.

        Of points, what counts only `later` waits.
        """
        if later and self.ladder.counts_points:
            amount = at_once(amount, later)
            self.wait(later, cause)
        self.go_to(at)
        counted = self.ladder.counted(amount)
        self.count(at, counted)
        if counted and not (self.stays and self.stays[-1].since > at):
            self._climb(at, cause)

    def wait(self, later: Iterable[Later], cause: str) -> None:
        """Points that count from later on; those of which nobody knows from when do not count here."""
        for counts_at, points, confirm_by in later:
            if counts_at is not None and points:
                self.expect(counts_at, points, cause)
            elif confirm_by is not None:
                self.unconfirmed.append((confirm_by, points))

    def lose(self, came: Iterable[Came]) -> None:
        """What came back of a purchase whose points count later, part by part."""
        for when, since, amount, confirm_by in came:
            if since is not None:
                self.returns.append((when, since, amount))
            elif confirm_by is not None:
                self.unconfirmed.append((confirm_by, -amount))

    def waiting(self, at: datetime, *, until: datetime | None = None) -> int:
        """What does not count at an instant and will: all of it, or what does `until` another instant for certain."""
        ahead = sum(n for when, n, _cause in self.credits if when > at and (until is None or when < until))
        back = sum(n for _at, since, n in self.returns if since > at and (until is None or since < until))
        hoped = sum(n for confirm_by, n in self.unconfirmed if confirm_by > at) if until is None else 0
        return max(ahead - back + hoped, 0)

    def is_due(self, at: datetime) -> bool:
        """Whether points of purchases began to count by an instant that the walk has not come to yet."""
        return self.ladder.counts_points and bool(self.credits) and self.credits[0][0] <= at

    def expect(self, at: datetime, amount: int, cause: str) -> None:
        """An amount that counts from an instant that is still ahead; of one instant, what is taken back comes first."""
        insort(self.credits, (at, amount, cause), key=lambda one: (one[0], one[1] > 0, one[2]))

    def count(self, at: datetime, amount: int) -> None:
        """Count an amount without looking at the tier."""
        if not self.whens or at >= self.whens[-1]:
            self.whens.append(at)
            self.totals.append(self.totals[-1] + amount)
            return
        place = bisect_right(self.whens, at)
        self.whens.insert(place, at)
        self.totals.insert(place + 1, self.totals[place] + amount)
        for index in range(place + 2, len(self.totals)):
            self.totals[index] += amount

    def measured(self, at: datetime) -> int:
        """What counts in the window that ends at an instant."""
        return self.between(self.window(at), at + INSTANT)

    def window(self, at: datetime) -> datetime | None:
        """From when on amounts count in the window that ends at an instant; None: from the beginning."""
        if self.ladder.window == TierPolicy.Window.ENTRY:
            return self.held(at).begin() if self.stays else None
        return self.ladder.since(at)

    def between(self, since: datetime | None, until: datetime) -> int:
        """What counts from an instant on and before another, less what came back before that one."""
        start = 0 if since is None else self.totals[bisect_left(self.whens, since)]
        back = sum(n for when, bought, n in self.returns if when < until and (since is None or bought >= since))
        return self.totals[bisect_left(self.whens, until)] - start - back

    def go_to(self, at: datetime) -> None:
        """Whatever was due up to an instant: credits of the counted wallet, tiers given by hand, reviews, oldest first."""
        if self.stays and self.stays[-1].since > at:
            return
        if not (self.given or self.credits or (self.stays and self.stays[-1].review_at)):
            return
        while True:
            review = self._decided()
            given = self.given[0].since if self.given else None
            credit = self.credits[0][0] if self.credits else None
            first = min((when for when in (review, given, credit) if when is not None and when <= at), default=None)
            if first is None:
                return
            if first == review:
                self._review(first)
            elif first == given:
                self._take(self.given.pop(0))
            else:
                self._credit(first)

    def move(self, stay: Stay) -> None:
        """Begin a stay: the one before it ends."""
        if self.stays:
            self.stays[-1].until, self.stays[-1].review_at = stay.since, None
        stay.review_at = stay.held_until or self.next_review(stay, stay.since)
        self.stays.append(stay)
        self.changed = True

    def next_review(self, stay: Stay, after: datetime) -> datetime | None:
        """When a stay is reviewed next; the lowest tier is never."""
        return None if stay.tier.pk == self.ladder.tiers[0].pk else self.ladder.review_after(stay.since, after)

    def review_window(self, stay: Stay) -> datetime | None:
        """From when on amounts count at the stay's next review: the year that ends with it, or the months before its day.

        The day on which a stay began is just outside of as many months: what lifted a member does not also keep the tier.
        """
        upcoming = stay.review_at
        if upcoming is None or self.ladder.window == TierPolicy.Window.ENTRY:
            return stay.begin()
        is_year = self.ladder.window == TierPolicy.Window.CALENDAR
        return self.ladder.since(upcoming - INSTANT if is_year else upcoming)

    def _decided(self) -> datetime | None:
        """When the next review of the stay held is decided."""
        stay = self.stays[-1] if self.stays else None
        if stay is None or stay.review_at is None:
            return None
        return stay.review_at if stay.review_at == stay.held_until else self.ladder.decided(stay.review_at)

    def _review(self, at: datetime) -> None:
        """Decide the review of the stay held: it goes on, or another begins."""
        stay = self.stays[-1]
        due, floor = stay.review_at or at, self._floor(at)
        measured = self.between(self.review_window(stay), at)
        tier, cause = stay.tier, f"{REVIEW}{due.isoformat()}"
        if measured < self.ladder.keep(tier):
            if due == stay.held_until:
                tier, cause = self._fallen(measured), ENDED + stay.cause.removeprefix(GIVEN)
            else:
                softly = self.ladder.policy.soft_landing and not stay.cause.startswith(REVIEW)
                tier = self.ladder.landed(tier, measured, softly=softly)
            if floor is not None and floor.rank > tier.rank:
                tier = floor
        if tier.rank < stay.tier.rank:
            self.move(Stay(tier, at, None, cause, measured))
            return
        stay.renewed_at, stay.review_at = due, self.next_review(stay, due)
        self.changed = True

    def _fallen(self, measured: int) -> Tier:
        """The tier after the end of one given by hand: what is reached, and not below the one before."""
        before = next((stay.tier for stay in reversed(self.stays) if not stay.cause.startswith(GIVEN)), None)
        reached = self.ladder.reached(measured)
        before = self.ladder.nearest(before) if before is not None else reached
        return before if before.rank > reached.rank else reached

    def _floor(self, at: datetime) -> Tier | None:
        """The highest tier given by hand that has not ended."""
        tiers = [self.ladder.by_id[one.tier_id] for one in self.grants.values() if one.since <= at < one.until]
        return max(tiers, key=lambda tier: tier.rank, default=None)

    def _take(self, stay: Stay) -> None:
        """A tier that no measure gave: the first one, or a higher one; one given by hand also keeps the tier held."""
        held = self.stays[-1].tier.rank if self.stays else -1
        if stay.tier.rank > held or (stay.held_until is not None and stay.tier.rank == held):
            stay.measured = stay.measured or (self.measured(stay.since) if self.stays else 0)
            self.move(stay)

    def _credit(self, at: datetime) -> None:
        """Count everything that begins to count at an instant, and look at the tier once."""
        cause = ""
        while self.credits and self.credits[0][0] == at:
            _at, amount, cause = self.credits.pop(0)
            self.count(at, amount)
        self._climb(at, cause)

    def _climb(self, at: datetime, cause: str) -> None:
        """Go up at an instant if the measure there reaches a tier above the one held."""
        measured = self.measured(at)
        tier = self.ladder.reached(measured)
        if tier.rank > (self.stays[-1].tier.rank if self.stays else self.ladder.tiers[0].rank):
            self.move(Stay(tier, at, None, cause, measured))

    def count_credits(self, until: datetime) -> None:
        """Count what the counted wallet got before an instant without looking at the tier: another policy is about to."""
        while self.credits and self.credits[0][0] < until:
            at, amount, _cause = self.credits.pop(0)
            self.count(at, amount)

    def go_on_from(self, before: "Trail") -> None:
        """Take over where a trail under another policy led."""
        self.stays, self.loaded, self.given = before.stays, before.loaded, before.given
        self.changed |= before.changed

    def _without(self, since: datetime, until: datetime) -> Tier:
        """The tier of an instant, had only this policy been in force from another one on, without a review in between."""
        before = self.held(since - INSTANT)
        tier, begin = before.tier, before.begin()
        for when in self.whens[bisect_left(self.whens, since) : bisect_left(self.whens, until)]:
            start = begin if self.ladder.window == TierPolicy.Window.ENTRY else self.ladder.since(when)
            reached = self.ladder.reached(self.between(start, when + INSTANT))
            if reached.rank > tier.rank:
                tier, begin = reached, when + INSTANT
        return tier

    def switch(self, at: datetime) -> None:
        """Another policy came into force: up at once, down at once only if it says so; reviews follow it from then on.

        Who is in a tier that is not on the ladder any more goes to the one below, or to a higher one that is reached.
        The undo of an edit gives everybody the tier they would have had without it.
        """
        measured, steps = self.measured(at - INSTANT), self.ladder
        stay, cause = self.stays[-1], f"{POLICY}{steps.policy.version}"
        tier, floor = steps.reached(measured), self._floor(at)
        if steps.puts_back is not None:
            tier = self._without(steps.puts_back, at)
            tier = floor if floor is not None and floor.rank > tier.rank else tier
        elif tier.rank <= (nearest := steps.nearest(stay.tier)).rank:
            tier = nearest
            if steps.policy.moves_down_at_once and measured < steps.keep(tier):
                tier = steps.landed(tier, measured, softly=False)
            tier = floor if floor is not None and floor.rank > tier.rank else tier
        if tier.pk != stay.tier.pk and (floor is None or tier.rank >= floor.rank):
            self.move(Stay(tier, at, None, cause, measured))
        elif stay.held_until is None or stay.held_until <= at:
            upcoming = self.next_review(stay, at)
            self.changed |= upcoming != stay.review_at
            stay.review_at = upcoming
