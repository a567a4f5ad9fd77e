"""How the API says no: `application/problem+json` (RFC 9457) with a stable code, and a sentence for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.errors import Refusal

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: gettext_lazy("The call is not complete"),
    401: gettext_lazy("Not signed in"),
    403: gettext_lazy("Not allowed"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Not possible here"),
    409: gettext_lazy("Not possible now"),
    413: gettext_lazy("Too large"),
    415: gettext_lazy("Wrong kind of content"),
    422: gettext_lazy("Not acceptable as it is"),
    429: gettext_lazy("Too many tries"),
    500: gettext_lazy("Something broke on our side"),
    503: gettext_lazy("Too busy"),
}
# Code and sentence where nothing more is known than the status.
PLAIN = {
    400: ("bad_request", gettext_lazy("The call could not be read. Check its address, headers and body.")),
    401: ("not_authenticated", gettext_lazy("Send a valid API key in the header Authorization: Bearer.")),
    403: ("forbidden", gettext_lazy("This is not allowed.")),
    404: ("not_found", gettext_lazy("There is nothing at this address. Check it against the API reference.")),
    405: ("method_not_allowed", gettext_lazy("This address does not take this method. The header Allow names those it takes.")),
    413: ("too_large", gettext_lazy("The body is too large. Send less at once.")),
    415: ("wrong_content_type", gettext_lazy("Send JSON, with the header Content-Type: application/json.")),
    500: ("internal_error", gettext_lazy("Nothing was changed. Send the same call again later, and give us the request id.")),
    503: ("busy", gettext_lazy("Nothing was changed. Please send the same call again.")),
}  # fmt: skip


def problem(
    request: HttpRequest,
    status: int,
    code: str = "",
    detail: str = "",
    *,
    errors: Sequence[Mapping[str, str]] = (),
    numbers: Mapping[str, Any] | None = None,
) -> JsonResponse:
    """An error answer. Without code or detail the plain ones of the status are said."""
    plain_code, plain_detail = PLAIN.get(status, ("error", _("The call was refused.")))
    body: dict[str, Any] = {
        "type": f"urn:setia:problem:{code or plain_code}",
        "title": str(TITLES.get(status, _("Refused"))),
        "status": status,
        "code": code or plain_code,
        "detail": str(detail or plain_detail),
        "errors": list(errors),
        "numbers": dict(numbers or {}),
        "request_id": getattr(request, "id", ""),
    }
    response = JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    # Django would log the address, and an address may hold a voucher's code; the frame of the doors logs without it.
    response._has_been_logged = True  # type: ignore[attr-defined]
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response["Retry-After"] = str(body["numbers"].get("retry_after", 1))
    return response


def refused(request: HttpRequest, refusal: Refusal) -> JsonResponse:
    """The answer to a verb's refusal, with its numbers; a `field` among them is named as the field at fault."""
    numbers = {name: value for name, value in refusal.numbers.items() if name != "field"}
    field = refusal.numbers.get("field")
    errors = [{"field": str(field), "code": refusal.code, "message": str(refusal)}] if field else []
    return problem(request, refusal.status, refusal.code, str(refusal), errors=errors, numbers=numbers)
