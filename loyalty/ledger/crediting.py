"""Credits before they are posted: what is to be credited, and the entry and the lot that come of it.

A lot ends by the wallet's policy, or at an end given by hand; what would fall into a closed month is true from the first
open one, but its points live as long as if it had come in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from loyalty.ledger.closing import begin_of_month, open_since
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.policies import Terms
from loyalty.ledger.trails import moved_on
from loyalty.ledger.writing import Line

BY_POLICY: Any = object()
LOT_FIELDS = (
    "entry", "account", "granted_at", "available_at", "expires_at", "is_pending", "rule_version", "expiry_policy",
    "granted", "returned", "remaining", "held", "redeemed", "expired", "clawed_back", "forfeited", "confirm_by",
)  # fmt: skip


@dataclass(slots=True)
class Accrual:
    """Points about to be credited. `amount` > 0, in the wallet's smallest unit.

    `expiry_policy_id` is the version of a named policy, of the account's wallet, that a rule or campaign asked for instead.

    Without `available_at` the days of that policy, else the wallet's, count from `effective_at`; without `expires_at` the wallet's
    current expiry policy counts from `available_at`. With `confirm_by` the points wait for a confirming event and lapse at that
    instant without one (`confirming.py`); their expiry then counts from the event. `waits` leaves it to the expiry policy whether.
    """

    account_id: int
    amount: int
    effective_at: datetime
    reference: str
    source: str
    actor: str
    explanation: dict[str, Any] = field(default_factory=dict)
    rule_version: str = ""
    reason: str = ""
    available_at: datetime | None = None
    expires_at: datetime | None = BY_POLICY
    expiry_policy_id: int | None = None
    kind: str = Entry.Kind.ACCRUAL
    confirm_by: datetime | None = None
    waits: bool = False


def as_promised(
    accruals: Sequence[Accrual], accounts: Mapping[int, Account], terms: Mapping[int, Terms]
) -> Sequence[Accrual]:
    """The credits, those of a policy that lets points of purchases wait with the instant by which they must be confirmed."""
    if not any(own.may_wait for own in terms.values()):
        return accruals
    return [
        replace(a, waits=False, confirm_by=terms[accounts[a.account_id].wallet_id].confirm_by(a.effective_at, a.expiry_policy_id))
        if a.waits
        else a
        for a in accruals
    ]  # fmt: skip


def credit_line(accrual: Accrual, terms: Terms, recorded_at: datetime) -> Line:
    """The entry of a credit. Dates given by hand, and a begin that is not its own instant, are part of its explanation, and so of what is hashed."""
    if accrual.amount <= 0:
        raise ValueError("a credit is at least one point")
    return Line(
        accrual.account_id,
        accrual.kind,
        accrual.amount,
        accrual.effective_at,
        recorded_at,
        accrual.source,
        accrual.reference,
        accrual.actor,
        accrual.reason,
        accrual.explanation | given if (given := _dates_given(accrual, terms)) else accrual.explanation,
    )


def _dates_given(accrual: Accrual, terms: Terms) -> dict[str, Any]:
    """What the lot's dates follow from besides the wallet's own policy: dates by hand or by a delay, a named policy, days of a season."""
    dates: dict[str, str | int | None] = {}
    begin = _begin(accrual, terms) if accrual.confirm_by is None else None
    if begin and (accrual.available_at is not None or begin != accrual.effective_at):
        dates["available_at"] = begin.isoformat()
    if accrual.expires_at is not BY_POLICY:
        dates["expires_at"] = accrual.expires_at.isoformat() if accrual.expires_at else None
    if accrual.confirm_by is not None:
        dates["confirm_by"] = accrual.confirm_by.isoformat()
    if accrual.expiry_policy_id is not None:
        dates["policy"] = accrual.expiry_policy_id
    if begin and accrual.expires_at is BY_POLICY:
        dates |= terms.season(begin, accrual.expiry_policy_id)
    return {"lot": dates} if dates else {}


def lot_row(entry_id: int, accrual: Accrual, terms: Terms, recorded_at: datetime) -> tuple[Any, ...]:
    """The lot of a credit, as LOT_FIELDS."""
    by_policy = accrual.expires_at is BY_POLICY
    available_at: datetime | None
    expires_at: datetime | None
    if accrual.confirm_by is not None:
        available_at, expires_at, is_pending = None, accrual.confirm_by, True
    else:
        available_at = begin = _begin(accrual, terms)
        expires_at = terms.expires_at(begin, accrual.expiry_policy_id) if by_policy else accrual.expires_at
        is_pending = begin > recorded_at
    return (
        entry_id, accrual.account_id, accrual.effective_at, available_at, expires_at, is_pending,
        accrual.rule_version, accrual.expiry_policy_id or terms.policy_id if by_policy else None,
        accrual.amount, 0, accrual.amount, 0, 0, 0, 0, 0, accrual.confirm_by,
    )  # fmt: skip


def in_open_months(
    accruals: Sequence[Accrual], accounts: Mapping[int, Account], terms: Mapping[int, Terms], recorded_at: datetime
) -> Sequence[Accrual]:
    """The credits, those of a closed month as corrections in the first open one (DOMAIN 13.2); their lots keep their dates,
    and their explanation says when they happened.

    Asks the database only when something is older than the month that runs, which is never closed.
    """
    begun = {wallet: begin_of_month(recorded_at, own.zone) for wallet, own in terms.items()}
    wallets = {a.account_id: accounts[a.account_id].wallet_id for a in accruals}
    late = {wallets[a.account_id] for a in accruals if a.effective_at < begun[wallets[a.account_id]]}
    since = open_since(late) if late else {}
    if not since:
        return accruals
    return [
        replace(
            a, effective_at=since[wallet], available_at=_begins(a, terms[wallet]),
            explanation=moved_on(a.explanation, a.effective_at),
        )
        if (wallet := wallets[a.account_id]) in since and a.effective_at < since[wallet]
        else a
        for a in accruals
    ]  # fmt: skip


def _begins(accrual: Accrual, terms: Terms) -> datetime | None:
    """From when the points can be spent as if they had come in time; None while they wait for a confirming event."""
    if accrual.confirm_by is not None:
        return None
    return _begin(accrual, terms)


def _begin(accrual: Accrual, terms: Terms) -> datetime:
    """From when the points can be spent: as given by hand, else as their policy or the wallet says."""
    return accrual.available_at or terms.available_at(accrual.effective_at, accrual.expiry_policy_id)
