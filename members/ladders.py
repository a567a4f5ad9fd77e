"""A program's ladder: its tiers, what counts towards them, over which window, and when it is reviewed (DOMAIN 8.1, 8.2).

Amounts are whole numbers here: the wallet's smallest unit for points, hundredths of the currency for spend, and visits.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, Subquery, Sum

from loyalty.common.clock import add_months, day_start, next_of_days
from loyalty.common.money import sum_in_cents
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program, Wallet
from members.models import Confirmation, QualifyingPart, Refund, Tier, TierGrant, TierPolicy

INSTANT = timedelta(microseconds=1)


class Ladder:
    """A program's tiers and what counts towards them, read once for a batch.

    Amounts are whole numbers: the wallet's smallest unit for points, hundredths of the currency for spend.
    `refunds_wait` says whether any refund of the program waits for its purchase, `confirmations_wait` whether any
    confirmation does, `has_grants` whether any tier was given: asked with the rest, for nothing more. Before `wall`
    another policy was in force; one that `puts_back` is the undo of an edit of that instant. `tiers` are those on the ladder, `by_id`
    knows all. `delays` says whether points of new purchases may count later than these, `waits`
    whether any that are counted here ever did.
    """

    def __init__(self, tiers: Sequence[Tier], policy: TierPolicy, zone: str, decimals: int) -> None:
        """Tiers in the order of their rank."""
        self.tiers = [tier for tier in tiers if tier.is_on_ladder]
        self.by_id = {tier.pk: tier for tier in tiers}
        self.policy = policy
        self.metric, self.window, self.months = policy.metric, policy.window, policy.months
        self.zone, self.decimals = zone, decimals
        self.refunds_wait = self.confirmations_wait = self.has_grants = self.delays = self.has_parts = False
        self.puts_back: datetime | None = None
        self.wall, self.wallet_id = policy.in_force_since, policy.wallet_id
        self.counts_visits = policy.metric == TierPolicy.Metric.VISITS
        self.counts_wallet = policy.metric == TierPolicy.Metric.WALLET
        self.counts_points = policy.metric == TierPolicy.Metric.POINTS
        is_points = policy.metric in (TierPolicy.Metric.POINTS, TierPolicy.Metric.WALLET)
        self.scale = 1 if self.counts_visits else 10**decimals if is_points else 100
        self.column = "qualifying_points" if is_points else "qualifying_spend"
        self.thresholds = [-int(-tier.threshold * self.scale // 1) for tier in self.tiers]
        self.keeps = [self._keep(tier) for tier in self.tiers]
        self.grace = timedelta(days=policy.grace_days)
        self.is_reviewed = policy.review != TierPolicy.Review.NEVER and policy.down != TierPolicy.Down.NONE

    @property
    def waits(self) -> bool:
        """Whether qualifying points of purchases may count here from another instant than their purchase."""
        return self.counts_points and self.has_parts

    def _keep(self, tier: Tier) -> int:
        least = tier.threshold if tier.keep_threshold is None else tier.keep_threshold
        return -int(-least * self.scale // 1)

    def place(self, tier: Tier) -> int:
        """Which step of the ladder a tier is, from 0; of one that is not on it, the step below."""
        return sum(other.rank <= tier.rank for other in self.tiers) - 1

    def nearest(self, tier: Tier) -> Tier:
        """The tier itself, or the one below where it is not on the ladder."""
        return self.tiers[self.place(tier)]

    def reached(self, amount: int) -> Tier:
        """The highest tier whose threshold an amount reaches."""
        return self.tiers[max(bisect_right(self.thresholds, amount) - 1, 0)]

    def keep(self, tier: Tier) -> int:
        """What keeps a tier at its review."""
        return self.keeps[self.place(tier)]

    def landed(self, tier: Tier, amount: int, *, softly: bool) -> Tier:
        """The tier after a review that an amount did not pass, by the policy's rule (DOMAIN 8.2)."""
        below = self.place(tier) - 1
        if self.policy.down == TierPolicy.Down.ONE or softly or below <= 0:
            return self.tiers[max(below, 0)]
        return next(self.tiers[index] for index in range(below, -1, -1) if index == 0 or self.keeps[index] <= amount)

    def since(self, at: datetime) -> datetime | None:
        """The beginning of the window that ends at an instant; None when everything counts, or what the stay says."""
        if self.window in (TierPolicy.Window.LIFETIME, TierPolicy.Window.ENTRY):
            return None
        return window_start(at.astimezone(zone_of(self.zone)).date(), self.zone, self.window, self.months)

    def review_after(self, began: datetime, after: datetime) -> datetime | None:
        """The first review of a stay that began at an instant, after another one; None when there is none."""
        if not self.is_reviewed:
            return None
        zone, policy = zone_of(self.zone), self.policy
        if policy.review == TierPolicy.Review.YEARLY:
            day = after.astimezone(zone).date() + timedelta(days=1)
            return day_start(next_of_days([(policy.review_month, policy.review_day)], day), self.zone)
        first, last = began.astimezone(zone).date(), after.astimezone(zone).date()
        passed = ((last.year - first.year) * 12 + last.month - first.month) // policy.review_months
        count = max(passed, 1)
        while (found := day_start(add_months(first, count * policy.review_months), self.zone)) <= after:
            count += 1
        return found

    def review_before(self, began: datetime, upcoming: datetime) -> datetime | None:
        """The last review of a stay before an upcoming one; None when that is the first."""
        first, back = add_months(upcoming.astimezone(zone_of(self.zone)).date(), -25), None
        found = self.review_after(began, max(began, day_start(first, self.zone)))
        while found is not None and found < upcoming:
            back, found = found, self.review_after(began, found)
        return back

    def decided(self, review_at: datetime) -> datetime:
        """When a review takes effect: after the days of grace, at the beginning of a day."""
        if not self.grace:
            return review_at
        return day_start(review_at.astimezone(zone_of(self.zone)).date() + self.grace, self.zone)

    def amount(self, points: int, spend: Decimal) -> int:
        """What a purchase or refund brings to the measure; of visits the money, which `counted` makes a visit."""
        return points if self.column == "qualifying_points" else int(spend * 100)

    def counted(self, amount: int) -> int:
        """What a purchase counts: a visit is one, and a counted wallet counts its own credits only."""
        return 0 if self.counts_wallet else min(amount, 1) if self.counts_visits else amount

    def shown(self, amount: int) -> Decimal:
        """An amount as people read it: whole points, money or visits."""
        return Decimal(amount) / self.scale

    @property
    def sum(self) -> Sum:
        """The sum of what counts, as a whole number."""
        return Sum(self.column) if self.column == "qualifying_points" else sum_in_cents(self.column)

    def whole(self, stored: Decimal | int | None) -> int:
        """An amount as the database keeps it, as a whole number."""
        return int(stored or 0) if self.column == "qualifying_points" else int((stored or 0) * 100)


