"""Where a member stands: what is held, what is next, what is missing to keep and to reach, by when (DOMAIN 8.3)."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from loyalty.common.clock import add_months, day_start
from members.ladders import INSTANT, Ladder, ladder, window_start, zone_of
from members.models import Member, Tier, TierPolicy
from members.tiers.reading import trails
from members.tiers.stays import Stay
from members.tiers.walking import Trail

PACE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands: for the portal, the desk and the API.

    `measured` and all that is missing are in whole points, money or visits, as `metric` says. `counts_until` is when the
    present measure first loses something: the end of the year, or the day the oldest counted purchase leaves the window.
    `review_at` is the next review, `decided_at` until when it can still be passed; `keep` is what passes it. A tier given by
    hand is not lowered before `held_until`. `projected` is the tier after the review at the present pace. `waiting` is what
    does not count yet and will: the next of it from `waiting_until` on, or once its orders are confirmed (None).
    """

    tier: Tier
    metric: str
    measured: Decimal
    next_tier: Tier | None
    missing: Decimal | None
    since: datetime
    counts_until: datetime | None
    cause: str = ""
    review_at: datetime | None = None
    decided_at: datetime | None = None
    keep: Decimal | None = None
    keep_missing: Decimal | None = None
    held_until: datetime | None = None
    projected: Tier | None = None
    waiting: Decimal = Decimal(0)
    waiting_until: datetime | None = None

    @property
    def percent(self) -> int:
        """How much of the next tier's threshold is reached, in whole percent; 100 at the top."""
        goal = self.next_tier.threshold if self.next_tier else Decimal(0)
        return max(0, min(100, int(self.measured * 100 / goal))) if goal else 100

    @property
    def is_at_risk(self) -> bool:
        """Whether something is still missing to keep the tier at its next review."""
        return bool(self.keep_missing)


def standing(member: Member, *, at: datetime, steps: Ladder | None = None) -> Standing:
    """Where a member stands at an instant, with what was due until then: three queries, four where everything counts.

    One less when the caller has the program's ladder already.
    """
    trail = trails(steps or ladder(member.program), [member.pk], earliest=at)[member.pk]
    return standing_on(trail, member.enrolled_at, at=at)


def standing_on(trail: Trail, enrolled_at: datetime, *, at: datetime) -> Standing:
    """As `standing`, of a member whose trail was just walked from an instant not after `at`: no query."""
    steps = trail.ladder
    trail.go_to(at)
    if not trail.stays or trail.stays[0].since > at:
        return _standing(trail, Stay(steps.tiers[0], enrolled_at, None), 0, at, None)
    stay = trail.held(at)
    window = trail.window(at)
    first, last = bisect_left(trail.whens, window) if window else 0, bisect_right(trail.whens, at)
    grew = (trail.whens[place] for place in range(first, last) if trail.totals[place + 1] > trail.totals[place])
    ends = _counts_until(steps, at, next(grew, None))
    return _standing(trail, stay, trail.measured(at), at, ends)


def _standing(trail: Trail, stay: Stay, amount: int, at: datetime, counts_until: datetime | None) -> Standing:
    """The standing with the next tier, what is missing for it, and what is missing to keep this one."""
    steps, tier = trail.ladder, stay.tier
    following = next((other for other in steps.tiers if other.rank > tier.rank), None)
    missing = steps.shown(max(steps.thresholds[steps.place(following)] - amount, 0)) if following else None
    review = stay.review_at if stay.until is None else None
    decided = keep = keep_missing = projected = None
    if review is not None:
        decided = review if review == stay.held_until else steps.decided(review)
        least, counted = steps.keep(tier), trail.between(trail.review_window(stay), at + INSTANT)
        projected = projection(trail, stay, at=at)
        keep, keep_missing = steps.shown(least), steps.shown(max(least - counted, 0))
    held = stay.held_until if stay.held_until and stay.held_until > at else None
    waits = trail.waiting(at)
    return Standing(
        tier, steps.metric, steps.shown(amount), following, missing, stay.since, counts_until, stay.cause, review, decided,
        keep, keep_missing, held, projected, steps.shown(waits), trail.credits[0][0] if waits and trail.credits else None,
    )  # fmt: skip


def projection(trail: Trail, stay: Stay, *, at: datetime) -> Tier:
    """The tier after the next review at the present pace (docs/figures.md).

    The pace is what was counted per day in the last 90 days, or in as many as the window and the stay's history have.
    What counts at the review is what counts of it already, and the pace for each day that is left; or what waits and counts
    by then for certain, where that is more.
    """
    steps, review = trail.ladder, stay.review_at or at
    window = trail.review_window(stay)
    first = trail.stays[0].since
    since = max(at - timedelta(days=PACE_DAYS), first, window or first)
    days = max((at - since) / timedelta(days=1), 1.0)
    left = max((review - at) / timedelta(days=1), 0.0)
    pace = max(trail.between(since, at + INSTANT), 0) / days
    certain = trail.waiting(at, until=review)
    amount = trail.between(window, at + INSTANT) + max(int(pace * left), certain)
    reached = steps.reached(amount)
    if reached.rank > stay.tier.rank or amount >= steps.keep(stay.tier):
        return max(reached, stay.tier, key=lambda tier: tier.rank)
    return steps.landed(stay.tier, amount, softly=steps.policy.soft_landing)


def _counts_until(steps: Ladder, at: datetime, oldest: datetime | None) -> datetime | None:
    """When the measure first loses something; None when it never does or there is nothing to lose."""
    if steps.window in (TierPolicy.Window.LIFETIME, TierPolicy.Window.ENTRY) or oldest is None:
        return None
    if steps.window == TierPolicy.Window.CALENDAR:
        return day_start(date(at.astimezone(zone_of(steps.zone)).year + 1, 1, 1), steps.zone)
    bought = oldest.astimezone(zone_of(steps.zone)).date()
    leaves = add_months(bought, steps.months) - timedelta(days=1)
    while window_start(leaves, steps.zone, steps.window, steps.months) <= oldest:  # month ends clamp
        leaves += timedelta(days=1)
    return day_start(leaves, steps.zone)
