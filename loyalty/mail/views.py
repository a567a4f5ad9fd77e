"""The demo's mailbox as pages, in demo mode only; and where the mail provider tells of bounces."""

import json

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from loyalty.common.errors import Refusal
from loyalty.mail import blocking, demo, signatures


@require_safe
@never_cache
def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest letters, searchable by address."""
    _only_in_demo_mode()
    wanted = request.GET.get("to", "")[:100]
    return render(request, "demo/mailbox.html", {"letters": demo.newest(wanted), "wanted": wanted})


@require_safe
@never_cache
def letter_as_html(request: HttpRequest, name: str) -> HttpResponse:
    """One letter as a mail program would show it: its own inline styles, no script, nothing from outside."""
    _only_in_demo_mode()
    letter = demo.find(name)
    if letter is None or not letter.html:
        raise Http404
    response = HttpResponse(letter.html)
    response._csp_replace = {"style-src": ["'unsafe-inline'"], "script-src": ["'none'"], "sandbox": ["allow-popups"]}
    return response


def _only_in_demo_mode() -> None:
    if not settings.DEMO:
        raise Http404


@csrf_exempt
@require_POST
def take_events(request: HttpRequest) -> JsonResponse:
    """Bounces and complaints as the mail provider tells them, signed with the shared secret (docs/messages.md)."""
    if not settings.SETIA_MAIL_EVENTS_SECRET:
        raise Http404
    at = timezone.now()
    if not signatures.holds(request.headers.get(signatures.HEADER, ""), request.body, settings.SETIA_MAIL_EVENTS_SECRET, at=at):  # fmt: skip
        return JsonResponse(
            {"code": "signature_wrong", "detail": _("The signature does not fit the call.")}, status=401
        )
    try:
        told = json.loads(request.body)
        rows = told["events"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError):
        said = _("Send a JSON object with a list of events: each with address and reason.")
        return JsonResponse({"code": "mail_events_refused", "detail": said}, status=400)
    try:
        taken = blocking.take_events(blocking.events_of(rows, at=at), actor="webhook:mail")
    except Refusal as refusal:
        return JsonResponse({"code": refusal.code, "detail": str(refusal)} | refusal.numbers, status=refusal.status)
    return JsonResponse({"told": taken.told, "blocked": taken.blocked})
