"""Instants and months as people type them on a command line."""

from datetime import UTC, date, datetime

from django.utils.translation import gettext as _

from loyalty.common.clock import day_start
from loyalty.common.errors import Refusal


class NotAnInstant(Refusal):
    """The text is no instant with its zone, no day, or no month."""

    code = "not_an_instant"
    status = 422


def instant(text: str, zone: str) -> datetime:
    """`2026-01-31T17:00+07:00`, or `2026-01-31` for the first instant of that day in `zone`. Raises NotAnInstant."""
    try:
        if len(text) == len("2026-01-31"):
            return day_start(date.fromisoformat(text), zone)
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise NotAnInstant(
        _("“%(text)s” is neither a day (2026-01-31) nor an instant with its zone (2026-01-31T17:00+07:00).")
        % {"text": text[:100]}
    )


def month(text: str) -> date:
    """`2026-01` as the first day of that month. Raises NotAnInstant."""
    try:
        if len(text) == len("2026-01"):
            return date.fromisoformat(f"{text}-01")
    except ValueError:
        pass
    raise NotAnInstant(_("“%(text)s” is not a month: write it like 2026-01.") % {"text": text[:100]})
