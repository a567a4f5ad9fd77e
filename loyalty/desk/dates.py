"""Dates on the desk's forms: whoever names a day means its first moment."""

from typing import Any

from unfold.widgets import UnfoldAdminSplitDateTimeWidget


class MidnightByDefault(UnfoldAdminSplitDateTimeWidget):
    """A date without a time is its first moment."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        day, time = super().value_from_datadict(data, files, name)
        return [day, time or "00:00" if day else time]
