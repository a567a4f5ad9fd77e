"""Tiers: measured on qualifying points or spend over a window, up at once (DOMAIN 8).

Spending points never costs a tier. The window is the last months, the calendar year or everything since enrolment,
always in the program clock. A stay in a tier is a row of history; a late purchase moves the stays as if it had come in
order, and a stay that it overtakes keeps its row with no length.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db.models import F, Min, OuterRef, Q, Subquery, Sum

from loyalty.common.bulk import insert_rows, update_rows
from loyalty.common.clock import add_months, day_start
from loyalty.ledger.models import Program, Wallet
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


class Ladder:
    """A program's tiers and what counts towards them, read once for a batch.

    Amounts are whole numbers: the wallet's smallest unit for points, hundredths of the currency for spend.
    """

    def __init__(self, tiers: Sequence[Tier], policy: TierPolicy, zone: str, decimals: int) -> None:
        """Tiers in the order of their rank."""
        self.tiers = list(tiers)
        self.by_id = {tier.pk: tier for tier in tiers}
        self.metric, self.window, self.months = policy.metric, policy.window, policy.months
        self.zone, self.decimals = zone, decimals
        self.scale = 10**decimals if policy.metric == TierPolicy.Metric.POINTS else 100
        self.column = "qualifying_points" if policy.metric == TierPolicy.Metric.POINTS else "qualifying_spend"
        self.thresholds = [-int(-tier.threshold * self.scale // 1) for tier in self.tiers]

    def reached(self, amount: int) -> Tier:
        """The highest tier whose threshold an amount reaches."""
        return self.tiers[max(bisect_right(self.thresholds, amount) - 1, 0)]

    def since(self, at: datetime) -> datetime | None:
        """The beginning of the window that ends at an instant; None when everything counts."""
        if self.window == TierPolicy.Window.LIFETIME:
            return None
        return _window_start(at.astimezone(_zone(self.zone)).date(), self.zone, self.window, self.months)

    def amount(self, points: int, spend: Decimal) -> int:
        """What a purchase adds to the measure."""
        return points if self.column == "qualifying_points" else int(spend * 100)

    def shown(self, amount: int) -> Decimal:
        """An amount as people read it: whole points or money."""
        return Decimal(amount) / self.scale

    def whole(self, stored: Decimal | int | None) -> int:
        """An amount as the database keeps it, as a whole number."""
        return int(stored or 0) if self.column == "qualifying_points" else int((stored or 0) * 100)


def ladder(program: Program) -> Ladder:
    """The program's ladder: one query."""
    tiers = list(
        Tier.objects.filter(program=program)
        .select_related("program__tier_policy")
        .annotate(
            decimals=Subquery(Wallet.objects.filter(program=OuterRef("program"), is_main=True).values("decimals")[:1])
        )
        .order_by("rank")
    )
    policy = getattr(tiers[0].program, "tier_policy", None) or TierPolicy(program=program)
    return Ladder(tiers, policy, program.time_zone, tiers[0].decimals or 0)


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


def trails(steps: Ladder, member_ids: Iterable[int], *, earliest: datetime) -> dict[int, Trail]:
    """The trail of each member, for purchases from `earliest` on: two queries (three when everything counts)."""
    walked = {member_id: Trail(steps) for member_id in member_ids}
    stays = TierStay.objects.filter(member__any_of=walked).exclude(until=F("since")).order_by("since", "id")
    for member_id, stay_id, tier_id, since, until in stays.values_list("member_id", "id", "tier_id", "since", "until"):
        walked[member_id].stays.append(Stay(steps.by_id[tier_id], since, until, stay_id=stay_id))
    counted = Purchase.objects.filter(member__any_of=walked)
    start = steps.since(earliest)
    if start is None:
        before = counted.filter(occurred_at__lt=earliest).order_by().values("member_id").annotate(sum=Sum(steps.column))
        for row in before:
            walked[row["member_id"]].totals[0] = steps.whole(row["sum"])
    rows = counted.filter(occurred_at__gte=start or earliest).order_by("occurred_at", "id")
    for member_id, occurred_at, amount in rows.values_list("member_id", "occurred_at", steps.column):
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
        return day_start(date(at.astimezone(_zone(steps.zone)).year + 1, 1, 1), steps.zone)
    bought = oldest.astimezone(_zone(steps.zone)).date()
    leaves = add_months(bought, steps.months) - timedelta(days=1)
    while (
        _window_start(leaves, steps.zone, steps.window, steps.months) <= oldest
    ):  # month ends clamp: find the exact day
        leaves += timedelta(days=1)
    return day_start(leaves, steps.zone)


@lru_cache(maxsize=8192)
def _window_start(day: date, zone: str, window: str, months: int) -> datetime:
    """The first instant that counts on a day: 1 January, or the day after the same day `months` ago."""
    if window == TierPolicy.Window.CALENDAR:
        return day_start(date(day.year, 1, 1), zone)
    return day_start(add_months(day, -months) + timedelta(days=1), zone).astimezone(UTC)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    """A time zone, looked up once."""
    return ZoneInfo(name)
