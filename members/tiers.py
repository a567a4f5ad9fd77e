"""Tiers: measured on qualifying points or spend over a window, up at once (DOMAIN 8).

Spending points never costs a tier. The window is the last months, the calendar year or everything since enrolment,
always in the program clock. A stay in a tier is a row of history; a late purchase moves the stays as if it had come in
order, and a stay that it overtakes keeps its row with no length.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Min, OuterRef, Q, Subquery, Sum

from loyalty.common.bulk import insert_rows, update_rows
from loyalty.common.clock import add_months, day_start
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program
from members.ladders import Ladder, ladder, window_start, zone_of
from members.models import Member, Purchase, Tier, TierPolicy, TierStay

STAY_FIELDS = ("member", "tier", "since", "until", "recorded_at", "cause", "measured")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands: for the portal, the desk and the API.

    `measured` and `missing` are in whole points or in money, as `metric` says. `counts_until` is when the present
    measure first loses something: the end of the year, or the day the oldest counted purchase leaves the window.
    """

    tier: Tier
    metric: str
    measured: Decimal
    next_tier: Tier | None
    missing: Decimal | None
    since: datetime
    counts_until: datetime | None


class Stay:
    """One stretch of time in a tier, perhaps not yet written down (`id` is None)."""

    __slots__ = ("cause", "id", "measured", "since", "tier", "until")

    def __init__(
        self,
        tier: Tier,
        since: datetime,
        until: datetime | None,
        cause: str = "",
        measured: int = 0,
        stay_id: int | None = None,
    ) -> None:
        """A stay read from the database has its id."""
        self.tier, self.since, self.until = tier, since, until
        self.cause, self.measured, self.id = cause, measured, stay_id


class Trail:
    """One member's qualifying amounts and tier stays in order of time, to walk new purchases along."""

    __slots__ = ("changed", "ends", "ladder", "stays", "totals", "whens")

    def __init__(self, steps: Ladder) -> None:
        """An empty trail: `load` fills it."""
        self.ladder = steps
        self.whens: list[datetime] = []
        self.totals: list[int] = [0]
        self.stays: list[Stay] = []
        self.ends: list[Stay] = []
        self.changed = False

    def tier_at(self, at: datetime) -> Tier:
        """The tier at an instant; before the first stay the lowest one."""
        for stay in reversed(self.stays):
            if stay.since <= at:
                return stay.tier
        return self.ladder.tiers[0]

    def add(self, at: datetime, amount: int, cause: str) -> None:
        """Count an amount at an instant, and raise the tier where the measure now reaches a higher one."""
        place = bisect_right(self.whens, at)
        self.whens.insert(place, at)
        self.totals.insert(place + 1, self.totals[place] + amount)
        for index in range(place + 2, len(self.totals)):
            self.totals[index] += amount
        if amount:
            for instant in self.whens[place:]:
                self._climb(instant, cause)

    def measured(self, at: datetime) -> int:
        """What counts in the window that ends at an instant."""
        since = self.ladder.since(at)
        start = 0 if since is None else self.totals[bisect_left(self.whens, since)]
        return self.totals[bisect_right(self.whens, at)] - start

    def _climb(self, at: datetime, cause: str) -> None:
        """Go up at an instant if the measure there reaches a tier above the one held."""
        measured = self.measured(at)
        tier = self.ladder.reached(measured)
        if tier.rank <= self.tier_at(at).rank:
            return
        before = [stay for stay in self.stays if stay.since < at]
        after = [stay for stay in self.stays if stay.since >= at]
        overtaken = [stay for stay in after if stay.tier.rank <= tier.rank]
        later = [stay for stay in after if stay.tier.rank > tier.rank]
        if before:
            before[-1].until = at
        for stay in overtaken:
            stay.until = stay.since
        new = Stay(tier, at, later[0].since if later else None, cause, measured)
        self.ends += [stay for stay in (*before[-1:], *overtaken) if stay.id is not None]
        self.stays = [*before, new, *later]
        self.changed = True


_stays = Prepared(
    lambda: (
        TierStay.objects.filter(member__any_of=Given("members"))
        .exclude(until=F("since"))
        .order_by("since", "id")
        .values_list("member_id", "id", "tier_id", "since", "until")
    )
)


def _prepared_amounts(column: str) -> Prepared:
    """What members' purchases added to the measure from an instant on, in order of time."""
    return Prepared(
        lambda: (
            Purchase.objects.filter(member__any_of=Given("members"), occurred_at__gte=Given("since"))
            .order_by("occurred_at", "id")
            .values_list("member_id", "occurred_at", column)
        )
    )


_amounts = {column: _prepared_amounts(column) for column in ("qualifying_points", "qualifying_spend")}


def trails(steps: Ladder, member_ids: Iterable[int], *, earliest: datetime) -> dict[int, Trail]:
    """The trail of each member, for purchases from `earliest` on: two queries (three when everything counts)."""
    walked = {member_id: Trail(steps) for member_id in member_ids}
    for member_id, stay_id, tier_id, since, until in _stays(members=walked):
        walked[member_id].stays.append(Stay(steps.by_id[tier_id], since, until, stay_id=stay_id))
    start = steps.since(earliest)
    if start is None:
        counted = Purchase.objects.filter(member__any_of=walked)
        before = counted.filter(occurred_at__lt=earliest).order_by().values("member_id").annotate(sum=Sum(steps.column))
        for row in before:
            walked[row["member_id"]].totals[0] = steps.whole(row["sum"])
    for member_id, occurred_at, amount in _amounts[steps.column](members=walked, since=start or earliest):
        trail = walked[member_id]
        trail.whens.append(occurred_at)
        trail.totals.append(trail.totals[-1] + steps.whole(amount))
    return walked


