"""Importing purchases from the files of shops: the same rules and records as a sale at the till, in batches.

Each batch is one transaction, and (source, receipt) tells what is there already, so an import that was killed is simply
started again. A row that cannot be taken is reported by its line with the reason and leaves no trace, neither a purchase
nor a new member.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import purchases, tables
from campaigns.rows import FIELDS, NEEDED, ImportRefused, Options, Reader, Reading, RowRefused
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members import activity
from members.enrolment import Applicant, enrol_many
from members.models import Member

__all__ = ["FIELDS", "ImportRefused", "Options", "Report", "import_file", "import_rows"]

ERRORS_KEPT = 1000


@dataclass(slots=True)
class Report:
    """What an import did: counts, points credited, and the first thousand rejected rows with their reasons."""

    rows: int = 0
    imported: int = 0
    repeated: int = 0
    rejected: int = 0
    points: int = 0
    new_members: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, refusal: Refusal) -> None:
        """Count a rejected row and keep its reason."""
        self.rejected += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append({"line": line, "code": refusal.code, "message": str(refusal)})

    def figures(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)


Progress = Callable[[int, int, Report], None]
NumberedRow = tuple[int, dict[str, str] | Refusal, int]


def import_file(
    program: Program,
    path: str | Path,
    *,
    options: Options,
    at: datetime,
    actor: str = "import",
    progress: Progress = lambda done, total, report: None,
) -> Report:
    """Import a CSV file of purchases. `progress` is told the bytes read, the size of the file and the report so far.

    Raises ImportRefused and TableRefused when the file as a whole cannot be taken; single rows are in the report.
    """
    table = tables.open_table(path, encoding=options.encoding, delimiter=options.delimiter)
    fields = _mapped(table.columns, options.columns)
    size = Path(path).stat().st_size
    return import_rows(
        program, _file_rows(table, fields), options=options, at=at, actor=actor, progress=progress, total=size
    )


def import_rows(
    program: Program,
    rows: Iterable[NumberedRow],
    *,
    options: Options,
    at: datetime,
    actor: str = "import",
    progress: Progress = lambda done, total, report: None,
    total: int = 0,
) -> Report:
    """Import rows of field -> text, each with its line number and position, in batches of one transaction each."""
    report = Report()
    reader = Reader(program, options, at)
    waiting = iter(rows)
    if options.dry_run:
        with transaction.atomic():
            _import_batches(program, waiting, reader, report, actor, progress, total)
            transaction.set_rollback(True)
    else:
        _import_batches(program, waiting, reader, report, actor, progress, total)
    return report


def _import_batches(
    program: Program,
    rows: Iterator[NumberedRow],
    reader: "Reader",
    report: Report,
    actor: str,
    progress: Progress,
    total: int,
) -> None:
    """One batch after the other, until the rows end."""
    while batch := list(islice(rows, reader.options.batch)):
        readings = []
        for line, cells, _position in batch:
            report.rows += 1
            try:
                if isinstance(cells, Refusal):
                    raise cells
                readings.append(reader.read(line, cells))
            except Refusal as refusal:
                report.reject(line, refusal)
        if readings:
            _record(program, readings, report, at=reader.at, actor=actor)
        progress(batch[-1][2], total, report)


@transaction.atomic
def _record(program: Program, readings: list[Reading], report: Report, *, at: datetime, actor: str) -> None:
    """Enrol the new customers of a batch and record its sales."""
    members, new = _enrol(program, readings, at=at, actor=actor)
    for reading in readings:
        reading.sale.member_id = members.get(reading.applicant.source_key, 0)
    sales = [reading.sale for reading in readings]
    outcomes = purchases.record_many(program, sales, at=at, actor=actor, are_judged=True)
    for reading, outcome in zip(readings, outcomes, strict=True):
        if outcome.refusal:
            report.reject(reading.line, outcome.refusal)
        elif outcome.is_repeat:
            report.repeated += 1
        else:
            report.imported += 1
            report.points += outcome.points
    report.new_members += new


def _enrol(program: Program, readings: list[Reading], *, at: datetime, actor: str) -> tuple[dict[str, int], int]:
    """Member ids by customer key, after enrolling those who come with a receipt that is not recorded yet."""
    source = readings[0].sale.source
    keys = {reading.applicant.source_key for reading in readings}
    members = dict(
        Member.objects.filter(program=program, source=source, source_key__any_of=keys).values_list("source_key", "id")
    )
    if len(members) == len(keys):
        return members, 0
    taken = {receipt for _source, receipt in activity.known_receipts(program, (reading.sale for reading in readings))}
    fresh: dict[str, Applicant] = {}
    for reading in readings:
        key = reading.applicant.source_key
        if reading.sale.receipt not in taken and key not in members:
            first = fresh.setdefault(key, reading.applicant)
            first.enrolled_at = min(first.enrolled_at or at, reading.applicant.enrolled_at or at)
        taken.add(reading.sale.receipt)
    enrolled = enrol_many(program, list(fresh.values()), at=at, actor=actor)
    return members | {key: member_id for (_source, key), member_id in enrolled.items()}, len(fresh)


def _mapped(columns: list[str], wanted: dict[str, str]) -> list[tuple[str, int]]:
    """Which cell holds which field: as told, else by the column's own name."""
    for column, name in wanted.items():
        if column not in columns:
            raise ImportRefused(
                _("There is no column “%(column)s”. The file has: %(columns)s.")
                % {"column": column[:100], "columns": ", ".join(columns)[:200]}
            )
        if name not in FIELDS:
            raise ImportRefused(
                _("There is no field “%(field)s”. Known are: %(fields)s.")
                % {"field": name[:100], "fields": ", ".join(FIELDS)}
            )
    named = {column: wanted.get(column, column) for column in columns}
    told = set(wanted.values())
    fields = [
        (name, columns.index(column))
        for column, name in named.items()
        if name in FIELDS and (column in wanted or name not in told)
    ]
    missing = [name for name in NEEDED if name not in dict(fields)]
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
