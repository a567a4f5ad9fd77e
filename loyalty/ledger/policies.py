"""When points can be spent and when they end: a wallet's activation days, unless a named policy has its own, and the versions of
its expiry policies.

Days, months and years count from the day the points can be spent, in the program clock, with clamping; rounding to a
period's end comes after adding. Yearly days and seasons give the first one that is far enough away (DOMAIN 2.3, 9.1).
Inactivity begins as days or months do; `idling.py` says what each activity adds. Points of a purchase may wait for an event
of their order first (DOMAIN 4.1): then all this counts from the event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.clock import add_months, day_start, local_day, next_of_days, period_end
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import ExpiryPolicy, Wallet
from loyalty.ledger.seals import seal_of
from loyalty.ledger.seasons import Period, next_end, periods_of

Kind = ExpiryPolicy.Kind


class SeasonWithoutDays(Refusal):
    """Points cannot end with a season nobody has entered days for: they would never expire."""

    code = "season_without_days"
    status = 422


PER_YEAR = {Kind.MONTHS: 1, Kind.IDLE_MONTHS: 1, Kind.YEARS: 12}


def last_day(policy: ExpiryPolicy, first: date, periods: Iterable[Period] = ()) -> date | None:
    """The last valid day of points that can be spent from the day `first`; None when they never expire.

    `periods` are those of the policy's season. A season nobody has entered days for ends nothing; a fixed date that has
    passed counts again a year later, so that no points are born dead.
    """
    kind = Kind(policy.kind)
    earliest = first + timedelta(days=policy.at_least)
    if kind is Kind.NEVER:
        return None
    if kind is Kind.SEASON:
        period = next_end(periods, earliest)
        return period.last_day if period else None
    if kind is Kind.FIXED_DATE:
        fixed = policy.last_day
        return fixed if fixed is None or fixed >= earliest else next_of_days([(fixed.month, fixed.day)], earliest)
    if kind is Kind.DATES:
        return next_of_days(days_of(policy), earliest)
    months = policy.count * PER_YEAR.get(kind, 0)
    end = add_months(first, months) if months else first + timedelta(days=policy.count)
    return period_end(end, policy.round_to) if policy.round_to else end


def days_of(policy: ExpiryPolicy) -> list[tuple[int, int]]:
    """The days of the year of a policy: (month, day)."""
    return [(int(text[:2]), int(text[3:])) for text in policy.days.split(",")]


@dataclass(slots=True)
class Terms:
    """What a wallet promises for new points, ready to be asked many times.

    `policy` is the wallet's own; `named` holds every version of every policy by id, for rules that ask for one.
    """

    policy: ExpiryPolicy | None
    zone: str
    activation_days: int
    named: dict[int, ExpiryPolicy] = field(default_factory=dict)
    periods: Mapping[int, list[Period]] = field(default_factory=dict)
    wallet_id: int = 0
    _ends: dict[tuple[int | None, date], datetime | None] = field(default_factory=dict)

    @property
    def policy_id(self) -> int | None:
        """The policy version's id; None when the wallet has none (points never expire)."""
        return self.policy.id if self.policy else None

    @property
    def newest_id(self) -> int:
        """The id of the newest version of any policy of the wallet; 0 without one."""
        return next(reversed(self.named), 0)

    def are_as(self, others: "Terms") -> bool:
        """Whether the wallet promises what other terms of it do: policies are append-only, so the newest stands for all."""
        mine, theirs = ((t.wallet_id, t.activation_days, t.zone, t.newest_id) for t in (self, others))
        return mine == theirs

    @property
    def are_idle(self) -> bool:
        """Whether any points of the wallet may end by inactivity."""
        return any(policy.is_idle for policy in self.named.values())

    @property
    def may_wait(self) -> bool:
        """Whether any points of the wallet may wait for a confirming event."""
        return any(policy.confirmed_by for policy in self.named.values())

    def confirm_by(self, effective_at: datetime, policy_id: int | None = None) -> datetime | None:
        """The instant at which points of a purchase are gone that nothing has confirmed; None when they do not wait."""
        policy = self.policy_for(policy_id)
        if policy is None or not policy.confirmed_by:
            return None
        return day_start(local_day(effective_at, self.zone) + timedelta(days=policy.confirm_days + 1), self.zone)

    def newest(self, name: str) -> int:
        """The id of the newest version of a named policy. Raises KeyError for a name the wallet does not know."""
        found = [policy_id for policy_id, policy in self.named.items() if policy.name == name]
        if not found:
            raise KeyError(name)
        return found[-1]

    def policy_for(self, policy_id: int | None) -> ExpiryPolicy | None:
        """The policy version that was asked for, else the wallet's own."""
        return self.policy if policy_id is None else self.named[policy_id]

    def available_at(self, effective_at: datetime, policy_id: int | None = None) -> datetime:
        """From when points granted at `effective_at` can be spent: after the days their policy says, else the wallet's."""
        policy = self.policy_for(policy_id)
        own = policy.activation_days if policy else None
        days = self.activation_days if own is None else own
        return day_start(local_day(effective_at, self.zone) + timedelta(days=days), self.zone) if days else effective_at

    def expires_at(self, available_at: datetime, policy_id: int | None = None) -> datetime | None:
        """The first instant at which points that can be spent from `available_at` are gone; None for never."""
        policy = self.policy_for(policy_id)
        if policy is None:
            return None
        first = local_day(available_at, self.zone)
        key = (policy.id, first)
        if key not in self._ends:
            end = last_day(policy, first, self.periods.get(policy.season_id or 0, ()))
            self._ends[key] = day_start(end + timedelta(days=1), self.zone) if end else None
        return self._ends[key]

    def season(self, available_at: datetime, policy_id: int | None = None) -> dict[str, int | None]:
        """Which entered days of a season end the points, as the entry's explanation keeps it; nothing for other policies."""
        policy = self.policy_for(policy_id)
        if policy is None or policy.kind != Kind.SEASON:
            return {}
        earliest = local_day(available_at, self.zone) + timedelta(days=policy.at_least)
        period = next_end(self.periods.get(policy.season_id or 0, ()), earliest)
        return {"season": period.id if period else None}


