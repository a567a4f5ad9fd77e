"""Reading the books: balances, what runs out when, what is outstanding and what it is worth.

Every figure is computed for an instant from the lots, so that it is right whether or not a job has run (DOMAIN 2.4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from loyalty.common.clock import last_valid_day
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Account, Hold, HoldPart, Lot, Wallet
from loyalty.ledger.policies import open_at


@dataclass(frozen=True, slots=True)
class Balance:
    """A position at an instant, in the wallet's smallest unit. Nobody owes while points are available (laws 6)."""

    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0


def balances(account_ids: Iterable[int], *, at: datetime) -> dict[int, Balance]:
    """The positions of many accounts in one query, more where something is held or owed.

    A hold past its end holds nothing.
    """
    rows = _positions(ids=list(account_ids), at=at)
    return of_positions(rows, at=at)


def of_positions(rows: Iterable[Sequence[Any]], *, at: datetime) -> dict[int, Balance]:
    """The positions by account of rows that a query `with_positions` gave, after what holds and debts make of them."""
    rows = [(row[0], row[1], *row[-3:]) for row in rows]
    holding = [account_id for account_id, _debt, _available, _pending, held in rows if held]
    over = _held_too_long(holding, at=at) if holding else {}
    owing = [account_id for account_id, debt, *_ in rows if debt]
    gone_since = _spendable_and_gone(owing, at=at) if owing else {}
    answers = {}
    for account_id, debt, available, pending, held in rows:
        free, all_over = over.get(account_id, (0, 0))
        owed = max(0, debt - gone_since.get(account_id, 0))
        repaid = min(owed, int(available) + free)  # what time has made spendable repays debt first, recorded or not
        answers[account_id] = Balance(int(available) + free - repaid, int(pending), int(held) - all_over, owed - repaid)
    return answers


def with_positions(accounts: QuerySet[Account], *more: str) -> QuerySet[Any, Any]:
    """For a `Prepared` query `at` an instant: id, debt, more columns, and the points of lots that still have some: open, pending, held."""
    at, nothing = Given("at"), Value(0)
    remaining = F("kept__remaining")
    is_open = Q(kept__available_at__lte=at) & (Q(kept__expires_at__isnull=True) | Q(kept__expires_at__gt=at))
    is_over = Q(kept__expires_at__isnull=False) & Q(kept__expires_at__lte=at)
    waits = (Q(kept__available_at__isnull=True) | Q(kept__available_at__gt=at)) & ~is_over
    return (
        accounts.annotate(kept=FilteredRelation("lots", condition=Q(lots__remaining__gt=0)))
        .values_list("id", "debt", *more)
        .annotate(
            open_points=Coalesce(Sum(Case(When(is_open, then=remaining - F("kept__held")), default=nothing)), nothing),
            pending_points=Coalesce(Sum(Case(When(waits, then=remaining), default=nothing)), nothing),
            held_points=Coalesce(Sum("kept__held"), nothing),
        )
    )


_positions = Prepared(lambda: with_positions(Account.objects.filter(id__any_of=Given("ids")).order_by()))


def _held_too_long(account_ids: list[int], *, at: datetime) -> dict[int, tuple[int, int]]:
    """By account: points of holds past their end that can be spent again, and all points of such holds."""
    lot_is_open = Q(lot__available_at__lte=at) & (Q(lot__expires_at__isnull=True) | Q(lot__expires_at__gt=at))
    rows = (
        HoldPart.objects.filter(
            hold__account__any_of=account_ids, hold__status=Hold.Status.HELD, hold__expires_at__lte=at
        )
        .order_by()
        .values_list("hold__account_id")
        .annotate(free=Sum(Case(When(lot_is_open, then=F("amount")), default=0)), all_over=Sum("amount"))
    )
    return {account_id: (free, all_over) for account_id, free, all_over in rows}


def _spendable_and_gone(account_ids: list[int], *, at: datetime) -> dict[int, int]:
    """By account: points that time freed and then ended before anything recorded it; they repaid debt in between."""
    activated = Lot.objects.filter(
        account__any_of=account_ids, is_pending=True, expires_at__lte=at, available_at__lt=F("expires_at")
    )
    let_go = HoldPart.objects.filter(
        hold__account__any_of=account_ids, hold__status=Hold.Status.HELD, lot__is_pending=False, lot__expires_at__lte=at,
        hold__expires_at__lt=F("lot__expires_at"),
    )  # fmt: skip
    gone: dict[int, int] = {}
    for rows in (
        activated.order_by().values_list("account_id").annotate(points=Sum("remaining")),
        let_go.order_by().values_list("hold__account_id").annotate(points=Sum("amount")),
    ):
        for account_id, points in rows:
            gone[account_id] = gone.get(account_id, 0) + points
    return gone


def balance(account_id: int, *, at: datetime) -> Balance:
    """The position of one account at an instant (its present lots; not a position in the past)."""
    return balances([account_id], at=at)[account_id]


def expiring(account_id: int, *, at: datetime, until: datetime) -> list[tuple[date, int]]:
    """What runs out before `until`, by last valid day in the program clock, soonest first.

    Points that wait for a confirming event are not among it: they were never the member's to spend.
    """
    zone = Account.objects.values_list("wallet__program__time_zone", flat=True).get(id=account_id)
    rows = (
        Lot.objects.filter(account=account_id, remaining__gt=F("held"), expires_at__gt=at, expires_at__lte=until)
        .filter(available_at__lt=F("expires_at"))
        .order_by("expires_at")
        .values_list("expires_at")
        .annotate(points=Sum(F("remaining") - F("held")))
    )
    return [(last_valid_day(expires_at, zone), points) for expires_at, points in rows]


def by_last_day(account_id: int, *, at: datetime) -> list[tuple[date | None, int]]:
    """What can be spent now, by last valid day in the program clock, soonest first; None: never runs out. One query more."""
    zone = Account.objects.values_list("wallet__program__time_zone", flat=True).get(id=account_id)
    live = HoldPart.objects.filter(lot=OuterRef("pk"), hold__status=Hold.Status.HELD, hold__expires_at__gt=at)
    held = Subquery(live.order_by().values("lot").annotate(points=Sum("amount")).values("points"))
    lots = Lot.objects.filter(open_at(at), account=account_id, remaining__gt=0)
    rows = lots.annotate(free=F("remaining") - Coalesce(held, Value(0))).filter(free__gt=0)
    days: dict[date | None, int] = {}
    for expires_at, points in rows.order_by(F("expires_at").asc(nulls_last=True)).values_list("expires_at", "free"):
        day = last_valid_day(expires_at, zone) if expires_at else None
        days[day] = days.get(day, 0) + points
    return list(days.items())


def outstanding(wallet: Wallet, *, at: datetime) -> int:
    """Points of a wallet that members could still spend now or later: open, held and pending lots not yet past expiry."""
    total = (
        Lot.objects.filter(account__wallet=wallet, remaining__gt=0)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
        .aggregate(points=Coalesce(Sum("remaining"), 0))
    )
    return int(total["points"])


def liability(wallet: Wallet, *, at: datetime) -> Decimal:
    """The money value of what is outstanding, in the program's currency."""
    return (outstanding(wallet, at=at) * wallet.money_per_unit).scaleb(-wallet.decimals).quantize(Decimal("0.01"))
