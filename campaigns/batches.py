"""Importing files in batches, whatever they hold: the columns, the loop, the report of what was not taken.

A kind of file is an `Importer`: it reads a row, and records a batch of them. What is recorded has a natural key, so an import
that was killed is simply started again. A row that cannot be taken is reported by its line with the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import tables
from campaigns.in_order import in_order
from campaigns.order_rows import Order
from campaigns.rows import ImportRefused, LineRefused, Options, RowReader, RowRefused
from loyalty.common.errors import Refusal
from loyalty.common.retrying import retried
from loyalty.ledger.models import Program

ERRORS_KEPT = 1000
EVER = float("-inf")


@dataclass(slots=True)
class Report:
    """What an import did: counts, points given (of refunds: taken back), and the first thousand rejected rows with their reasons.

    `waiting` are refunds whose purchase is not known yet, `lines` the goods that came with purchases.
    """

    rows: int = 0
    lines: int = 0
    imported: int = 0
    repeated: int = 0
    rejected: int = 0
    waiting: int = 0
    points: int = 0
    new_members: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, refusal: Refusal) -> None:
        """Count a rejected row and keep its reason."""
        self.rejected += 1
        if len(self.errors) < ERRORS_KEPT:
            at = refusal.line if isinstance(refusal, LineRefused) else line
            self.errors.append({"line": at, "code": refusal.code, "message": str(refusal)})

    def figures(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)


Progress = Callable[[int, int, Report], None]
NumberedRow = tuple[int, dict[str, str] | Refusal, int]


def unwatched(done: int, total: int, report: Report) -> None:
    """Nobody looks."""


class Importer:
    """One kind of file, for one program and one set of options. Subclasses say what a row is and how it is recorded."""

    reader: RowReader
    fields: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()

    def __init__(self, program: Program, options: Options, at: datetime, actor: str) -> None:
        """What is read once for all rows is read by subclasses."""
        if options.batch < 1:
            raise ImportRefused(_("A batch has at least one row."))
        self.program, self.options, self.at, self.actor = program, options, at, actor

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether a row may have a field of this name."""
        return name in cls.fields

    def gather(self, rows: Iterator[NumberedRow], names: Sequence[str]) -> Iterator[NumberedRow]:
        """The rows of a file that names these fields; a kind whose records take several rows puts them together here."""
        return rows

    def moment(self, cells: dict[str, str]) -> float:
        """When a row says that it happened; one without a date that can be read comes first."""
        try:
            return self.reader.moment(cells.get("date", ""))[0].timestamp()
        except Refusal:
            return EVER

    def read(self, line: int, cells: dict[str, str]) -> Any:
        """A row, understood. Raises a Refusal that names the field."""
        raise NotImplementedError

    def record(self, readings: Sequence[Any], report: Report) -> None:
        """Record a batch, and count in the report what became of each row."""
        raise NotImplementedError

    def run(self, rows: Iterator[NumberedRow], report: Report, progress: Progress, total: int) -> None:
        """One batch after the other; of a dry run nothing is kept."""
        if not self.options.dry_run:
            _import_batches(self, rows, report, progress, total)
            return
        with transaction.atomic():
            _import_batches(self, rows, report, progress, total)
            transaction.set_rollback(True)


class RowByRow(Importer):
    """A kind whose rows are recorded one by one, each in a transaction of its own: they lock different members, in any order.

    A dry run tries each row for itself.
    """

    def record(self, readings: Sequence[Any], report: Report) -> None:
        for reading in readings:
            try:
                self._record_alone(reading, report)
            except Refusal as refusal:
                report.reject(reading.line, refusal)

    @retried
    @transaction.atomic
    def _record_alone(self, reading: Any, report: Report) -> None:
        """One row, kept or undone as a whole."""
        self.record_one(reading, report)
        if self.options.dry_run:
            transaction.set_rollback(True)

    def record_one(self, reading: Any, report: Report) -> None:
        """Record one row and count it, last of all. Raises a Refusal; then nothing has changed."""
        raise NotImplementedError

    def run(self, rows: Iterator[NumberedRow], report: Report, progress: Progress, total: int) -> None:
        _import_batches(self, rows, report, progress, total)


