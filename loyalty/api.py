"""The API under /api/v1: wiring, the words of its errors, and its description.

The doors live with their apps and are named by string here, so that the ground imports nothing above it.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import HttpBearer

from loyalty.common.errors import Refusal
from loyalty.pos import description, problems, reference


class ApiKeyAuth(HttpBearer):
    """Describes the key for OpenAPI. `loyalty.pos.doors` has recognised it before; a door without frame stays shut."""

    def __call__(self, request: HttpRequest) -> Any:
        """The key the frame recognised."""
        return getattr(request, "api_key", None)

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Never asked: `__call__` answers."""


class BodyReadBefore(Parser):
    """Hands over the body that the frame has read strictly."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's value."""
        return request.json  # type: ignore[attr-defined]


class SetiaAPI(NinjaAPI):
    """The API with its errors and headers described once for every door."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """The OpenAPI 3.1 description."""
        return description.completed(super().get_openapi_schema(**options))


api = SetiaAPI(
    title="Setia",
    version="1.0.0",
    description="Members, purchases, rewards and vouchers for tills, shops and apps.",
    urls_namespace="api-v1",
    auth=ApiKeyAuth(),
    parser=BodyReadBefore(),
    docs_url=None,
)
for prefix, router in (
    ("", "members.api.router"),
    ("", "members.corrections.api.router"),
    ("", "members.consents_api.router"),
    ("", "members.points_api.router"),
    ("", "members.passing_api.router"),
    ("", "members.lots_api.router"),
    ("", "members.segments.api.router"),
    ("", "campaigns.api.router"),
    ("", "campaigns.refund_api.router"),
    ("", "campaigns.confirmation_api.router"),
    ("", "campaigns.ways.ways_api.router"),
    ("", "campaigns.ways.surveys_api.router"),
    ("", "campaigns.challenge_api.router"),
    ("", "campaigns.partners.partner_api.router"),
    ("", "campaigns.figures.figures_api.router"),
    ("", "rewards.draws.draws_api.router"),
    ("", "rewards.api.router"),
    ("", "rewards.paying_api.router"),
    ("", "rewards.parcels_api.router"),
    ("", "rewards.giving_api.router"),
    ("", "rewards.benefits_api.router"),
):
    api.add_router(prefix, router)


def _message(error: dict[str, Any]) -> str:
    """A sentence for one validation error, in the caller's language."""
    kind, limits = error["type"], error.get("ctx", {})
    if kind in ("string_too_short", "too_short"):
        least = limits["min_length"]
        return ngettext("Send at least %(n)d character.", "Send at least %(n)d characters.", least) % {"n": least}
    if kind in ("string_too_long", "too_long"):
        most = limits["max_length"]
        return ngettext("Send at most %(n)d.", "Send at most %(n)d.", most) % {"n": most}
    if kind in ("less_than_equal", "greater_than_equal"):
        return _("Send a number within the limits: %(limit)s.") % {"limit": limits.get("le", limits.get("ge"))}
    if kind in ("literal_error", "enum"):
        return _("Send one of: %(choices)s.") % {"choices": limits["expected"]}
    plain = {
        "missing": _("This field is needed."),
        "extra_forbidden": _("This field is not known here. Leave it out."),
        "string_type": _("Send text."),
        "string_pattern_mismatch": _("This text is not in the form that is needed here."),
        "int_type": _("Send a whole number, not text."),
        "int_parsing": _("Send a whole number."),
        "int_from_float": _("Send a whole number."),
        "bool_type": _("Send true or false."),
        "list_type": _("Send a list."),
        "model_type": _("Send an object with the fields of the API reference."),
        "model_attributes_type": _("Send an object with the fields of the API reference."),
    }
    fallback = error["msg"] if "_error" not in kind and "input" not in error else ""
    return plain.get(kind) or fallback or _("This value is not acceptable.")


def _field(location: tuple[Any, ...]) -> str:
    """The dotted path of the field at fault; the body's own name in the code is no part of it."""
    path = location[2:] if location[0] == "body" else location[1:]
    return ".".join(str(step) for step in path)[:100]


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    """Every field at fault with its code and sentence."""
    errors = [
        {"field": _field(error["loc"]), "code": error["type"], "message": _message(error)} for error in exc.errors[:50]
    ]
    first = errors[0]
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return problems.problem(request, 422, "validation_failed", detail, errors=errors)


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, exc: Refusal) -> HttpResponse:
    """A verb said no."""
    return problems.refused(request, exc)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, exc: HttpError) -> HttpResponse:
    """An error of django-ninja's own: the status says it all."""
    return problems.problem(request, exc.status_code)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, exc: Http404) -> HttpResponse:
    """Nothing there."""
    return problems.problem(request, 404)


@api.exception_handler(Exception)
def _unexpected(request: HttpRequest, exc: Exception) -> HttpResponse:
    """Leave it to the frame, which rolls everything back first."""
    raise exc


@require_GET
def api_reference(request: HttpRequest) -> HttpResponse:
    """The reference page, rendered here from the description: it needs no script and nothing from outside."""
    return render(request, "api/reference.html", reference.shown(api.get_openapi_schema()))
