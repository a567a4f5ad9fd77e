"""The API's door for whoever packs and sends: a shop's warehouse tells how far a parcel is."""

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router
from pydantic import Field

from loyalty.pos.doors import actor, caller, writes
from loyalty.pos.wire import Incoming
from rewards import parcels, redemption
from rewards.answers import ParcelOut, parcel_out

router = Router(tags=["Rewards and vouchers"])


class StepIn(Incoming):
    """The step a parcel has taken. `carrier` and `tracking` are told with `sent`."""

    step: Literal["packed", "sent", "delivered"]
    carrier: str = Field("", max_length=60)
    tracking: str = Field("", max_length=80)


@router.post(
    "/redemptions/{reference}/parcel",
    response=ParcelOut,
    operation_id="move_parcel",
    summary=gettext_noop("Tell how far a parcel is"),
    description=gettext_noop(
        "Packed, sent or delivered, in this order; packing may be skipped. The same step twice gives the same answer."
    ),
)
@writes("redemptions:write")
def move_parcel(request: HttpRequest, reference: str, told: StepIn) -> Any:
    """Packed, sent or delivered, in this order; packing may be skipped. The same step twice gives the same answer."""
    at, by = timezone.now(), actor(request)
    parcel = parcels.of(redemption.find(caller(request).program, reference))
    if told.step == "packed":
        return parcel_out(parcels.pack(parcel, at=at, actor=by))
    if told.step == "sent":
        return parcel_out(parcels.send(parcel, carrier=told.carrier, tracking=told.tracking, at=at, actor=by))
    return parcel_out(parcels.deliver(parcel, at=at, actor=by))
