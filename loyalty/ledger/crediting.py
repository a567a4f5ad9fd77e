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
from loyalty.ledger.writing import Line

BY_POLICY: Any = object()
LOT_FIELDS = (
    "entry", "account", "granted_at", "available_at", "expires_at", "is_pending", "rule_version", "expiry_policy",
    "granted", "returned", "remaining", "held", "redeemed", "expired", "clawed_back", "forfeited",
)  # fmt: skip


@dataclass(slots=True)
class Accrual:
    """Points about to be credited. `amount` > 0, in the wallet's smallest unit.

    Without `available_at` the wallet's activation days count from `effective_at`; without `expires_at` the wallet's
    current expiry policy counts from `available_at`.
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
    kind: str = Entry.Kind.ACCRUAL


def credit_line(accrual: Accrual, recorded_at: datetime) -> Line:
    """The entry of a credit. Dates given by hand are part of its explanation, and so of what is hashed."""
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
        accrual.explanation | _dates_given(accrual),
    )


def _dates_given(accrual: Accrual) -> dict[str, Any]:
    """The dates of the lot that do not follow from the wallet's policy."""
    dates: dict[str, str | None] = {}
    if accrual.available_at is not None:
        dates["available_at"] = accrual.available_at.isoformat()
    if accrual.expires_at is not BY_POLICY:
        dates["expires_at"] = accrual.expires_at.isoformat() if accrual.expires_at else None
    return {"lot": dates} if dates else {}


def lot_row(entry_id: int, accrual: Accrual, terms: Terms, recorded_at: datetime) -> tuple[Any, ...]:
    """The lot of a credit, as LOT_FIELDS."""
    available_at = accrual.available_at or terms.available_at(accrual.effective_at)
    by_policy = accrual.expires_at is BY_POLICY
    expires_at = terms.expires_at(available_at) if by_policy else accrual.expires_at
    return (
        entry_id, accrual.account_id, accrual.effective_at, available_at, expires_at, available_at > recorded_at,
        accrual.rule_version, terms.policy_id if by_policy else None,
        accrual.amount, 0, accrual.amount, 0, 0, 0, 0, 0,
    )  # fmt: skip


def in_open_months(
    accruals: Sequence[Accrual], accounts: Mapping[int, Account], terms: Mapping[int, Terms], recorded_at: datetime
) -> Sequence[Accrual]:
    """The credits, those of a closed month as corrections in the first open one (DOMAIN 13.2); their lots keep their dates.

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
            a, effective_at=since[wallet], available_at=a.available_at or terms[wallet].available_at(a.effective_at)
        )
        if (wallet := wallets[a.account_id]) in since and a.effective_at < since[wallet]
        else a
        for a in accruals
    ]
