"""Lists of members that people paste or upload: a number per line, with or without points. Every fault is named by line.

Numbers may be in groups; columns may be parted by tabs, semicolons or commas; files may be UTF-8, UTF-16 or
Windows-1252. Points are plain digits: what could be a thousands separator is refused, not guessed.
"""

import csv
import re
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext as _

from loyalty.common.ids import is_member_number

LINES_AT_MOST = 100_000
TOLD_AT_MOST = 20
AMOUNT = re.compile(r"[+-]?\d{1,15}(\.\d+)?", re.ASCII)


@dataclass(slots=True)
class ReadList:
    """(member number, points or None) per line, and what is wrong, in words."""

    lines: list[tuple[str, int | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def decoded(content: bytes) -> str:
    """The text of an uploaded file."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read(text: str, *, decimals: int, with_amounts: bool) -> ReadList:
    """Read a list. A first line without any digit is a heading."""
    made = ReadList()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    delimiter = next((sign for sign in "\t;," if any(sign in line for line in lines[:20])), ",")
    for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1):
        cells = [cell.strip().lstrip("'") for cell in cells]
        if not any(cells) or (number == 1 and not re.search(r"\d", "".join(cells))):
            continue
        if len(made.lines) >= LINES_AT_MOST:
            made.problems.append(_("The list is longer than %(most)d lines. Part it in two.") % {"most": LINES_AT_MOST})
            break
        _read_line(made, number, cells, decimals=decimals, with_amounts=with_amounts)
    return made


def _read_line(made: ReadList, line: int, cells: list[str], *, decimals: int, with_amounts: bool) -> None:
    number = cells[0].replace(" ", "").replace("-", "")
    if not is_member_number(number):
        made.problems.append(
            _("Line %(line)d: “%(text)s” is no member number. It has twelve digits, the last one checks the others.")
            % {"line": line, "text": cells[0][:100]}
        )
        return
    amount = cells[1] if with_amounts and len(cells) > 1 else ""
    if not amount:
        made.lines.append((number, None))
        return
    typed = AMOUNT.fullmatch(amount)
    points = Decimal(amount).scaleb(decimals) if typed and len(typed[1] or ".") - 1 <= decimals else None
    if not points:
        made.problems.append(
            _("Line %(line)d: “%(text)s” is no number of points. Write plain digits, with a minus sign to take points.")
            % {"line": line, "text": amount[:100]}
        )
        return
    made.lines.append((number, int(points)))
