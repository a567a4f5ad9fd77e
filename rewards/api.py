"""The API's doors about rewards: the catalogue, redeeming, cancelling, and vouchers at the till."""

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Money, Outgoing, Reference
from members import lookup
from members.models import Member
from rewards import catalogue, recommending, redemption, stocks, vouchers
from rewards.answers import (
    AdviceOut,
    OfferOut,
    RedemptionOut,
    RewardOut,
    VoucherOut,
    advice_out,
    offer_out,
    redemption_out,
    reward_out,
    voucher_out,
)
from rewards.models import Category

router = Router(tags=["Rewards and vouchers"])


class RewardsOut(Outgoing):
    """The catalogue."""

    rewards: list[RewardOut]


class OffersOut(Outgoing):
    """The catalogue for one member."""

    rewards: list[OfferOut]


class AdvicesOut(Outgoing):
    """What to show a member first."""

    recommendations: list[AdviceOut]


class AddressIn(Incoming):
    """Where goods are sent."""

    recipient: str = Field(min_length=1, max_length=80)
    street: str = Field(min_length=1, max_length=160)
    postcode: str = Field("", max_length=16)
    city: str = Field(min_length=1, max_length=80)
    country: str = Field("", max_length=60)
    phone: str = Field("", max_length=32)


class RedemptionIn(Incoming):
    """A wish to redeem. `reference` is yours: the same one never redeems twice.

    `store` is where it is collected, `session` the date of an experience, `address` where goods go that are sent;
    without one the member is asked for it.
    """

    reward: str = Field(min_length=1, max_length=50)
    reference: Reference
    source: str = Field("api", min_length=1, max_length=32)
    store: str = Field("", max_length=50)
    session: int | None = Field(None, ge=1, le=2**31 - 1)
    address: AddressIn | None = None

    def chosen(self) -> dict[str, Any]:
        """What was chosen besides the reward."""
        told: dict[str, Any] = {} if self.session is None else {"session": self.session}
        return told if self.address is None else told | {"address": self.address.model_dump()}


class CancelIn(Incoming):
    """Who wishes to cancel: a member's points that expired meanwhile stay expired, the merchant's get 14 more days."""

    by: Literal["member", "merchant"] = Field("merchant")


class PlaceIn(Incoming):
    """Where a voucher was used."""

    till: str = Field(min_length=1, max_length=64)
    receipt: str = Field(min_length=1, max_length=80)


class UseIn(Incoming):
    """Where a voucher is used, and how much a gift card pays. The same till and receipt get the first answer again."""

    till: str = Field(min_length=1, max_length=64)
    receipt: str = Field(min_length=1, max_length=80)
    amount: Money | None = None


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
    program = caller(request).program
    rewards = catalogue.on_offer(program, at=timezone.now())
    return RewardsOut(rewards=[reward_out(reward) for reward in rewards])


def _told(member: Member) -> list[catalogue.Offer]:
    """A member's offers with the categories that an answer names."""
    offers = catalogue.offers(member, at=timezone.now())
    known = {one.pk: one for one in Category.objects.filter(program=member.program)}
    for offer in offers:
        offer.reward.category = known.get(offer.reward.category_id)
    return offers


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
    return OffersOut(rewards=[offer_out(offer) for offer in _told(member)])


@router.get(
    "/members/{number}/recommendations",
    response=AdvicesOut,
    operation_id="recommend_rewards",
    summary=gettext_noop("Recommend rewards"),
    description=gettext_noop(
        "Up to four rewards to show this member first, each with its reason: popular, affordable or nearly."
    ),
)
@reads("rewards:read")
def recommend_rewards(request: HttpRequest, number: str) -> Any:
    """Up to four rewards to show this member first, each with its reason: popular, affordable or nearly."""
    member = lookup.by_number(caller(request).program, number)
    advice = recommending.advise(member, _told(member))
    return AdvicesOut(recommendations=[advice_out(one) for one in advice])


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
    made = redemption.redeem(
        member, reward, at=at, reference=wish.reference, source=wish.source, actor=actor(request),
        store=stocks.find_store(program, wish.store) if wish.store else None,
        chosen=wish.chosen(),
    )  # fmt: skip
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
    used = vouchers.use(
        found, at=at, till=place.till, receipt=place.receipt, actor=actor(request), store=caller(request).store,
        amount=place.amount,
    )  # fmt: skip
    return voucher_out(used, at=at)


@router.post(
    "/vouchers/{code}/release",
    response=VoucherOut,
    operation_id="release_voucher",
    summary=gettext_noop("Take a use of a voucher back"),
    description=gettext_noop("On the day it was used, with the same till and receipt. Twice gives the first answer."),
)
@writes("vouchers:use", guesses=True)
def release_voucher(request: HttpRequest, code: str, place: PlaceIn) -> Any:
    """On the day it was used, with the same till and receipt. Twice gives the first answer."""
    at = timezone.now()
    found = vouchers.find(caller(request).program, code)
    back = vouchers.release(found, at=at, till=place.till, receipt=place.receipt, actor=actor(request))
    return voucher_out(back, at=at)
