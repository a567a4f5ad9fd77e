"""Pages behind the links of letters, without signing in: stop these letters, or choose what comes."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from loyalty.common.errors import Refusal
from members import unsubscribing
from members.consents import Purpose, terms_of
from members.models import Member


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Asked by GET: the question. By POST, also of a mail program (RFC 8058): it is done. The token is all it takes."""
    try:
        if request.method == "POST":
            way, member = unsubscribing.member_behind(token)[0], unsubscribing.unsubscribe(token, at=timezone.now())
        else:
            way, member = unsubscribing.member_behind(token)
    except Refusal as refusal:
        return _broken(request, refusal)
    told = {"token": token, "purpose": Purpose(way.purpose), "is_done": request.method == "POST"}
    return _page(request, member, "members/letter_unsubscribe.html", told)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def choose(request: HttpRequest, token: str) -> HttpResponse:
    """Ticks for what may come by e-mail."""
    try:
        _way, member = unsubscribing.member_behind(token, is_to_choose=True)
        _speak(request, member)
        if request.method == "POST":
            unsubscribing.choose(token, set(request.POST.getlist("agreed")), at=timezone.now())
            messages.success(request, _("Saved. You can change this at any time."))
            return redirect("letter_choices", token=token)
    except unsubscribing.LinkBroken as refusal:
        return _broken(request, refusal)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("letter_choices", token=token)
    found = [(choice, Purpose(choice.purpose).label) for choice in unsubscribing.choices(member)]
    told = {"token": token, "choices": found, "terms": terms_of(member.program)}
    return _page(request, member, "members/letter_choices.html", told)


def _page(request: HttpRequest, member: Member, template: str, told: dict[str, Any]) -> HttpResponse:
    """A page in the reader's own language, unless this browser was switched to another one."""
    _speak(request, member)
    return render(request, template, told)


def _speak(request: HttpRequest, member: Member) -> None:
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        translation.activate(member.language)
        request.LANGUAGE_CODE = translation.get_language()


def _broken(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return render(request, "members/letter_link_broken.html", {"said": str(refusal)}, status=refusal.status)
