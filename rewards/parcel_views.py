"""The portal's page where a member says where a parcel goes."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty.common.errors import Refusal
from members.portal import member_page
from rewards import holdings, parcels


@require_http_methods(["GET", "POST"])
@member_page
def address(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask where the parcel goes, or show where it does, until it is packed."""
    held = holdings.of_member(request.member).filter(pk=pk, reward__is_sent=True).first()
    if held is None:
        raise Http404
    parcel = parcels.of(held)
    if parcel.status not in parcels.BEFORE_PACKING:
        messages.error(request, str(parcels.underway(parcel)))
        return redirect("portal_voucher", pk)
    now = (
        {name: getattr(parcel, name) for name in parcels.ADDRESS}
        if parcel.recipient
        else parcels.last_address(request.member)
    )
    if request.method == "POST":
        now = {name: request.POST.get(name, "") for name in parcels.ADDRESS}
        try:
            parcels.readdress(parcel, now, at=timezone.now(), actor=f"member:{request.member.number}")
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("We send it there."))
            return redirect("portal_voucher", pk)
    return render(request, "rewards/address.html", {"redemption": held, "address": now})
