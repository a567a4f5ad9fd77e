"""Goods: handed over at the till, or sent to the member's address where the reward says so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.bulk import insert_one
from loyalty.common.errors import Refusal
from members.models import Member
from rewards import parcels
from rewards.kinds.base import Chosen, Kind
from rewards.models import Parcel, Redemption, Reward, Voucher


class Goods(Kind):
    """Goods that may be sent; then the parcel takes the place of the code."""

    can_be_sent = True

    def shows_code(self, reward: Reward) -> bool:
        """What is sent is not collected with a code."""
        return not reward.is_sent

    def words_for(self, reward: Reward) -> Any:
        """What the member does: wait for the parcel, or show the code."""
        return _("We send it to you. You see here how far it is.") if reward.is_sent else self.member_words

    def work_for(self, reward: Reward) -> Any:
        """What staff do: pack and send, or hand over."""
        return _("Pack it and send it: see the parcels.") if reward.is_sent else self.staff_words

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """An address that is told must be whole; one that is not is asked for later."""
        address = chosen.get("address")
        return parcels.incomplete(parcels.told(address)) if reward.is_sent and address is not None else None

    def span(self, redemption: Redemption, *, at: datetime) -> tuple[datetime, datetime]:
        """What is sent does not run out while it is on its way."""
        return (at, parcels.NO_END) if redemption.reward.is_sent else super().span(redemption, at=at)

    def issue(self, redemption: Redemption, *, at: datetime) -> Voucher:
        """The code, and the parcel of what is sent."""
        voucher = super().issue(redemption, at=at)
        if redemption.reward.is_sent:
            address = (redemption.chosen or {}).get("address")
            status = Parcel.Status.ADDRESS if address is None else Parcel.Status.WAITING
            insert_one(
                Parcel(
                    redemption=redemption, status=status, asked_at=at, changed_by=f"member:{redemption.member.number}",
                    **(parcels.told(address) if address else {}),
                )
            )  # fmt: skip
        return voucher

    def kept_from_till(self, redemption: Redemption) -> Refusal | None:
        """What is sent is not handed over at a till."""
        if not redemption.reward.is_sent:
            return None
        return parcels.ParcelUnderway(gettext("This reward is sent to the member, so it is not handed over at a till."))

    def uncancellable(self, redemption: Redemption, *, at: datetime, by_member: bool) -> Refusal | None:
        """Members cancel until it is packed, staff until it is sent."""
        if not redemption.reward.is_sent:
            return None
        parcel = parcels.of(redemption)
        early = parcels.BEFORE_PACKING if by_member else parcels.BEFORE_SENDING
        return None if parcel.status in early else parcels.underway(parcel)

    def give_back(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """The parcel is not sent; the piece is free."""
        if redemption.reward.is_sent:
            parcels.call_back(redemption, actor=actor)
        super().give_back(redemption, at=at, actor=actor)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """How far the parcel is, with whom, and where it goes."""
        if not redemption.reward.is_sent:
            return []
        parcel = parcels.of(redemption)
        found = [
            (gettext("Parcel"), str(parcel.get_status_display())), (gettext("Carrier"), parcel.carrier),
            (gettext("Tracking number"), parcel.tracking), (gettext("It goes to"), parcel.shown_address),
        ]  # fmt: skip
        return [(name, value) for name, value in found if value]

    def form(self, reward: Reward, *, at: datetime) -> dict[str, Any]:
        """Whether an address is asked."""
        return {"address": True} if reward.is_sent else {}

    def chosen_in(self, posted: Mapping[str, str]) -> Chosen:
        """The address that was typed, where one was asked."""
        return {"address": {name: posted.get(name, "") for name in parcels.ADDRESS}} if "recipient" in posted else {}
