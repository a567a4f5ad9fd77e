"""The API's door for shops that apply benefits by themselves: what a member could use now, free shipping for one."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Query, Router
from pydantic import Field

from loyalty.pos.doors import caller, reads
from loyalty.pos.wire import Outgoing
from members import lookup
from rewards import holdings
from rewards.answers import VoucherOut, voucher_out

router = Router(tags=["Rewards and vouchers"])


class HeldVoucherOut(VoucherOut):
    """A voucher that can be used now, with the kind of its reward."""

    kind: str = Field(examples=["shipping"])


class HeldVouchersOut(Outgoing):
    """What a member can use now, what ends first coming first."""

    vouchers: list[HeldVoucherOut]


@router.get(
    "/members/{number}/vouchers",
    response=HeldVouchersOut,
    operation_id="read_member_vouchers",
    summary=gettext_noop("Read a member's vouchers"),
    description=gettext_noop(
        "Those that can be used now, of one kind where `kind` is told (such as `shipping`). Use one by its code."
    ),
)
@reads("vouchers:read")
def read_member_vouchers(request: HttpRequest, number: str, kind: str = Query("", max_length=10)) -> Any:
    """Those that can be used now, of one kind where `kind` is told (such as `shipping`). Use one by its code."""
    at = timezone.now()
    member = lookup.by_number(caller(request).program, number)
    found = [
        (voucher_out(one.voucher, at=at), one.reward.kind)
        for one in holdings.usable(member, at=at, kind=kind, store=caller(request).store)
    ]
    held = [HeldVoucherOut(**told.model_dump(), kind=of) for told, of in found if told.can_use]
    return HeldVouchersOut(vouchers=held)
