"""Files of codes as rows: CSV as text, XLSX through its first sheet.

A workbook is read only, never computed: a cell with a formula is no code. What it unpacks to is looked at before it is opened.
"""

import csv
import io
import zipfile
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from loyalty.common.errors import Refusal

HEADINGS = {"code", "codes", "voucher", "kode", "kod"}
MOST_UNPACKED = 30 * 1024 * 1024
# Styles, themes and what else a reader takes in whole; only sheets and their texts grow with the codes.
MOST_BESIDES = 2 * 1024 * 1024
GROWING = ("xl/worksheets/", "xl/sharedstrings.xml")
MOST_ROWS = 100_001
MOST_COLUMNS = 20
# As many digits as a spreadsheet keeps of a number.
EXACT_DIGITS = 15
WORKBOOK = b"PK\x03\x04"


class CodesRefused(Refusal):
    """The file cannot be read, or holds no code that is new."""

    code = "codes_refused"
    status = 422


class AsNumber(str):
    """A cell that holds a number: zeros in front and digits after the 15th are lost, so nobody knows the code it was."""

    __slots__ = ()


def rows(uploaded: bytes) -> list[tuple[int, str]]:
    """The codes of a file with the numbers of their lines: the column called code, else the first one. Raises CodesRefused."""
    return _in_column(_sheet(uploaded) if uploaded.startswith(WORKBOOK) else _lines(_text(uploaded)))


def _in_column(lines: list[tuple[int, list[str]]]) -> list[tuple[int, str]]:
    heads = [head.strip().lower() for head in lines[0][1]] if lines else []
    column = next((place for place, head in enumerate(heads) if head in HEADINGS), None)
    if column is not None:
        lines = lines[1:]
    place = column or 0
    found = [(number, row[place] if place < len(row) else "") for number, row in lines]
    return [(number, cell if isinstance(cell, AsNumber) else cell.strip()) for number, cell in found]


def _unreadable() -> CodesRefused:
    return CodesRefused(_("This file cannot be read. Save it as CSV in UTF-8."))


def _text(uploaded: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or Windows-1252."""
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        if encoding == "utf-16" and not uploaded.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            return uploaded.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable()


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that hold anything, numbered."""
    if "\0" in text:
        raise _unreadable()
    first = text.partition("\n")[0]
    comma = max(",;\t", key=first.count)
    try:
        return [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=comma), 1) if row]
    except csv.Error:
        raise _unreadable() from None


def _sheet(uploaded: bytes) -> list[tuple[int, list[str]]]:
    """The rows of the first sheet of a workbook that hold anything, numbered."""
    try:
        with zipfile.ZipFile(io.BytesIO(uploaded)) as packed:
            parts = [(part.filename.lower().startswith(GROWING), part.file_size) for part in packed.infolist()]
        besides = sum(size for grows, size in parts if not grows)
        if besides > MOST_BESIDES or sum(size for _grows, size in parts) > MOST_UNPACKED:
            raise CodesRefused(_("This file is too large when it is unpacked. Split it."))
        book = load_workbook(io.BytesIO(uploaded), read_only=True, keep_links=False)
        sheet = book.worksheets[0]
        found = [
            (number, [_cell(cell) for cell in row])
            for number, row in enumerate(sheet.iter_rows(max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS), 1)
            if any(cell.value is not None for cell in row)
        ]
        book.close()
    except CodesRefused:
        raise
    except Exception:  # whatever a broken workbook breaks in the reader is the same to people
        raise CodesRefused(_("This workbook cannot be read. Save it again as XLSX, or as CSV in UTF-8.")) from None
    return found


def _cell(cell: Any) -> str:
    """A cell as the code it shows; a formula is none. A number is the code where its format says how many digits it has."""
    value = cell.value
    if value is None or cell.data_type == "f":
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    digits = cell.number_format or ""
    is_padded = 1 < len(digits) <= EXACT_DIGITS and set(digits) == {"0"} and value == int(value) >= 0
    return f"{int(value):0{len(digits)}}" if is_padded else AsNumber(value)