def write_stays(walked: dict[int, Trail], *, recorded_at: datetime) -> int:
    """Write down the stays that began and ended on the trails; returns how many members moved."""
    moved = {member_id: trail for member_id, trail in walked.items() if trail.changed}
    ends = {stay.id: stay.until for trail in moved.values() for stay in trail.ends}
    update_rows(TierStay, "id", ("until",), list(ends.items()))
    new = [
        (member_id, stay.tier.pk, stay.since, stay.until, recorded_at, stay.cause, trail.ladder.shown(stay.measured))
        for member_id, trail in moved.items()
        for stay in trail.stays
        if stay.id is None
    ]
    insert_rows(TierStay, STAY_FIELDS, new)
    update_rows(Member, "id", ("tier",), [(member_id, trail.stays[-1].tier.pk) for member_id, trail in moved.items()])
    return len(moved)


def tier_at(member: Member, instant: datetime) -> Tier:
    """The tier a member had at an instant; before the first stay the program's lowest."""
    return tiers_at(member.program, [(member.pk, instant)])[member.pk, instant]


def tiers_at(program: Program, asked: Sequence[tuple[int, datetime]]) -> dict[tuple[int, datetime], Tier]:
    """The tiers that members had at instants: two queries for any number of them."""
    tiers = list(Tier.objects.filter(program=program).order_by("rank"))
    by_id = {tier.pk: tier for tier in tiers}
    stays: dict[int, list[tuple[datetime, int]]] = {}
    rows = TierStay.objects.filter(member__any_of={member_id for member_id, _ in asked}).exclude(until=F("since"))
    for member_id, since, tier_id in rows.order_by("since", "id").values_list("member_id", "since", "tier_id"):
        stays.setdefault(member_id, []).append((since, tier_id))
    answers = {}
    for member_id, instant in asked:
        held = [tier_id for since, tier_id in stays.get(member_id, ()) if since <= instant]
        answers[member_id, instant] = by_id[held[-1]] if held else tiers[0]
    return answers


def standing_on(trail: Trail, enrolled_at: datetime, *, at: datetime) -> Standing:
    """As `standing`, of a member whose trail was just walked from an instant not after `at`: no query."""
    steps = trail.ladder
    stays = [stay for stay in trail.stays if stay.since <= at and (stay.until is None or stay.until > at)]
    if not stays:
        return _standing(steps, steps.tiers[0], 0, enrolled_at, None)
    window = steps.since(at)
    counted = trail.whens[bisect_left(trail.whens, window) if window else 0 : bisect_right(trail.whens, at)]
    ends = _counts_until(steps, at, counted[0] if counted else None)
    return _standing(steps, stays[-1].tier, trail.measured(at), stays[-1].since, ends)


def standing(member: Member, *, at: datetime) -> Standing:
    """Where a member stands at an instant, and what is missing for the next tier: two queries."""
    steps = ladder(member.program)
    counted = Purchase.objects.filter(member=OuterRef("member"), occurred_at__lte=at).order_by().values("member")
    since = steps.since(at)
    if since is not None:
        counted = counted.filter(occurred_at__gte=since)
    stay = (
        TierStay.objects.filter(Q(until__isnull=True) | Q(until__gt=at), member=member, since__lte=at)
        .annotate(
            amount=Subquery(counted.annotate(sum=Sum(steps.column)).values("sum")),
            oldest=Subquery(counted.annotate(first=Min("occurred_at")).values("first")),
        )
        .order_by("since")
        .last()
    )
    if stay is None:
        return _standing(steps, steps.tiers[0], 0, member.enrolled_at, None)
    return _standing(
        steps, steps.by_id[stay.tier_id], steps.whole(stay.amount), stay.since, _counts_until(steps, at, stay.oldest)
    )


def _standing(steps: Ladder, tier: Tier, amount: int, since: datetime, counts_until: datetime | None) -> Standing:
    """The standing with the next tier and what is missing for it."""
    following = next((other for other in steps.tiers if other.rank > tier.rank), None)
    missing = None
    if following:
        missing = steps.shown(max(steps.thresholds[steps.tiers.index(following)] - amount, 0))
    return Standing(tier, steps.metric, steps.shown(amount), following, missing, since, counts_until)


def _counts_until(steps: Ladder, at: datetime, oldest: datetime | None) -> datetime | None:
    """When the measure first loses something; None when it never does or there is nothing to lose."""
    if steps.window == TierPolicy.Window.LIFETIME or oldest is None:
        return None
    if steps.window == TierPolicy.Window.CALENDAR:
        return day_start(date(at.astimezone(zone_of(steps.zone)).year + 1, 1, 1), steps.zone)
    bought = oldest.astimezone(zone_of(steps.zone)).date()
    leaves = add_months(bought, steps.months) - timedelta(days=1)
    while (
        window_start(leaves, steps.zone, steps.window, steps.months) <= oldest
    ):  # month ends clamp: find the exact day
        leaves += timedelta(days=1)
    return day_start(leaves, steps.zone)
