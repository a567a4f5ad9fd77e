"""Reading the body of a call strictly: what is ambiguous is refused, so that both sides always mean the same.

Repeated keys, NaN and Infinity, lone surrogates, other charsets and anything that is not JSON are refused. Two bodies
that differ only in the order of keys or in spaces have one canonical form.
"""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal


class BodyMalformed(Refusal):
    """The body is no JSON that means one thing only."""

    code = "body_malformed"
    status = 400


class BodyTooLarge(Refusal):
    """The body is larger than anything this API takes."""

    code = "too_large"
    status = 413


class WrongContentType(Refusal):
    """The body is not declared as JSON."""

    code = "wrong_content_type"
    status = 415


def read_body(request: HttpRequest) -> tuple[Any, str]:
    """The body's value and its canonical form. Raises BodyMalformed, BodyTooLarge or WrongContentType."""
    text = _text(request)
    try:
        value = json.loads(
            text, object_pairs_hook=_without_repeats, parse_constant=_no_constant, parse_float=_short_number(float),
            parse_int=_short_number(int),
        )  # fmt: skip
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        canonical.encode()
    except UnicodeEncodeError:
        raise BodyMalformed(
            _("The body holds half of a character (a lone surrogate). Send whole characters.")
        ) from None
    except RecursionError:
        raise BodyMalformed(_("The body is nested too deeply.")) from None
    except ValueError:
        raise BodyMalformed(_("The body is not valid JSON. Check it and send it again.")) from None
    return value, canonical


def _text(request: HttpRequest) -> str:
    """The body as text, of the declared kind and of a size we take."""
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != "application/json" or charset not in ("utf-8", "utf8"):
        raise WrongContentType(_("Send JSON in UTF-8, with the header Content-Type: application/json."))
    try:
        return request.body.decode("utf-8")
    except RequestDataTooBig:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise BodyTooLarge(_("The body is larger than %(most)d bytes. Send less at once.") % {"most": most}) from None
    except UnicodeDecodeError:
        raise BodyMalformed(_("The body is not in UTF-8.")) from None
    except UnreadablePostError:
        raise BodyMalformed(_("The body ended before it was complete. Please send it again.")) from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys all differ."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyMalformed(_("The body names a field twice. Name each field once."))
    return found


def _no_constant(name: str) -> Any:
    """NaN and Infinity are no JSON."""
    raise BodyMalformed(_("The body holds %(name)s, which is not a number in JSON.") % {"name": name})


def _short_number(kind: type) -> Any:
    """A reader of numbers that refuses endless ones."""

    def read(text: str) -> Any:
        if len(text) > 40:
            raise BodyMalformed(_("The body holds a number that is too long."))
        return kind(text)

    return read
