"""Time travel: an account's balance and lots at any instant, as they were true then or as they were known then.

*True then* goes by when entries took effect, with all that is known now; *known then* counts only what had been
recorded by an instant, and so never changes for a past one (DOMAIN 12.3, laws of the books 20). An entry counts from
when it was true or when it was recorded, whichever came first: points announced for later are pending until then.
Activation, expiry and the end of a hold are facts of time and need no entry.

What a late event took from points that were granted only after it was owed in between; it shows as debt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from loyalty.ledger import idling
from loyalty.ledger.models import Account, Allocation, Entry, HoldPart, Lot
from loyalty.ledger.redating import Redating, redatings
from loyalty.ledger.statements import Balance


@dataclass(frozen=True, slots=True)
class LotAt:
    """What a lot was at an instant. `remaining` includes what was `held`; `expires_at` is the end it had then.

    Points that wait for a confirming event have no `available_at` and end at `confirm_by`.
    """

    id: int
    granted_at: datetime
    available_at: datetime | None
    expires_at: datetime | None
    granted: int
    remaining: int
    held: int = 0
    confirm_by: datetime | None = None

    def state(self, at: datetime) -> str:
        """Whether its points were "pending", "open" or "expired" at an instant."""
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "open" if self.available_at is not None and self.available_at <= at else "pending"


@dataclass(frozen=True, slots=True)
class Position:
    """An account at an instant, in the wallet's smallest unit. `points` is the sum of the `entries` that count."""

    account_id: int
    at: datetime
    known_at: datetime | None
    balance: Balance
    points: int
    entries: int
    lots: list[LotAt] = field(default_factory=list)

    @property
    def ran_out(self) -> int:
        """Points past their end that no entry had written off by then."""
        return sum(lot.remaining for lot in self.lots if lot.state(self.at) == "expired")


@dataclass(frozen=True, slots=True)
class Difference:
    """Why two positions of an account differ: entries that count only in the second (`added`) or first (`removed`).

    The points differ by exactly their sum. What time alone did is in `activated` (points that became spendable) and
    `ran_out` (points past their end without an entry), each the second position's less the first one's.
    """

    before: Position
    after: Position
    added: list[Entry]
    removed: list[Entry]
    activated: int
    ran_out: int

    @property
    def points(self) -> int:
        """By how much the sum of the entries differs."""
        return sum(entry.amount for entry in self.added) - sum(entry.amount for entry in self.removed)


def counted(at: datetime, known_at: datetime | None = None, *, of: str = "") -> Q:
    """The condition of entries that count at an instant; `of` is the path to the entry, such as `entry__`."""
    there = Q(**{f"{of}effective_at__lte": at}) | Q(**{f"{of}recorded_at__lte": at})
    return there if known_at is None else there & Q(**{f"{of}recorded_at__lte": known_at})


def position(account_id: int, *, at: datetime, known_at: datetime | None = None) -> Position:
    """The account as it was true at `at`, or with `known_at` as it was known by then. A constant number of queries.

    Raises Account.DoesNotExist.
    """
    account = Account.objects.get(id=account_id)
    totals = Entry.objects.filter(counted(at, known_at), account=account_id).aggregate(
        points=Coalesce(Sum("amount"), 0), entries=Count("id")
    )
    rows = _lots_left(account_id, at, known_at)
    changes = redatings(account_id)
    held = _held(account_id, at, known_at)
    lots = [_lot_at(row, changes.get(row["id"]), at, known_at, held) for row in rows]
    kept_alive = idling.ends_at(account, at=at, known_at=known_at) if account.has_idle_lots else {}
    lots = [replace(lot, expires_at=kept_alive.get(lot.id, lot.expires_at)) for lot in lots if lot.remaining]
    owed = sum(lot.remaining for lot in lots) - totals["points"]
    free = _sum(lots, at, "open") - sum(lot.held for lot in lots if lot.state(at) == "open")
    repaid = min(max(owed, 0), free)  # what can be spent repays debt first, recorded or not (laws of the books 6)
    balance = Balance(
        available=free - repaid,
        pending=_sum(lots, at, "pending"),
        held=sum(lot.held for lot in lots),
        debt=owed - repaid,
    )
    return Position(account_id, at, known_at, balance, totals["points"], totals["entries"], lots)


def difference(before: Position, after: Position) -> Difference:
    """The entries that explain how one position of an account became another."""
    if before.account_id != after.account_id:
        raise ValueError("two positions of one account are needed")
    first, second = counted(before.at, before.known_at), counted(after.at, after.known_at)
    entries = Entry.objects.filter(account=before.account_id)
    added = list(entries.filter(second).exclude(first).order_by("number"))
    removed = list(entries.filter(first).exclude(second).order_by("number"))
    became_open = {lot.id for lot in after.lots if lot.state(after.at) == "open"}
    activated = sum(lot.remaining for lot in before.lots if lot.state(before.at) == "pending" and lot.id in became_open)
    return Difference(before, after, added, removed, activated, after.ran_out - before.ran_out)


def _sum(lots: list[LotAt], at: datetime, state: str) -> int:
    return sum(lot.remaining for lot in lots if lot.state(at) == state)


def _lots_left(account_id: int, at: datetime, known_at: datetime | None) -> list[Mapping[str, Any]]:
    """The lots granted by then with what the entries that count had left of them: one query."""
    moves = (
        Allocation.objects.filter(counted(at, known_at, of="entry__"), lot=OuterRef("id"))
        .order_by()
        .values("lot")
        .annotate(total=Sum(Case(When(entry__amount__gt=0, then=F("amount")), default=-F("amount"))))
        .values("total")
    )
    moved = Coalesce(Subquery(moves, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField())
    return list(
        Lot.objects.filter(counted(at, known_at, of="entry__"), account=account_id)
        .annotate(left=F("granted") + moved)
        .filter(left__gt=0)
        .order_by(F("expires_at").asc(nulls_last=True), "available_at", "id")
        .values("id", "granted_at", "available_at", "expires_at", "confirm_by", "granted", "left")
    )


def _held(account_id: int, at: datetime, known_at: datetime | None) -> dict[int, int]:
    """What holds that had begun and not ended by then kept back, by lot."""
    until = at if known_at is None else min(at, known_at)
    parts = HoldPart.objects.filter(hold__account=account_id, hold__held_at__lte=until, hold__expires_at__gt=at)
    still = parts.filter(Q(hold__ended_at__isnull=True) | Q(hold__ended_at__gt=until))
    return dict(still.order_by().values_list("lot_id").annotate(points=Sum("amount")))


def _lot_at(
    row: Mapping[str, Any], changes: Redating | None, at: datetime, known_at: datetime | None, held: dict[int, int]
) -> LotAt:
    expires_at = changes.end(at, known_at) if changes else row["expires_at"]
    return LotAt(
        id=row["id"],
        granted_at=row["granted_at"],
        available_at=changes.begin(row["available_at"], at, known_at) if changes else row["available_at"],
        expires_at=expires_at,
        confirm_by=row["confirm_by"],
        granted=row["granted"],
        remaining=row["left"],
        held=min(held.get(row["id"], 0), row["left"]),
    )
