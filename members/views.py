"""The portal's pages about the member: history, profile, language, sign-in."""

from typing import Any

from allauth.account.internal.stagekit import clear_login
from allauth.account.views import RequestLoginCodeView
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from members import history, lots, memberships, wording
from members.enrolment import main_account
from members.portal import member_page
from members.preferences import choose_language

LANGUAGE_COOKIE_SECONDS = 60 * 60 * 24 * 365
LARGEST_NUMBER = 2**63 - 1


class SignIn(RequestLoginCodeView):
    """Ask for a code. Whoever asks again, for instance with another address, starts anew."""

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> HttpResponseRedirect | None:
        if request.method != "POST":
            return super()._redirect_to_pending_stage(request, stage)
        clear_login(request)
        return None


sign_in = SignIn.as_view()


@require_GET
@member_page
def show_history(request: HttpRequest) -> HttpResponse:
    """What happened to the member's points, a page at a time."""
    kind = request.GET.get("kind", "")
    if kind and kind not in wording.KINDS_SHOWN:
        raise BadRequest("unknown kind")
    account = main_account(request.member)
    try:
        page = history.page(account, kind=kind, before=_cursor(request.GET.get("before", "")))
    except history.CursorUnknown as refusal:
        raise BadRequest(str(refusal)) from refusal
    kinds = [
        ("", _("All")),
        ("earned", _("Earned")),
        ("redeemed", _("Redeemed")),
        ("expired", _("Expired")),
        ("other", _("Other")),
    ]
    to_come = {fate.lot.entry_id: fate for fate in lots.to_come(account, at=timezone.now())}
    shown = {
        "page": page,
        "lines": [(line, to_come.get(line.entry.pk)) for line in page.lines],
        "coming": sum(fate.left for fate in to_come.values()),
        "kind": kind,
        "kinds": kinds,
        "wallet": account.wallet,
        "first": "before" not in request.GET,
    }
    return render(request, "members/history.html", shown)


def _cursor(text: str) -> int | None:
    """The line number in an address; BadRequest when it is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST_NUMBER):
        raise BadRequest("broken cursor")
    return int(text)


@require_GET
@member_page
def download_history(request: HttpRequest) -> StreamingHttpResponse:
    """The member's whole history as CSV."""
    account = main_account(request.member)
    zone, language = timezone.get_current_timezone(), translation.get_language()

    def lines() -> Any:
        with timezone.override(zone), translation.override(language):
            yield from history.csv_lines(account)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="setia-{request.member.number}.csv"'
    return response


@require_GET
@member_page
def show_profile(request: HttpRequest) -> HttpResponse:
    """Who the member is to us, and what they can choose."""
    shown = {
        "languages": LANGUAGES,
        "cards": memberships.others(request, request.member),
        "wants_code": memberships.wants_code(request),
    }
    return render(request, "members/profile.html", shown)


@require_POST
@member_page
def switch_program(request: HttpRequest) -> HttpResponse:
    """Look at another of one's cards, from its home on."""
    try:
        memberships.look_at(request, request.POST.get("member", "")[:20])
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("portal_profile")
    return redirect("portal_home")


@require_POST
@member_page
def save_language(request: HttpRequest) -> HttpResponse:
    """Keep the language the member wants pages and letters in."""
    language = request.POST.get("language", "")
    try:
        choose_language(request.member, language, at=timezone.now(), actor=f"member:{request.member.number}")
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("portal_profile")
    response = redirect("portal_profile")
    response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    with translation.override(language):
        messages.success(request, _("Saved. We will write to you in this language."))
    return response


@require_POST
def switch_language(request: HttpRequest) -> HttpResponse:
    """Show this browser's pages in another language, and go back to where the person was."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = reverse("portal_home")
    response = HttpResponseRedirect(back)
    language = request.POST.get("language", "")
    if language in dict(LANGUAGES) and check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=LANGUAGE_COOKIE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Pages of the sign-in library that Setia does not offer lead to the sign-in, or to the profile."""
    return redirect("portal_profile" if request.user.is_authenticated else "portal_sign_in")
