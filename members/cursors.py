"""Cursors of the API: places in a list, as text that callers hand back."""

import base64
import binascii

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal


class CursorMalformed(Refusal):
    """The cursor was not made by this API."""

    code = "cursor_malformed"
    status = 422


def write_cursor(number: int | None, mark: str = "e") -> str | None:
    """A place in a list; `mark` is one letter that tells lists apart."""
    return None if number is None else base64.urlsafe_b64encode(f"{mark}{number}".encode()).decode().rstrip("=")


def read_cursor(cursor: str, mark: str = "e") -> int | None:
    """The place a cursor names; the beginning when it is empty. Raises CursorMalformed."""
    if not cursor:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        place = ""
    if len(place) < 2 or len(place) > 19 or place[0] != mark or not (place[1:].isascii() and place[1:].isdigit()):
        message = _("This cursor was not made by us. Start again without one.")
        raise CursorMalformed(message, field="cursor")
    return int(place[1:])
