"""What every answer carries: a request id, a content policy that fits the page, and "try again" where the database was too busy."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

from loyalty.common.retrying import is_passing

RETRY_AFTER_SECONDS = 5
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, keeps a well-formed one from the proxy, and binds it to every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-ID", "")
        request.id = offered if ACCEPTED_ID.fullmatch(offered) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.id)
        response = self.get_response(request)
        response["X-Request-ID"] = request.id
        return response


class BusyMiddleware:
    """Answers a page whose transaction the database gave up with 503 and when to come again (RELIABILITY R-8).

    Whatever the page was to do was undone. The API says the same in its own form (`loyalty.pos.doors`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for being too busy; every other failure goes its way."""
        if not isinstance(exception, OperationalError) or not is_passing(exception):
            return None
        structlog.get_logger(__name__).warning("database_busy", path=request.path)
        page = loader.get_template("503.html").render()
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class AdminContentPolicyMiddleware:
    """Loosens the content policy on admin pages only, as far as the admin theme needs and no further.

    Its Alpine evaluates expressions in attributes ('unsafe-eval') and it sets inline styles. Inline scripts stay
    forbidden: neither the theme nor the desk has any.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = {
                "script-src": ["'self'", "'unsafe-eval'"],
                "style-src": ["'self'", "'unsafe-inline'"],
            }
        return response
