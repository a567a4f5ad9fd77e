"""The API's doors about rewards: the catalogue, redeeming, cancelling, and vouchers at the till."""

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Outgoing, Reference
from members import lookup
from rewards import catalogue, redemption, vouchers
from rewards.answers import (
    OfferOut,
    RedemptionOut,
    RewardOut,
    VoucherOut,
    offer_out,
    redemption_out,
    reward_out,
    voucher_out,
)

router = Router(tags=["Rewards and vouchers"])


class RewardsOut(Outgoing):
    """The catalogue."""

    rewards: list[RewardOut]


class OffersOut(Outgoing):
    """The catalogue for one member."""

    rewards: list[OfferOut]


class RedemptionIn(Incoming):
    """A wish to redeem. `reference` is yours: the same one never redeems twice."""

    reward: str = Field(min_length=1, max_length=50)
    reference: Reference
    source: str = Field("api", min_length=1, max_length=32)


class CancelIn(Incoming):
    """Who wishes to cancel: a member's points that expired meanwhile stay expired, the merchant's get 14 more days."""

    by: Literal["member", "merchant"] = Field("merchant")


class UseIn(Incoming):
    """Where a voucher is used. The same till and receipt get the first answer again."""

    till: str = Field(min_length=1, max_length=64)
    receipt: str = Field(min_length=1, max_length=80)


@router.get(
    "/rewards",
    response=RewardsOut,
    operation_id="list_rewards",
    summary=gettext_noop("List the rewards"),
    description=gettext_noop("Every reward on offer and those that come; names are in the language of the call."),
)
@reads("rewards:read")
def list_rewards(request: HttpRequest) -> Any:
    """Every reward on offer and those that come; names are in the language of the call."""
    rewards = catalogue.on_offer(caller(request).program, at=timezone.now())
    return RewardsOut(rewards=[reward_out(reward) for reward in rewards])


@router.get(
    "/members/{number}/rewards",
    response=OffersOut,
    operation_id="list_offers",
    summary=gettext_noop("List a member's rewards"),
    description=gettext_noop("Every reward on offer, whether this member can have it now, and if not, why."),
)
@reads("rewards:read")
def list_offers(request: HttpRequest, number: str) -> Any:
    """Every reward on offer, whether this member can have it now, and if not, why."""
    member = lookup.by_number(caller(request).program, number)
    return OffersOut(rewards=[offer_out(offer) for offer in catalogue.offers(member, at=timezone.now())])


@router.post(
    "/members/{number}/redemptions",
    response={201: RedemptionOut, 200: RedemptionOut},
    operation_id="redeem_reward",
    summary=gettext_noop("Redeem a reward"),
    description=gettext_noop(
        "Takes the points and issues the voucher. A reference used before is answered with its redemption and 200."
    ),
)
@writes("redemptions:write")
def redeem_reward(request: HttpRequest, number: str, wish: RedemptionIn) -> Any:
    """Takes the points and issues the voucher. A reference used before is answered with its redemption and 200."""
    at = timezone.now()
    program = caller(request).program
    member = lookup.by_number(program, number)
    reward = catalogue.find(program, wish.reward)
    made = redemption.redeem(member, reward, at=at, reference=wish.reference, source=wish.source, actor=actor(request))
    return Status(201 if made.redeemed_at == at else 200, redemption_out(made, at=at))


@router.get(
    "/redemptions/{reference}",
    response=RedemptionOut,
    operation_id="read_redemption",
    summary=gettext_noop("Read a redemption"),
    description=gettext_noop("What became of it, with its voucher."),
)
@reads("rewards:read")
def read_redemption(request: HttpRequest, reference: str) -> Any:
    """What became of it, with its voucher."""
    return redemption_out(redemption.find(caller(request).program, reference), at=timezone.now())


@router.post(
    "/redemptions/{reference}/cancel",
    response=RedemptionOut,
    operation_id="cancel_redemption",
    summary=gettext_noop("Cancel a redemption"),
    description=gettext_noop(
        "Gives the points back to the lots they came from and kills the code. Twice gives the first answer."
    ),
)
@writes("redemptions:write")
def cancel_redemption(request: HttpRequest, reference: str, wish: CancelIn) -> Any:
    """Gives the points back to the lots they came from and kills the code. Twice gives the first answer."""
    at = timezone.now()
    found = redemption.find(caller(request).program, reference)
    ended = redemption.cancel(found, at=at, actor=actor(request), by_member=wish.by == "member")
    return redemption_out(ended, at=at)


@router.get(
    "/vouchers/{code}",
    response=VoucherOut,
    operation_id="read_voucher",
    summary=gettext_noop("Look a voucher up"),
    description=gettext_noop("Typed in any case, with or without dashes."),
)
@reads("vouchers:read", guesses=True)
def read_voucher(request: HttpRequest, code: str) -> Any:
    """Typed in any case, with or without dashes."""
    return voucher_out(vouchers.find(caller(request).program, code), at=timezone.now())


@router.post(
    "/vouchers/{code}/use",
    response=VoucherOut,
    operation_id="use_voucher",
    summary=gettext_noop("Use a voucher"),
    description=gettext_noop("Once. The same till and receipt get the first answer again."),
)
@writes("vouchers:use", guesses=True)
def use_voucher(request: HttpRequest, code: str, place: UseIn) -> Any:
    """Once. The same till and receipt get the first answer again."""
    at = timezone.now()
    found = vouchers.find(caller(request).program, code)
    used = vouchers.use(found, at=at, till=place.till, receipt=place.receipt, actor=actor(request))
    return voucher_out(used, at=at)
