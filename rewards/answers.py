"""What the API says about rewards, redemptions and vouchers."""

from datetime import datetime
from typing import Any

from pydantic import Field

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from loyalty.pos.wire import DayOut, InstantOut, Outgoing
from members.answers import BalanceOut, balances_out
from rewards.catalogue import Offer
from rewards.models import Redemption, Reward, Voucher
from rewards.vouchers import unusable


class RefusalOut(Outgoing):
    """Why something cannot be done: a stable code, a sentence, and the numbers it speaks of."""

    code: str
    detail: str
    numbers: dict[str, Any]


class RewardOut(Outgoing):
    """A reward of the catalogue. `cost` is in the wallet's smallest unit; `left` is empty when unlimited."""

    reward: str
    name: str
    summary: str
    kind: str = Field(examples=["product"])
    wallet: str
    cost: int
    left: int | None
    offered_from: InstantOut | None
    offered_until: InstantOut | None
    limit_per_member: int | None
    from_tier: str | None
    voucher_days: int


class OfferOut(RewardOut):
    """A reward with what it means for one member."""

    can_redeem: bool
    refusal: RefusalOut | None
    missing: int
    redeemed_by_member: int


class VoucherOut(Outgoing):
    """A voucher. `status` is issued, used, cancelled or expired; `refusal` says why it cannot be used now."""

    code: str
    status: str = Field(examples=["issued"])
    can_use: bool
    refusal: RefusalOut | None
    valid_from: InstantOut
    expires_at: InstantOut
    last_valid_day: DayOut
    used_at: InstantOut | None
    till: str
    receipt: str
    redemption: str
    reward: str
    reward_name: str
    member: str


class RedemptionOut(Outgoing):
    """A redemption with its voucher and the member's balance after it."""

    reference: str
    status: str = Field(examples=["issued"])
    member: str
    reward: str
    reward_name: str
    cost: int
    redeemed_at: InstantOut
    ended_at: InstantOut | None
    voucher: VoucherOut
    balances: list[BalanceOut]


def refusal_out(refusal: Refusal | None) -> RefusalOut | None:
    """A refusal as the API says it."""
    if refusal is None:
        return None
    return RefusalOut(code=refusal.code, detail=str(refusal), numbers=refusal.numbers)


def _reward_fields(reward: Reward) -> dict[str, Any]:
    """What every answer about a reward says."""
    return {
        "reward": reward.slug,
        "name": str(reward),
        "summary": reward.shown_summary,
        "kind": reward.kind,
        "wallet": reward.wallet.slug,
        "cost": reward.cost,
        "left": reward.left,
        "offered_from": reward.offered_from,
        "offered_until": reward.offered_until,
        "limit_per_member": reward.limit_per_member,
        "from_tier": reward.minimum_tier and reward.minimum_tier.slug,
        "voucher_days": reward.voucher_days,
    }


def reward_out(reward: Reward) -> RewardOut:
    """A reward as the API says it."""
    return RewardOut(**_reward_fields(reward))


def offer_out(offer: Offer) -> OfferOut:
    """A member's offer as the API says it."""
    return OfferOut(
        **_reward_fields(offer.reward),
        can_redeem=offer.can_redeem,
        refusal=refusal_out(offer.refusal),
        missing=offer.missing,
        redeemed_by_member=offer.redeemed_by_member,
    )


def voucher_out(voucher: Voucher, *, at: datetime) -> VoucherOut:
    """A voucher as the API says it, true at that instant."""
    redemption = voucher.redemption
    refusal = unusable(voucher, at=at)
    return VoucherOut(
        code=voucher.shown_code,
        status=redemption.state(at=at, voucher=voucher),
        can_use=refusal is None,
        refusal=refusal_out(refusal),
        valid_from=voucher.valid_from,
        expires_at=voucher.expires_at,
        last_valid_day=last_valid_day(voucher.expires_at, redemption.program.time_zone),
        used_at=voucher.used_at,
        till=voucher.till,
        receipt=voucher.receipt,
        redemption=redemption.reference,
        reward=redemption.reward.slug,
        reward_name=str(redemption.reward),
        member=redemption.member.number,
    )


def redemption_out(redemption: Redemption, *, at: datetime) -> RedemptionOut:
    """A redemption as the API says it."""
    known = {redemption.account_id: redemption.balance} if redemption.balance else None
    return RedemptionOut(
        reference=redemption.reference,
        status=redemption.state(at=at),
        member=redemption.member.number,
        reward=redemption.reward.slug,
        reward_name=str(redemption.reward),
        cost=redemption.cost,
        redeemed_at=redemption.redeemed_at,
        ended_at=redemption.ended_at,
        voucher=voucher_out(redemption.voucher, at=at),
        balances=balances_out(redemption.member, at=at, known=known),
    )
