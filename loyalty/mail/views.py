"""The demo's mailbox as pages. They exist in demo mode only."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from loyalty.mail import demo


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
