"""The portal's pages of letters: the list, one letter, and taking all as read."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from members import inbox
from members.portal import member_page


@require_GET
@member_page
def show_inbox(request: HttpRequest) -> HttpResponse:
    """Letters, newest first, a page at a time."""
    before = request.GET.get("before", "")
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    page = inbox.page(request.member, before=place)
    shown = {"page": page, "first": place is None, "days_kept": inbox.days_kept(request.member, page)}
    return render(request, "members/inbox.html", shown | {"unread": inbox.unread(request.member)})


@require_GET
@member_page
def show_letter(request: HttpRequest, number: int) -> HttpResponse:
    """One letter; opening it is reading it."""
    try:
        shown = inbox.open_letter(request.member, number, at=timezone.now())
    except inbox.LetterUnknown as refusal:
        raise Http404(str(refusal)) from refusal
    return render(request, "members/letter.html", {"shown": shown})


@require_POST
@member_page
def read_all(request: HttpRequest) -> HttpResponse:
    """Take every letter as read."""
    inbox.mark_all(request.member, at=timezone.now())
    return redirect("portal_inbox")
