"""What every page of the portal starts with: the signed-in member, the program clock and the member's language."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache

from members import memberships


def member_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for members: others are led to the sign-in, and find their way back.

    The view gets `request.member`; dates show in the program clock, texts in the language the member chose, unless
    this browser was switched to another one.
    """

    @never_cache
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponseRedirect(f"{reverse('portal_sign_in')}?{urlencode({'next': request.get_full_path()})}")
        member = memberships.current(request)
        if member is None:
            return render(request, "members/no_member.html", status=403)
        request.member = member
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(member.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(ZoneInfo(member.program.time_zone)):
            return view(request, *args, **kwargs)

    return page
