"""When points can be spent and when they end: a wallet's activation days and the current version of its expiry policy.

Months are added in the program clock with clamping, rounding to a period's end comes after adding (DOMAIN 2.3, 9.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from loyalty.common.clock import add_months, day_start, local_day, period_end
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import ExpiryPolicy, Wallet


def last_day(policy: ExpiryPolicy, first: date) -> date | None:
    """The last valid day of points that can be spent from the day `first`; None when they never expire."""
    kind = ExpiryPolicy.Kind(policy.kind)
    if kind is ExpiryPolicy.Kind.NEVER:
        return None
    if kind is ExpiryPolicy.Kind.FIXED_DATE:
        return policy.last_day
    if kind is ExpiryPolicy.Kind.DAYS:
        end = first + timedelta(days=policy.count)
    else:
        end = add_months(first, policy.count * (12 if kind is ExpiryPolicy.Kind.YEARS else 1))
    return period_end(end, policy.round_to) if policy.round_to else end


@dataclass(slots=True)
class Terms:
    """What a wallet promises for new points, ready to be asked many times."""

    policy: ExpiryPolicy | None
    zone: str
    activation_days: int
    _ends: dict[date, datetime | None] = field(default_factory=dict)

    @property
    def policy_id(self) -> int | None:
        """The policy version's id; None when the wallet has none (points never expire)."""
        return self.policy.id if self.policy else None

    def available_at(self, effective_at: datetime) -> datetime:
        """From when points granted at `effective_at` can be spent."""
        if not self.activation_days:
            return effective_at
        return day_start(local_day(effective_at, self.zone) + timedelta(days=self.activation_days), self.zone)

    def expires_at(self, available_at: datetime) -> datetime | None:
        """The first instant at which points that can be spent from `available_at` are gone; None for never."""
        if self.policy is None:
            return None
        first = local_day(available_at, self.zone)
        if first not in self._ends:
            end = last_day(self.policy, first)
            self._ends[first] = day_start(end + timedelta(days=1), self.zone) if end else None
        return self._ends[first]


_policies = Prepared(
    lambda: (
        Wallet.objects.filter(id__any_of=Given("ids"))
        .order_by("id", "expiry_policies__version")
        .values_list(
            "id",
            "program__time_zone",
            "activation_days",
            "expiry_policies__id",
            "expiry_policies__kind",
            "expiry_policies__count",
            "expiry_policies__last_day",
            "expiry_policies__round_to",
        )
    )
)


def terms_of(wallet_ids: Iterable[int]) -> dict[int, Terms]:
    """The terms that new points of these wallets get: the highest policy version counts (DOMAIN 9.4). One query."""
    terms = {}
    for wallet_id, zone, activation_days, policy_id, kind, count, last_valid, round_to in _policies(
        ids=list(wallet_ids)
    ):
        policy = None
        if policy_id is not None:
            policy = ExpiryPolicy(id=policy_id, kind=kind, count=count, last_day=last_valid, round_to=round_to)
        terms[wallet_id] = Terms(policy, zone, activation_days)
    return terms


def open_at(at: datetime | Given) -> Q:
    """The condition of lots that can be spent at an instant: a fact of time, not of a job (DOMAIN 2.4)."""
    return Q(available_at__lte=at) & (Q(expires_at__isnull=True) | Q(expires_at__gt=at))


@transaction.atomic
def set_expiry(
    wallet: Wallet,
    *,
    kind: str,
    at: datetime,
    actor: str,
    count: int = 0,
    last_valid_day: date | None = None,
    round_to: str = "",
) -> ExpiryPolicy:
    """Give a wallet a new expiry policy. It counts for points granted from now on; older lots keep theirs."""
    locked = Wallet.objects.select_for_update().get(id=wallet.id)
    latest = locked.expiry_policies.aggregate(latest=Max("version"))["latest"] or 0
    return ExpiryPolicy.objects.create(
        wallet=locked,
        version=latest + 1,
        kind=kind,
        count=count,
        last_day=last_valid_day,
        round_to=round_to,
        created_at=at,
        created_by=actor,
    )
