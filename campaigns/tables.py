"""Reading tables that shops send: CSV files of any common encoding and delimiter, row by row.

The encoding is told by the byte order mark, else UTF-8 where the whole file is, else Windows-1252. Spreadsheet tricks are
undone (`="0012"` is the text 0012), and a cell that still is a formula is refused by whoever reads it.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
DELIMITERS = ",;\t|"
PIECE = 1 << 20


class TableRefused(Refusal):
    """A file that cannot be read as a table."""

    code = "file_not_readable"
    status = 422


@dataclass(frozen=True, slots=True)
class Table:
    """A readable table: its columns and how the file is written."""

    path: Path
    encoding: str
    delimiter: str
    columns: list[str]


class Row(NamedTuple):
    """One row: the line it begins on, its cells in the order of the columns (None when it cannot be read), bytes so far."""

    line: int
    cells: list[str] | None
    position: int
    problem: str = ""


def open_table(path: str | Path, *, encoding: str = "", delimiter: str = "") -> Table:
    """Look at a file: its encoding, delimiter and columns. Raises TableRefused."""
    path = Path(path)
    if not path.is_file():
        raise TableRefused(_("There is no file %(path)s.") % {"path": str(path)[:100]})
    encoding = encoding or detect_encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as file:
            header = file.readline(PIECE)
            delimiter = delimiter or detect_delimiter(header)
            file.seek(0)
            columns = next(csv.reader(file, delimiter=delimiter), [])
    except LookupError:
        raise TableRefused(_("There is no encoding called %(encoding)s.") % {"encoding": encoding[:100]}) from None
    except (UnicodeError, csv.Error):
        raise TableRefused(_("The file is not written in %(encoding)s.") % {"encoding": encoding}) from None
    columns = [column.strip() for column in columns]
    if not any(columns):
        raise TableRefused(_("The file is empty: its first line must name the columns."))
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise TableRefused(_("The column “%(column)s” stands twice in the first line.") % {"column": twice[:100]})
    return Table(path, encoding, delimiter, columns)


def rows(table: Table) -> Iterator[Row]:
    """The rows of a table, one at a time; empty lines are left out, broken rows come with their problem."""
    width = len(table.columns)
    with table.path.open("rb") as raw, io.TextIOWrapper(raw, encoding=table.encoding, newline="") as text:
        reader = csv.reader(text, delimiter=table.delimiter, strict=True)
        next(reader, None)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeError):
                yield Row(line, None, raw.tell(), _("The line cannot be read: look for a missing quote."))
                continue
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue
            if len(cells) != width:
                yield Row(
                    line, None, raw.tell(), _("The line has %(given)d cells, the first line names %(expected)d columns.")
                    % {"given": len(cells), "expected": width},
                )  # fmt: skip
                continue
            yield Row(line, cells, raw.tell())


def plain(cell: str) -> str:
    """A cell without the tricks of spreadsheets: surrounding spaces, `="text"`, the apostrophe before a formula sign."""
    cell = cell.strip()
    if cell[:1] in ("=", "'"):
        if len(cell) > 3 and cell.startswith('="') and cell.endswith('"'):
            return cell[2:-1].strip()
        if cell[:1] == "'" and cell[1:2] in set("=+-@"):
            return cell[1:]
    return cell


def detect_encoding(path: Path) -> str:
    """The encoding of a file, by its mark, its zeros or its bytes."""
    with path.open("rb") as file:
        start = file.read(PIECE)
        for mark, name in MARKS.items():
            if start.startswith(mark):
                return name
        if start[1:200:2].count(0) > len(start[1:200:2]) // 2:
            return "utf-16-le"
        if start[0:200:2].count(0) > len(start[0:200:2]) // 2:
            return "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            piece = start
            while piece:
                decoder.decode(piece)
                piece = file.read(PIECE)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def detect_delimiter(header: str) -> str:
    """The delimiter that cuts the first line into most columns, outside of quotes."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=lambda mark: (outside.count(mark), -DELIMITERS.index(mark)))
