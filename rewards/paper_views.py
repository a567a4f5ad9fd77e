"""The page a member prints a voucher from."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from members.portal import member_page
from rewards import holdings, papers


@require_GET
@member_page
def show_paper(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the member's own vouchers on paper; anybody else's does not exist here."""
    held = holdings.of_member(request.member).select_related("program").filter(pk=pk).first()
    if held is None:
        raise Http404
    try:
        told = papers.paper(held, at=timezone.now(), by_member=True, size=request.GET.get("size", ""))
    except papers.NotPrinted as refusal:
        messages.error(request, str(refusal))
        return redirect("portal_voucher", held.pk)
    return render(request, "rewards/paper.html", told | {"back": reverse("portal_voucher", args=[held.pk])})
