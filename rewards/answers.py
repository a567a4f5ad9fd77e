"""What the API says about rewards, redemptions and vouchers."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from pydantic import Field

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from loyalty.pos.wire import DayOut, InstantOut, MoneyOut, Outgoing
from members.answers import BalanceOut, balances_out
from rewards import kinds, pools, sessions
from rewards.catalogue import Offer
from rewards.chances.answers import DrawnOut, drawn_out
from rewards.draws import entering
from rewards.models import EventSession, Parcel, Redemption, Reward, Voucher
from rewards.recommending import Advice
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
    money: MoneyOut
    left: int | None
    offered_from: InstantOut | None
    offered_until: InstantOut | None
    season_from: str = Field(examples=["12-01"])
    season_until: str = Field(examples=["12-31"])
    limit_per_member: int | None
    limits: dict[str, int]
    cooldown_days: int
    from_tier: str | None
    minimum_member_days: int
    voucher_days: int
    category: str | None
    picture: str | None = Field(examples=["/pictures/…/large.webp"])
    partner: str
    terms: str
    is_featured: bool


class StoreStockOut(Outgoing):
    """How many of a reward a store has left."""

    store: str
    left: int


class SessionOut(Outgoing):
    """A date of an experience."""

    session: int
    starts_at: InstantOut
    ends_at: InstantOut
    place: str


class BookableOut(SessionOut):
    """A date that can be booked; `left` are its free seats."""

    left: int


class OfferOut(RewardOut):
    """A reward with what it means for one member: `cost` and `money` are their price, `regular_cost` everybody's."""

    regular_cost: int
    stores: list[StoreStockOut]
    sessions: list[BookableOut]
    can_redeem: bool
    refusal: RefusalOut | None
    missing: int
    redeemed_by_member: int


class AdviceOut(OfferOut):
    """An offer with the reason why this member should look at it."""

    reason: str = Field(examples=["popular"])
    words: str


class VoucherOut(Outgoing):
    """A voucher. `status` is issued, used, cancelled or expired; `value` and `left` are a gift card's money; `refusal` says why it cannot be used now."""

    code: str
    status: str = Field(examples=["issued"])
    can_use: bool
    refusal: RefusalOut | None
    valid_from: InstantOut
    expires_at: InstantOut
    last_valid_day: DayOut
    uses: int
    uses_allowed: int
    value: MoneyOut | None
    left: MoneyOut | None
    discount_percent: MoneyOut | None = Field(examples=["7.50"])
    to_pay: MoneyOut
    store: str | None
    session: SessionOut | None
    instructions: str = Field(examples=["Hand the goods over at no charge, then mark the voucher as used."])
    used_at: InstantOut | None
    till: str
    receipt: str
    redemption: str
    reward: str
    reward_name: str
    member: str


class ParcelOut(Outgoing):
    """How far a parcel is: `status` is address, waiting, packed, sent, delivered or cancelled. Where it goes is not told."""

    status: str = Field(examples=["sent"])
    carrier: str
    tracking: str
    packed_at: InstantOut | None
    sent_at: InstantOut | None
    delivered_at: InstantOut | None


class RedemptionOut(Outgoing):
    """A redemption with its voucher and the member's balance after it.

    `partner_code` is what a partner takes, `entries` the numbers in a draw, `drawn` what was won by chance.
    """

    reference: str
    status: str = Field(examples=["issued"])
    member: str
    reward: str
    reward_name: str
    cost: int
    to_pay: MoneyOut
    store: str | None
    redeemed_at: InstantOut
    ended_at: InstantOut | None
    voucher: VoucherOut
    partner_code: str
    entries: list[int]
    drawn: DrawnOut | None
    parcel: ParcelOut | None
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
        "money": reward.money,
        "left": reward.left,
        "offered_from": reward.offered_from,
        "offered_until": reward.offered_until,
        "season_from": reward.season_from,
        "season_until": reward.season_until,
        "limit_per_member": reward.limit_per_member,
        "limits": {period: limit for period, limit in reward.limits.items() if limit is not None},
        "cooldown_days": reward.cooldown_days,
        "minimum_member_days": reward.minimum_member_days,
        "category": reward.category and reward.category.slug,
        "picture": reverse("reward_picture", args=[reward.picture_id, "large"]) if reward.picture_id else None,
        "partner": reward.partner,
        "terms": reward.shown_terms,
        "is_featured": reward.is_featured,
        "from_tier": reward.minimum_tier and reward.minimum_tier.slug,
        "voucher_days": reward.voucher_days,
    }


def reward_out(reward: Reward) -> RewardOut:
    """A reward as the API says it."""
    return RewardOut(**_reward_fields(reward))


def _session_fields(session: EventSession) -> dict[str, Any]:
    """What every answer about a date says."""
    return {
        "session": session.pk, "starts_at": session.starts_at, "ends_at": session.ends_at, "place": session.place,
    }  # fmt: skip


def _offer_fields(offer: Offer) -> dict[str, Any]:
    """What every answer about an offer says."""
    return _reward_fields(offer.reward) | {
        "cost": offer.cost,
        "money": offer.price.money,
        "left": offer.left,
        "regular_cost": offer.price.regular,
        "stores": [StoreStockOut(store=one.store.code, left=one.left) for one in offer.stocks],
        "sessions": [BookableOut(**_session_fields(one), left=one.left) for one in offer.sessions],
        "can_redeem": offer.can_redeem,
        "refusal": refusal_out(offer.refusal),
        "missing": offer.missing,
        "redeemed_by_member": offer.redeemed_by_member,
    }


def offer_out(offer: Offer) -> OfferOut:
    """A member's offer as the API says it."""
    return OfferOut(**_offer_fields(offer))


def advice_out(advice: Advice) -> AdviceOut:
    """A recommendation as the API says it."""
    return AdviceOut(**_offer_fields(advice.offer), reason=advice.reason, words=advice.words)


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
        uses=voucher.uses,
        uses_allowed=voucher.uses_allowed,
        value=voucher.value,
        left=voucher.left,
        discount_percent=kinds.of(redemption.reward).percent(redemption, at=at),
        to_pay=redemption.to_pay,
        store=redemption.store.code if redemption.store else None,
        session=SessionOut(**_session_fields(held)) if (held := sessions.held_by(redemption)) else None,
        instructions=str(kinds.of(redemption.reward).work_for(redemption.reward)),
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
    return RedemptionOut(
        reference=redemption.reference,
        status=redemption.state(at=at),
        member=redemption.member.number,
        reward=redemption.reward.slug,
        reward_name=str(redemption.reward),
        cost=redemption.cost,
        to_pay=redemption.to_pay,
        store=redemption.store.code if redemption.store else None,
        redeemed_at=redemption.redeemed_at,
        ended_at=redemption.ended_at,
        voucher=voucher_out(redemption.voucher, at=at),
        partner_code=pools.shown(redemption) if redemption.reward.pool_id is not None else "",
        entries=entering.numbers_of(redemption) if redemption.reward.draw_id is not None else [],
        drawn=drawn_out(redemption) if redemption.reward.prize_pool_id is not None else None,
        parcel=parcel_out(redemption.parcel) if redemption.reward.is_sent else None,
        balances=balances_out(redemption.member, at=at),
    )


def parcel_out(parcel: Parcel) -> ParcelOut:
    """A parcel as the API says it."""
    names = ("status", "carrier", "tracking", "packed_at", "sent_at", "delivered_at")
    return ParcelOut(**{name: getattr(parcel, name) for name in names})
