"""What the API says about a member: who they are, what they have, where they stand."""

from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

from django.db.models import F
from pydantic import Field

from loyalty.common.languages import in_language
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import statements
from loyalty.ledger.models import Account
from loyalty.pos.wire import DayOut, InstantOut, MoneyOut, Outgoing
from members import tiers
from members.models import Member, TierStay
from members.tiers.benefits import lines_of, written


class BalanceOut(Outgoing):
    """A position in one wallet, in its smallest unit."""

    wallet: str
    name: str
    decimals: int
    is_main: bool
    available: int
    pending: int
    held: int
    debt: int


class NextTierOut(Outgoing):
    """The next tier and what is missing for it."""

    tier: str
    name: str
    missing: MoneyOut


class TierOut(Outgoing):
    """Where a member stands. `measured` is in whole points or in money, as `metric` says.

    `waiting` is what does not count yet and will, the next of it from `waiting_until` on; null: once its orders are confirmed.

    `benefits` are lines in words. What a tier gives by rules is among them where a member or their tiers are read, not in the answer to a
    purchase.
    """

    tier: str
    name: str
    metric: str
    measured: MoneyOut
    since: InstantOut
    counts_until: InstantOut | None
    next: NextTierOut | None
    cause: str
    review_at: InstantOut | None
    decided_at: InstantOut | None
    keep: MoneyOut | None
    keep_missing: MoneyOut | None
    held_until: InstantOut | None
    projected: str | None
    waiting: MoneyOut
    waiting_until: InstantOut | None
    benefits: list[str]


class TierStayOut(Outgoing):
    """One stay in a tier: from, until, and the reference of what began it."""

    tier: str
    name: str
    since: InstantOut
    until: InstantOut | None
    cause: str
    measured: MoneyOut


class TierHistoryOut(Outgoing):
    """Where a member stands, and every tier there was, newest first."""

    tier: TierOut
    stays: list[TierStayOut]


class MemberOut(Outgoing):
    """A member with balance and tier."""

    number: str
    status: str = Field(examples=["active"])
    name: str
    email: str
    phone: str
    birthday: DayOut | None
    company: str
    language: str
    source: str
    source_key: str
    enrolled_at: InstantOut
    tier: TierOut
    balances: list[BalanceOut]


def member_out(member: Member, *, at: datetime) -> MemberOut:
    """A member as the API says it."""
    return MemberOut(
        number=member.number,
        status=member.status,
        name=member.name,
        email=member.email,
        phone=member.phone,
        birthday=member.birthday,
        company=member.company,
        language=member.language,
        source=member.source,
        source_key=member.source_key,
        enrolled_at=member.enrolled_at,
        tier=tier_out(member, at=at),
        balances=balances_out(member, at=at),
    )


WALLET = ("slug", "units", "units_id", "units_ms", "decimals", "is_main")
_positions = Prepared(
    lambda: statements.with_positions(
        Account.objects.filter(member_account__member=Given("member")).order_by("-wallet__is_main", "wallet_id"),
        *(f"wallet__{name}" for name in WALLET),
        "wallet_id",
    )
)


def balances_out(member: Member, *, at: datetime) -> list[BalanceOut]:
    """The member's positions, the main wallet first: one query, more where something is held or owed."""
    rows = _positions(member=member.pk, at=at)
    balances = statements.of_positions(rows, at=at)
    wallets = ((row[0], SimpleNamespace(**dict(zip(WALLET, row[2:], strict=False)))) for row in rows)
    return [
        BalanceOut(
            wallet=wallet.slug,
            name=in_language(wallet, "units"),
            decimals=wallet.decimals,
            is_main=wallet.is_main,
            available=balances[account_id].available,
            pending=balances[account_id].pending,
            held=balances[account_id].held,
            debt=balances[account_id].debt,
        )
        for account_id, wallet in wallets
    ]


def tier_out(member: Member, *, at: datetime, known: tiers.Standing | None = None) -> TierOut:
    """The member's tier, the way to the next one and to keep it: three queries, none where the standing is `known`."""
    standing = known or tiers.standing(member, at=at)
    following = standing.next_tier
    return TierOut(
        tier=standing.tier.slug,
        name=str(standing.tier),
        metric=standing.metric,
        measured=standing.measured,
        since=standing.since,
        counts_until=standing.counts_until,
        next=NextTierOut(tier=following.slug, name=str(following), missing=standing.missing or Decimal(0))
        if following
        else None,
        cause=standing.cause,
        review_at=standing.review_at,
        decided_at=standing.decided_at,
        keep=standing.keep,
        keep_missing=standing.keep_missing,
        held_until=standing.held_until,
        projected=standing.projected.slug if standing.projected else None,
        waiting=standing.waiting,
        waiting_until=standing.waiting_until,
        benefits=written(standing.tier) if known else lines_of([standing.tier])[standing.tier.pk],
    )


def tier_history_out(member: Member, *, at: datetime) -> TierHistoryOut:
    """The standing and all stays that lasted."""
    stays = TierStay.objects.filter(member=member).exclude(until=F("since")).select_related("tier")
    told = [
        TierStayOut(
            tier=stay.tier.slug,
            name=str(stay.tier),
            since=stay.since,
            until=stay.until,
            cause=stay.cause,
            measured=stay.measured,
        )
        for stay in stays.order_by("-since", "-id")
    ]
    return TierHistoryOut(tier=tier_out(member, at=at), stays=told)