def import_file(importer: Importer, path: str | Path, *, progress: Progress = unwatched) -> Report:
    """Import a CSV file. `progress` is told the bytes read, the size of the file and the report so far.

    Raises ImportRefused and TableRefused when the file as a whole cannot be taken; single rows are in the report.
    """
    rows, total = rows_of(importer, path)
    return import_rows(importer, rows, progress=progress, total=total)


def rows_of(importer: Importer, path: str | Path) -> tuple[Iterator[NumberedRow], int]:
    """The rows of a CSV file as an importer gathers them, and the size of the file. Raises ImportRefused and TableRefused."""
    options = importer.options
    table = tables.open_table(path, encoding=options.encoding, delimiter=options.delimiter)
    fields = _mapped(table.columns, options.columns, importer)
    rows = importer.gather(_file_rows(table, fields), [name for name, _index in fields])
    return rows, Path(path).stat().st_size


def import_rows(
    importer: Importer, rows: Iterable[NumberedRow], *, progress: Progress = unwatched, total: int = 0
) -> Report:
    """Import rows of field -> text, each with its line number and position, in the order they happened."""
    report = Report()
    importer.run(in_order(rows, importer.moment), report, progress, total)
    report.errors.sort(key=lambda error: error["line"])
    return report


def _import_batches(
    importer: Importer, rows: Iterator[NumberedRow], report: Report, progress: Progress, total: int
) -> None:
    """One batch after the other, until the rows end."""
    while batch := list(islice(rows, importer.options.batch)):
        readings = []
        for line, cells, _position in batch:
            report.rows += len(cells.rows) if isinstance(cells, Order) else getattr(cells, "rows", 1)
            try:
                if isinstance(cells, Refusal):
                    raise cells
                readings.append(importer.read(line, cells))
            except Refusal as refusal:
                report.reject(line, refusal)
        if readings:
            importer.record(readings, report)
        progress(batch[-1][2], total, report)


def _mapped(columns: list[str], wanted: dict[str, str], importer: Importer) -> list[tuple[str, int]]:
    """Which cell holds which field: as told, else by the column's own name."""
    for column, name in wanted.items():
        if column not in columns:
            raise ImportRefused(
                _("There is no column “%(column)s”. The file has: %(columns)s.")
                % {"column": column[:100], "columns": ", ".join(columns)[:200]}
            )
        if not importer.knows(name):
            raise ImportRefused(
                _("There is no field “%(field)s”. Known are: %(fields)s.")
                % {"field": name[:100], "fields": ", ".join(importer.fields)}
            )
    named = {column: wanted.get(column, column) for column in columns}
    told = set(wanted.values())
    fields = [
        (name, columns.index(column))
        for column, name in named.items()
        if importer.knows(name) and (column in wanted or name not in told)
    ]
    missing = [name for name in importer.needed if name not in dict(fields)]
    if missing or len(dict(fields)) < len(fields):
        problem = (
            missing[0] if missing else next(name for name, _index in fields if [n for n, _i in fields].count(name) > 1)
        )
        raise ImportRefused(
            _("Exactly one column must hold the %(field)s: name it with --map column=%(field)s.") % {"field": problem}
        )
    return fields


def _file_rows(table: tables.Table, fields: list[tuple[str, int]]) -> Iterator[NumberedRow]:
    """The rows of a file as field -> text."""
    for row in tables.rows(table):
        if row.cells is None:
            yield row.line, RowRefused(row.problem), row.position
        else:
            cells = row.cells
            yield row.line, {name: tables.plain(cells[index]) for name, index in fields}, row.position
