"""The portal's door to private files."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from loyalty.common.errors import Refusal
from members.portal import member_page
from rewards import downloads


@require_GET
@never_cache
@member_page
def fetch(request: HttpRequest, token: str) -> HttpResponse:
    """The file of a signed link, always as a download and never shown as a page."""
    try:
        kept = downloads.fetch(request.member, token, at=timezone.now())
    except downloads.LinkUnknown:
        raise Http404 from None
    except Refusal as refusal:
        messages.error(request, str(refusal))
        held = refusal.numbers.get("redemption")
        return redirect("portal_voucher", held) if held else redirect("portal_vouchers")
    headers = {
        "Content-Disposition": content_disposition_header(True, kept.name) or "attachment",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(bytes(kept.content), content_type="application/octet-stream", headers=headers)
