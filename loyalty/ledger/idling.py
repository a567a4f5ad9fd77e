"""Keeping points alive: what members do moves the ends of their points that end by inactivity (DOMAIN 9.1, 2.5).

The end stands on the lot, so burn order, balances, sweeps and notices read it as any other; each activity rewrites the
ends it moves in one set, and writes no entry. What `trails.fold` gives from the facts is what must stand there, and
verification proves it. When an activity becomes known only after its points were swept, they come back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from loyalty.common.bulk import insert_rows, update_rows
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import debts
from loyalty.ledger.closing import open_since
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Activity, Allocation, Entry, ExpiryPolicy, Lot
from loyalty.ledger.policies import terms_of
from loyalty.ledger.trails import Act, Move, end_of, fold, trails
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines

ACTOR = "books"


@dataclass(frozen=True, slots=True)
class IdleLot:
    """A lot that ends by inactivity and may have points left, or points that a sweep took."""

    id: int
    account_id: int
    available_at: datetime
    expires_at: datetime
    policy_id: int
    expired: int


def watching(account_ids: Iterable[int]) -> list[int]:
    """Those of some accounts whose wallets have a policy of inactivity, in id order: whom to tell of activities. One query."""
    policies = ExpiryPolicy.objects.filter(kind__in=ExpiryPolicy.IDLE).values("wallet")
    found = Account.objects.filter(id__any_of=list(account_ids), wallet__in=policies)
    return list(found.order_by("id").values_list("id", flat=True))


def note(acts: Sequence[Act], *, recorded_at: datetime, locked: dict[int, Account] | None = None) -> int:
    """Record activities that no entry tells of, purchases and events, and move the ends they move.

    Accounts of wallets without a policy of inactivity are passed over, and what is known already changes nothing. Returns
    the activities that are new. A constant number of statements; inside a transaction. A caller that holds the locks already
    hands the accounts in as `locked`, and names only accounts of such wallets.
    """
    heard = {act.account_id for act in acts} if locked else set(watching({act.account_id for act in acts}))
    acts = [act for act in acts if act.account_id in heard]
    if not acts:
        return 0
    accounts = locked or lock(*heard)
    there = Activity.objects.filter(account__any_of=list(heard), occurred_at__gte=min(act.at for act in acts))
    known = set(there.values_list("account_id", "kind", "occurred_at"))
    new = [act for act in dict.fromkeys(acts) if (act.account_id, act.kind, act.at) not in known]
    rows = [(act.account_id, act.kind, act.at, recorded_at) for act in new]
    insert_rows(Activity, ("account", "kind", "occurred_at", "recorded_at"), rows)
    keep_alive(accounts, new, recorded_at=recorded_at)
    return len(new)


def keep_alive(accounts: dict[int, Account], acts: Sequence[Act], *, recorded_at: datetime) -> None:
    """Move the ends of the points of locked accounts that these activities, already recorded, keep alive.

    Nothing is asked for accounts without such points. What happens only later keeps nothing alive yet.
    """
    acts = [act for act in acts if accounts[act.account_id].has_idle_lots and act.at <= recorded_at]
    if not acts:
        return
    found = _idle_lots(accounts=list({act.account_id for act in acts}), since=min(act.at for act in acts))
    lots = [IdleLot(*lot) for lot in found]
    ends = _ends(accounts, lots, acts, recorded_at) if lots else {}
    moved = [(lot, ends[lot.id]) for lot in lots if ends[lot.id] != lot.expires_at]
    update_rows(Lot, "id", ("expires_at",), [(lot.id, end) for lot, end in moved])
    swept = [lot.id for lot, _end in moved if lot.expired and lot.expires_at <= recorded_at]
    if swept:
        bring_back(accounts, swept, recorded_at=recorded_at)


def _ends(
    accounts: dict[int, Account], lots: Sequence[IdleLot], acts: Sequence[Act], recorded_at: datetime
) -> dict[int, datetime | None]:
    """The end of each lot: from its present one and what is new, or from all that is known where something came late."""
    terms = terms_of({accounts[lot.account_id].wallet_id for lot in lots})
    late = {act.account_id for act in acts if act.at < recorded_at}
    told = trails(late, since=min(lot.available_at for lot in lots)) if late else {}
    new: dict[int, list[Act]] = {}
    for act in acts:
        new.setdefault(act.account_id, []).append(act)
    ends = {}
    for lot in lots:
        own, trail = terms[accounts[lot.account_id].wallet_id], told.get(lot.account_id)
        if trail is None:
            ends[lot.id] = fold(lot.expires_at, own.named[lot.policy_id], new.get(lot.account_id, ()), (), own)
        else:
            ends[lot.id] = end_of(lot.available_at, lot.policy_id, trail, trail.moves.get(lot.id, ()), own)
    return ends


def settle_ends(account: Account, lot_ids: Sequence[int], *, recorded_at: datetime) -> None:
    """Give some lots of a locked account the end that all that is known gives them, after something came late."""
    (terms,) = terms_of([account.wallet_id]).values()
    lots = Lot.objects.filter(id__any_of=list(lot_ids), expiry_policy__kind__in=ExpiryPolicy.IDLE)
    rows: list[Any] = list(
        lots.filter(available_at__isnull=False).values_list("id", "available_at", "expiry_policy_id")
    )
    if not rows:
        return
    mark({account.id: account}, [account.id])
    trail = trails([account.id], since=min(available_at for _, available_at, _ in rows))[account.id]
    ends = [(lot, end_of(begin, policy, trail, trail.moves.get(lot, ()), terms)) for lot, begin, policy in rows]
    update_rows(Lot, "id", ("expires_at",), ends)


def ends_at(account: Account, *, at: datetime, known_at: datetime | None) -> dict[int, datetime | None]:
    """The ends that an account's lots had at an instant, of those that ended by inactivity at any time: four queries."""
    (terms,) = terms_of([account.wallet_id]).values()
    trail = trails([account.id], at=at, known_at=known_at)[account.id]

    def seen(move: Move) -> bool:
        return min(move.at, move.recorded_at) <= at and (known_at is None or move.recorded_at <= known_at)

    redated = [lot_id for lot_id, moves in trail.moves.items() if any(move.has_policy for move in moves)]
    lots = Lot.objects.filter(Q(expiry_policy__kind__in=ExpiryPolicy.IDLE) | Q(id__any_of=redated), account=account)
    rows: Any = lots.filter(available_at__isnull=False).values_list("id", "available_at", "expiry_policy_id")
    return {
        lot_id: end_of(available_at, policy_id, trail, trail.moves.get(lot_id, ()), terms, seen=seen)
        for lot_id, available_at, policy_id in rows
    }


