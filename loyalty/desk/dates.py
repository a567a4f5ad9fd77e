"""Dates on the desk's forms: whoever names a day means its first moment."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from unfold.widgets import UnfoldAdminSplitDateTimeWidget


class MidnightByDefault(UnfoldAdminSplitDateTimeWidget):
    """A date without a time is its first moment. A form may begin with an instant from its address; anything else there is nothing."""

    def decompress(self, value: Any) -> Any:
        return super().decompress(_instant(value) if isinstance(value, str) else value)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        day, time = super().value_from_datadict(data, files, name)
        return [day, time or "00:00" if day else time]


def _instant(text: str) -> Any:
    """An instant with its zone, or None."""
    try:
        read = parse_datetime(text)
    except ValueError:
        return None
    return read if read is not None and is_aware(read) else None
