"""What a page of the desk shows besides its form: figures at the top, tables below, told as data and drawn by one template."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

EMPTY = "–"


@dataclass(frozen=True)
class Stat:
    """One figure: its title, its value as text, and a hint that says exactly what is counted."""

    title: Any
    value: Any
    hint: Any = ""
    note: Any = ""
    tone: str = ""
    url: str = ""


@dataclass(frozen=True)
class Panel:
    """One table. `numeric` names the columns (from 0) that hold numbers; `more` is the address of the whole list.

    On a phone each row becomes a list of its cells, unless it `stays_table`: then it scrolls sideways beside its first column.
    """

    title: Any
    headers: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    empty: Any = ""
    more: str = ""
    more_words: Any = ""
    numeric: frozenset[int] = field(default_factory=frozenset)
    note: Any = ""
    stays_table: bool = False

    @property
    def heads(self) -> list[tuple[Any, bool]]:
        """Column titles with whether the column holds numbers."""
        return [(header, index in self.numeric) for index, header in enumerate(self.headers)]

    @property
    def cells(self) -> list[list[tuple[Any, Any, bool]]]:
        """Rows of (header, cell, is a number)."""
        return [
            [(self.headers[index], cell, index in self.numeric) for index, cell in enumerate(row)] for row in self.rows
        ]


def link(url: str, text: Any) -> SafeString:
    """A link inside a table or sentence."""
    return format_html('<a class="desk-link" href="{}">{}</a>', url, text)


def two_lines(text: Any, small: Any) -> SafeString:
    """A name with what it means below it."""
    return format_html('<span class="desk-two-lines">{}<small>{}</small></span>', text, small)


def strong(text: Any) -> SafeString:
    """A total among figures."""
    return format_html('<strong class="desk-total">{}</strong>', text)


def badge(text: Any, tone: str = "") -> SafeString:
    """A short word with a colour: good, bad, warn, info or nothing. The word alone says it all."""
    return format_html('<span class="desk-badge" data-tone="{}">{}</span>', tone, text)


def moment(at: datetime | None) -> str:
    """A date and time in the program clock."""
    return date_format(timezone.localtime(at), "j M Y, H:i") if at else EMPTY


def day(at: date | datetime | None) -> str:
    """A day; of an instant, the one in the program clock."""
    if isinstance(at, datetime):
        at = timezone.localtime(at).date()
    return date_format(at, "j M Y") if at else EMPTY


def time(at: datetime) -> str:
    """The time of day in the program clock."""
    return date_format(timezone.localtime(at), "H:i")


def signed(points: int, text: str) -> str:
    """A movement with its sign, so that it reads without colour."""
    return f"+{text}" if points > 0 else text.replace("-", "−")