_steps = Prepared(
    lambda: (
        Tier.objects.filter(program=Given("program"))
        .select_related("program__tier_policy")
        .defer(*(f"program__{field.name}" for field in Program._meta.concrete_fields if not field.primary_key))
        .annotate(
            decimals=Subquery(Wallet.objects.filter(program=OuterRef("program"), is_main=True).values("decimals")[:1]),
            counted_decimals=Subquery(
                Wallet.objects.filter(pk=OuterRef("program__tier_policy__wallet")).values("decimals")[:1]
            ),
            refunds_wait=Exists(Refund.objects.filter(program=OuterRef("program"), status=Refund.Status.WAITING)),
            confirmations_wait=Exists(
                Confirmation.objects.filter(program=OuterRef("program"), status=Confirmation.Status.WAITING)
            ),
            has_grants=Exists(TierGrant.objects.filter(tier__program=OuterRef("program"))),
            has_parts=Exists(QualifyingPart.objects.filter(program=OuterRef("program"))),
            delays=Exists(
                Wallet.objects.filter(
                    Q(activation_days__gt=0)
                    | Q(expiry_policies__confirmed_by__gt="")
                    | Q(expiry_policies__activation_days__gt=0),
                    program=OuterRef("program"),
                    is_main=True,
                    counts_at_purchase=False,
                )
            ),
        )
        .order_by("rank")
    )
)


def ladder(program: Program) -> Ladder:
    """The program's ladder: one query."""
    tiers = _steps(program=program.pk)
    policy = getattr(tiers[0].program, "tier_policy", None) or TierPolicy(program=program)
    for tier in tiers:
        tier.program = program
    decimals = tiers[0].decimals if tiers[0].counted_decimals is None else tiers[0].counted_decimals
    steps = Ladder(tiers, policy, program.time_zone, decimals or 0)
    first = tiers[0]
    steps.refunds_wait, steps.has_grants = first.refunds_wait, first.has_grants
    steps.confirmations_wait, steps.has_parts, steps.delays = first.confirmations_wait, first.has_parts, first.delays
    return steps


@lru_cache(maxsize=8192)
def window_start(day: date, zone: str, window: str, months: int) -> datetime:
    """The first instant that counts on a day: 1 January, or the day after the same day `months` ago."""
    if window == TierPolicy.Window.CALENDAR:
        return day_start(date(day.year, 1, 1), zone)
    return day_start(add_months(day, -months) + timedelta(days=1), zone).astimezone(UTC)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """A time zone, looked up once."""
    return ZoneInfo(name)
