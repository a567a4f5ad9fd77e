"""A member's statement as of any instant: tier, and the position in each wallet (DOMAIN 12.3).

True then, or known then: a tier that was learned of later, from a late purchase, does not show in what was known.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from loyalty.ledger import asof
from loyalty.ledger.models import Entry
from members import tiers, wording
from members.models import Member, MemberAccount, TierStay


@dataclass(frozen=True, slots=True)
class Statement:
    """What a member had at an instant. `stay` is None before the member was enrolled."""

    member: Member
    at: datetime
    known_at: datetime | None
    stay: TierStay | None
    positions: list[tuple[MemberAccount, asof.Position]]

    def of(self, account_id: int) -> asof.Position:
        """The position in one account."""
        return next(position for _, position in self.positions if position.account_id == account_id)


def statement(member: Member, *, at: datetime, known_at: datetime | None = None) -> Statement:
    """The member at an instant, in all wallets."""
    accounts = member.member_accounts.select_related("wallet").order_by("wallet_id")
    positions = [(held, asof.position(held.account_id, at=at, known_at=known_at)) for held in accounts]
    return Statement(member, at, known_at, stay_at(member, at=at, known_at=known_at), positions)


def stay_at(member: Member, *, at: datetime, known_at: datetime | None = None) -> TierStay | None:
    """The tier stay that was in force at an instant, as far as was known by `known_at`. Two queries.

    What was true then is a fact of time, whether or not a job has written it down (DOMAIN 2.4). A stay without length was overtaken by one recorded after it that began no later; until that was known, it counted.
    """
    stays = list(member.tier_stays.select_related("tier").order_by("-since", "-id"))
    was_known = known_at is None or (known_at >= at and all(stay.recorded_at <= known_at for stay in stays))
    if was_known and tiers.has_due(member, at=at):
        return tiers.held(member, at=at)
    known = [stay for stay in stays if known_at is None or stay.recorded_at <= known_at]
    for stay in known:
        overtaken = stay.until == stay.since and any(
            other.id > stay.id and other.since <= stay.since for other in known
        )
        if stay.since <= at and not overtaken:
            return stay
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """How one statement of a member became another: what differs in each wallet, and why."""

    before: Statement
    after: Statement
    wallets: list[tuple[MemberAccount, asof.Difference]]

    def of(self, account_id: int) -> asof.Difference:
        """What differs in one account."""
        return next(between for held, between in self.wallets if held.account_id == account_id)


def change(before: Statement, after: Statement) -> Change:
    """What lies between two statements of one member, wallet by wallet."""
    later = {held.account_id: position for held, position in after.positions}
    pairs = [(held, asof.difference(position, later[held.account_id])) for held, position in before.positions]
    return Change(before, after, pairs)


def as_json(told: Statement) -> dict[str, Any]:
    """A statement as plain values, amounts in each wallet's smallest unit."""
    return {
        "member": told.member.number,
        "at": told.at.isoformat(),
        "known_at": told.known_at.isoformat() if told.known_at else None,
        "tier": told.stay.tier.slug if told.stay else None,
        "tier_since": told.stay.since.isoformat() if told.stay else None,
        "wallets": [
            {
                "wallet": held.wallet.slug,
                "decimals": held.wallet.decimals,
                **asdict(position.balance),
                "points": position.points,
                "ran_out": position.ran_out,
                "entries": position.entries,
                "lots": [_lot(lot, told.at) for lot in position.lots],
            }
            for held, position in told.positions
        ],
    }


def change_as_json(between: Change) -> dict[str, Any]:
    """What lies between two statements as plain values."""
    return {
        "before": as_json(between.before),
        "after": as_json(between.after),
        "wallets": [
            {
                "wallet": held.wallet.slug,
                "points": differs.points,
                "activated": differs.activated,
                "ran_out": differs.ran_out,
                "added": [_entry(entry) for entry in differs.added],
                "removed": [_entry(entry) for entry in differs.removed],
            }
            for held, differs in between.wallets
        ],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "kind": entry.kind,
        "amount": entry.amount,
        "title": wording.title(entry),
        "reference": entry.reference,
        "effective_at": entry.effective_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
    }


def _lot(lot: asof.LotAt, at: datetime) -> dict[str, Any]:
    return {
        "lot": lot.id,
        "state": lot.state(at),
        "granted_at": lot.granted_at.isoformat(),
        "available_at": lot.available_at.isoformat() if lot.available_at else None,
        "confirm_by": lot.confirm_by.isoformat() if lot.confirm_by else None,
        "expires_at": lot.expires_at.isoformat() if lot.expires_at else None,
        "granted": lot.granted,
        "remaining": lot.remaining,
        "held": lot.held,
    }
