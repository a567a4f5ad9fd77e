"""A member's statement as of any instant: tier, and the position in each wallet (DOMAIN 12.3).

True then, or known then: a tier that was learned of later, from a late purchase, does not show in what was known.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from loyalty.ledger import asof
from members.models import Member, MemberAccount, TierStay


@dataclass(frozen=True, slots=True)
class Statement:
    """What a member had at an instant. `stay` is None before the member was enrolled."""

    member: Member
    at: datetime
    known_at: datetime | None
    stay: TierStay | None
    positions: list[tuple[MemberAccount, asof.Position]]


def statement(member: Member, *, at: datetime, known_at: datetime | None = None) -> Statement:
    """The member at an instant, in all wallets."""
    accounts = member.member_accounts.select_related("wallet").order_by("wallet_id")
    positions = [(held, asof.position(held.account_id, at=at, known_at=known_at)) for held in accounts]
    return Statement(member, at, known_at, stay_at(member, at=at, known_at=known_at), positions)


def stay_at(member: Member, *, at: datetime, known_at: datetime | None = None) -> TierStay | None:
    """The tier stay that was in force at an instant, as far as was known by `known_at`. One query.

    A stay without length was overtaken by one recorded after it that began no later; until that was known, it counted.
    """
    stays = list(member.tier_stays.select_related("tier").order_by("-since", "-id"))
    known = [stay for stay in stays if known_at is None or stay.recorded_at <= known_at]
    for stay in known:
        overtaken = stay.until == stay.since and any(
            other.id > stay.id and other.since <= stay.since for other in known
        )
        if stay.since <= at and not overtaken:
            return stay
    return None


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


def _lot(lot: asof.LotAt, at: datetime) -> dict[str, Any]:
    return {
        "lot": lot.id,
        "state": lot.state(at),
        "granted_at": lot.granted_at.isoformat(),
        "available_at": lot.available_at.isoformat() if lot.available_at else None,
        "expires_at": lot.expires_at.isoformat() if lot.expires_at else None,
        "granted": lot.granted,
        "remaining": lot.remaining,
        "held": lot.held,
    }
