"""Staff sessions idle out, and the desk shows times in the program clock.

A session that entered the desk carries the time of its last request; after `SETIA_STAFF_IDLE_MINUTES` without one it
is ended. Member sessions carry no such mark and live as long as SESSION_COOKIE_AGE says.
"""

import time
from collections.abc import Callable
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.desk import programs, second_factor

MARK = "desk_seen"
NOTE_EVERY = 60


class StaffSessionMiddleware:
    """Ends staff sessions that were idle for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.get(MARK) is not None or is_desk(request):
            ended = self.end_if_idle(request)
            if ended:
                return ended
        return self.get_response(request)

    def end_if_idle(self, request: HttpRequest) -> HttpResponse | None:
        """Sign out after too long a silence; else note that the session lives."""
        if not request.user.is_authenticated or not request.user.is_staff:
            return None
        now, seen = time.time(), request.session.get(MARK) or second_factor.last_proof(request)
        if seen and now - seen > settings.SETIA_STAFF_IDLE_MINUTES * 60:
            logout(request)
            messages.info(request, _("You were signed out because nothing happened for a while. Please sign in again."))
            back = request.get_full_path() if request.method == "GET" and is_desk(request) else reverse("admin:index")
            return redirect_to_login(back, reverse(settings.LOGIN_URL))
        if not request.session.get(MARK) or now - request.session[MARK] > NOTE_EVERY:
            request.session[MARK] = int(now)
        return None


class ProgramClockMiddleware:
    """Shows and reads times on the desk in the clock of the program that is being looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_desk(request) or not request.user.is_staff:
            return self.get_response(request)
        program = programs.chosen(request)
        if program is None:
            return self.get_response(request)
        with timezone.override(ZoneInfo(program.time_zone)):
            return self.get_response(request)


def is_desk(request: HttpRequest) -> bool:
    """Whether the address belongs to the desk."""
    return request.path.startswith(_desk(get_script_prefix()))


@cache
def _desk(_prefix: str) -> str:
    """The address of the desk under a script prefix."""
    return reverse("admin:index")