def bring_back(accounts: dict[int, Account], lot_ids: Sequence[int], *, recorded_at: datetime) -> int:
    """Give back what expiry took from lots of locked accounts that were alive by what is known now; returns the points.

    One reinstatement per expiry, true from the expiry's instant, or from the first open month. Points that are back repay debt.
    """
    parts = list(
        Allocation.objects.filter(
            lot__any_of=list(lot_ids), entry__kind=Entry.Kind.EXPIRY, entry__effective_at__lt=F("lot__expires_at")
        )
        .exclude(entry__corrections__kind=Entry.Kind.REINSTATEMENT)
        .exclude(lot__confirm_by=F("entry__effective_at"))  # lapsed unconfirmed: that no activity brings back
        .order_by("entry__account", "entry__number")
        .values_list("entry_id", "entry__account_id", "entry__effective_at", "lot_id", "amount")
    )
    if not parts:
        return 0
    open_from = open_since({accounts[part[1]].wallet_id for part in parts})
    lines = []
    for entry_id, account_id, effective_at, _lot_id, amount in parts:
        since = open_from.get(accounts[account_id].wallet_id, effective_at)
        line = Line(
            account_id, Entry.Kind.REINSTATEMENT, amount, max(effective_at, since), recorded_at, "activity",
            f"kept-alive:{entry_id}", ACTOR, explanation={"kept_alive": {"expiry": entry_id}}, corrects_id=entry_id,
        )  # fmt: skip
        lines.append(line)
        accounts[account_id].available += amount
    ids = write_lines(accounts, lines)
    write_allocations([(new, part[3], part[4]) for new, part in zip(ids, parts, strict=True)])
    back = [(lot_id, amount) for *_rest, lot_id, amount in parts]
    update_rows(Lot, "id", ("+remaining", "+returned"), [(lot_id, amount, amount) for lot_id, amount in back])
    for account in accounts.values():
        if account.debt:
            debts.repay(account, [(part[3], part[4]) for part in parts if part[1] == account.id], at=recorded_at)
    write_accounts([accounts[account_id] for account_id in {part[1] for part in parts}])
    return sum(amount for _lot_id, amount in back)


def mark(accounts: dict[int, Account], account_ids: Iterable[int]) -> None:
    """Remember on locked accounts that they have points that end by inactivity, so that others are never asked."""
    new = [account_id for account_id in set(account_ids) if not accounts[account_id].has_idle_lots]
    for account_id in new:
        accounts[account_id].has_idle_lots = True
    if new:
        Account.objects.filter(id__any_of=new).update(has_idle_lots=True)


_idle_lots = Prepared(
    lambda: (
        Lot.objects.filter(
            Q(remaining__gt=0) | Q(expired__gt=0),
            account__any_of=Given("accounts"),
            expires_at__gt=Given("since"),
            expiry_policy__kind__in=ExpiryPolicy.IDLE,
            available_at__isnull=False,
        )
        .order_by("account_id", "id")
        .values_list("id", "account_id", "available_at", "expires_at", "expiry_policy_id", "expired")
    )
)
