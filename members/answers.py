"""What the API says about a member: who they are, what they have, where they stand."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from pydantic import Field

from loyalty.common.languages import in_language
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import statements
from loyalty.pos.wire import DayOut, InstantOut, MoneyOut, Outgoing
from members import tiers
from members.models import Member, MemberAccount


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
    """Where a member stands. `measured` is in whole points or in money, as `metric` says."""

    tier: str
    name: str
    metric: str
    measured: MoneyOut
    since: InstantOut
    counts_until: InstantOut | None
    next: NextTierOut | None


class MemberOut(Outgoing):
    """A member with balance and tier."""

    number: str
    status: str = Field(examples=["active"])
    name: str
    email: str
    phone: str
    birthday: DayOut | None
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
        language=member.language,
        source=member.source,
        source_key=member.source_key,
        enrolled_at=member.enrolled_at,
        tier=tier_out(member, at=at),
        balances=balances_out(member, at=at),
    )


_accounts = Prepared(
    lambda: (
        MemberAccount.objects.filter(member=Given("member"))
        .select_related("wallet")
        .order_by("-wallet__is_main", "wallet_id")
    )
)


def balances_out(
    member: Member, *, at: datetime, known: Mapping[int, statements.Balance] | None = None
) -> list[BalanceOut]:
    """The member's positions, the main wallet first; `known` ones (by account) are not computed again."""
    accounts = _accounts(member=member.pk)
    balances = dict(known or {})
    unknown = [account.account_id for account in accounts if account.account_id not in balances]
    if unknown:
        balances |= statements.balances(unknown, at=at)
    return [
        BalanceOut(
            wallet=account.wallet.slug,
            name=in_language(account.wallet, "units"),
            decimals=account.wallet.decimals,
            is_main=account.wallet.is_main,
            available=balances[account.account_id].available,
            pending=balances[account.account_id].pending,
            held=balances[account.account_id].held,
            debt=balances[account.account_id].debt,
        )
        for account in accounts
    ]


def tier_out(member: Member, *, at: datetime, known: tiers.Standing | None = None) -> TierOut:
    """The member's tier and the way to the next one: two queries, none where the standing is `known`."""
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
    )