POLICY_FIELDS = (
    "id", "name", "kind", "count", "last_day", "round_to", "days", "season_id", "at_least", "resets", "confirmed_by", "confirm_days",
    "activation_days",
)  # fmt: skip


def _with_policies(wallets: QuerySet[Wallet]) -> QuerySet[Any, Any]:
    """A row for each version of their policies, and one for a wallet without any."""
    return wallets.order_by("id", "expiry_policies__version").values_list(
        "id", "program__time_zone", "activation_days", *(f"expiry_policies__{name}" for name in POLICY_FIELDS)
    )


_policies = Prepared(lambda: _with_policies(Wallet.objects.filter(id__any_of=Given("ids"))))
_policies_of_account = Prepared(lambda: _with_policies(Wallet.objects.filter(accounts=Given("account"))))


def terms_of(wallet_ids: Iterable[int]) -> dict[int, Terms]:
    """The terms that new points of these wallets get: the highest version counts (DOMAIN 9.4).

    One query; one more where a policy follows a season.
    """
    return _terms(_policies(ids=list(wallet_ids)))


def terms_of_account(account_id: int) -> Terms | None:
    """The terms that new points of an account get, as `terms_of` has them; None when there is no such account."""
    return next(iter(_terms(_policies_of_account(account=account_id)).values()), None)


def _terms(rows: Iterable[tuple[Any, ...]]) -> dict[int, Terms]:
    """The terms of wallets, from the rows of their policies."""
    terms: dict[int, Terms] = {}
    named: dict[int, dict[int, ExpiryPolicy]] = {}
    for wallet_id, zone, activation_days, *columns in rows:
        if wallet_id not in terms:
            named[wallet_id] = {}
            terms[wallet_id] = Terms(None, zone, activation_days, named[wallet_id], wallet_id=wallet_id)
        own = terms[wallet_id]
        if columns[0] is not None:
            policy = ExpiryPolicy(wallet_id=wallet_id, **dict(zip(POLICY_FIELDS, columns, strict=True)))
            named[wallet_id][policy.id] = policy
            if not policy.name:
                own.policy = policy
    seasonal = {p.season_id for policies in named.values() for p in policies.values() if p.season_id}
    if seasonal:
        periods = periods_of(seasonal)
        for own in terms.values():
            own.periods = periods
    return terms


def current(wallet: Wallet, name: str = "") -> ExpiryPolicy | None:
    """The version of a wallet's own or of a named policy that counts for new points."""
    return ExpiryPolicy.objects.filter(wallet=wallet, name=name).order_by("-version").first()


def open_at(at: datetime | Given) -> Q:
    """The condition of lots that can be spent at an instant: a fact of time, not of a job (DOMAIN 2.4)."""
    return Q(available_at__lte=at) & (Q(expires_at__isnull=True) | Q(expires_at__gt=at))


def need_days(policy: ExpiryPolicy, *, at: datetime) -> None:
    """Raise SeasonWithoutDays when points earned at an instant would find no end of the policy's season."""
    if not policy.season_id:
        return
    days = policy.wallet.activation_days if policy.activation_days is None else policy.activation_days
    first = local_day(at, policy.wallet.program.time_zone) + timedelta(days=days)
    if last_day(policy, first, periods_of([policy.season_id])[policy.season_id]) is None:
        told = _(
            "No days of this season are entered for the time ahead, so points would never expire. Enter its next year first."
        )
        raise SeasonWithoutDays(told, season=str(policy.season))


@transaction.atomic
def set_expiry(
    wallet: Wallet,
    *,
    kind: str,
    at: datetime,
    actor: str,
    name: str = "",
    count: int = 0,
    last_valid_day: date | None = None,
    round_to: str = "",
    **more: Any,
) -> ExpiryPolicy:
    """Give a wallet a new version of its own or of a named policy. It counts for points granted from now on; older lots keep theirs.

    Raises SeasonWithoutDays when points earned now would find no end.

    `more` may hold `days` ("03-31,09-30"), `season`, `at_least` (days), `resets` ("earn,purchase"), `confirmed_by` and `confirm_days`,
    `activation_days`;
    see ExpiryPolicy.
    """
    locked = Wallet.objects.select_for_update().get(id=wallet.id)
    latest = locked.expiry_policies.aggregate(latest=Max("version"))["latest"] or 0
    policy = ExpiryPolicy(
        wallet=locked,
        name=name,
        version=latest + 1,
        kind=kind,
        count=count,
        last_day=last_valid_day,
        round_to=round_to,
        created_at=at,
        created_by=actor,
        **more,
    )
    need_days(policy, at=at)
    policy.seal = seal_of(policy)
    policy.save(force_insert=True)
    return policy
