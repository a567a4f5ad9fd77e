"""The frame around every API door: who calls, may they, is the call clean, was it made before.

`reads` and `writes` go on a door below its router decorator. A writing door runs in the transaction of its
Idempotency-Key; whatever a door or a verb raises becomes a problem answer here or in `loyalty.api`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.decorators import decorate_view

from loyalty.common import guessing
from loyalty.common.errors import Refusal
from loyalty.pos import idempotency, keys, problems, reading
from loyalty.pos.models import ApiKey

log = structlog.get_logger()
SCHEME = "bearer "


class QueryMalformed(Refusal):
    """A query parameter that is repeated or that nobody knows."""

    code = "query_malformed"
    status = 422


class TooManyGuesses(Refusal):
    """The key tried too many voucher codes that do not exist."""

    code = "too_many_guesses"
    status = 429


def reads(scope: str, *, guesses: bool = False) -> Callable[..., Any]:
    """A door that changes nothing, for keys with this scope."""
    return decorate_view(partial(_Frame, scope=scope, writes=False, guesses=guesses))


def writes(scope: str, *, guesses: bool = False) -> Callable[..., Any]:
    """A door that changes something, once per Idempotency-Key, for keys with this scope."""
    return decorate_view(partial(_Frame, scope=scope, writes=True, guesses=guesses))


def caller(request: HttpRequest) -> ApiKey:
    """The key that makes this call."""
    return request.api_key  # type: ignore[attr-defined]


def actor(request: HttpRequest) -> str:
    """The caller as the books name it."""
    return f"api:{caller(request).pk}"


class _Frame:
    """One framed door. `run` is the operation of django-ninja that validates, calls the door and renders."""

    def __init__(self, run: Callable[..., HttpResponse], *, scope: str, writes: bool, guesses: bool) -> None:
        """Frame `run`."""
        self.run, self.scope, self.writes, self.guesses = run, scope, writes, guesses
        operation = run.__self__  # type: ignore[attr-defined]
        self.name = operation.view_func.__name__
        self.parameters = {
            name
            for model in operation.models
            if model.__ninja_param_source__ == "query"
            for name in model.__ninja_flatten_map__
        }
        extra = {"x-scope": scope, "x-writes": writes}
        operation.openapi_extra = (operation.openapi_extra or {}) | extra

    def __call__(self, request: HttpRequest, **path: Any) -> HttpResponse:
        """Answer a call, and log what was refused without its address, which may hold a voucher's code."""
        response = self._answer_anyhow(request, path)
        if response.status_code >= 400:
            key = getattr(request, "api_key", None)
            log.info("call refused", call=self.name, status=response.status_code, api_key=key and key.pk)
        return response

    def _answer_anyhow(self, request: HttpRequest, path: dict[str, Any]) -> HttpResponse:
        """Answer a call; every exception becomes a problem."""
        try:
            return self._answer(request, path)
        except Refusal as refusal:
            return problems.refused(request, refusal)
        except (OperationalError, InterfaceError):
            log.exception("database not available", call=self.name)
            return problems.problem(request, 503)
        except Exception:
            log.exception("unexpected error", call=self.name)
            return problems.problem(request, 500)

    def _answer(self, request: HttpRequest, path: dict[str, Any]) -> HttpResponse:
        request.api_key = keys.recognise(_secret(request), at=timezone.now())  # type: ignore[attr-defined]
        keys.require(caller(request), self.scope)
        # No database text holds U+0000, so a name with it is one that nobody has: each door's own 404.
        path = {name: part.replace("\0", "\ufffd") if isinstance(part, str) else part for name, part in path.items()}
        self._check_query(request)
        if request.method == "POST" and not self.writes:  # it asks with a body, and changes nothing
            request.json, _canonical = reading.read_body(request)  # type: ignore[attr-defined]
        if self.guesses:
            _refuse_guessing(caller(request))
        response = self._write(request, path) if self.writes else self.run(request, **path)
        if self.guesses and response.status_code == 404:
            guessing.count(str(caller(request).pk))
        return response

    def _write(self, request: HttpRequest, path: dict[str, Any]) -> HttpResponse:
        """Carry the call out once."""
        key = idempotency.checked_key(request.headers.get("Idempotency-Key"))
        request.json, canonical = reading.read_body(request)  # type: ignore[attr-defined]
        called = idempotency.request_digest(request.method or "", request.get_full_path(), canonical)
        return idempotency.once(
            caller(request), key, called, at=timezone.now(), answer=lambda: self.run(request, **path)
        )

    def _check_query(self, request: HttpRequest) -> None:
        """Each known parameter at most once, and no other."""
        for name, values in request.GET.lists():
            if name not in self.parameters:
                raise QueryMalformed(_("This parameter is not known here. Leave it out."), field=name[:100])
            if len(values) > 1:
                raise QueryMalformed(_("This parameter is there twice. Send it once."), field=name[:100])
            if not values[0].isprintable():
                raise QueryMalformed(_("Send printable characters on one line."), field=name[:100])


def _secret(request: HttpRequest) -> str:
    """The secret a call shows. Raises NotAuthenticated."""
    header = request.headers.get("Authorization", "")
    if header[: len(SCHEME)].lower() != SCHEME or not header[len(SCHEME) :].strip():
        raise keys.NotAuthenticated(_("Send your API key in the header Authorization: Bearer."))
    return header[len(SCHEME) :].strip()


def _refuse_guessing(api_key: ApiKey) -> None:
    """Refuse a key that tried too many codes that do not exist."""
    if guessing.is_guessing(str(api_key.pk)):
        raise TooManyGuesses(
            _("Too many codes that do not exist were tried with this key. Wait %(minutes)d minutes and try again.")
            % {"minutes": guessing.WITHIN_SECONDS // 60},
            retry_after=guessing.WITHIN_SECONDS,
        )
