"""Importing purchases from the files of shops: the same rules and records as a sale at the till, in batches.

Each batch is one transaction, and (source, receipt) tells what is there already, so an import that was killed is simply
started again. A row that cannot be taken is reported by its line with the reason and leaves no trace, neither a purchase
nor a new member.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from zlib import crc32

from django.db import transaction

from campaigns import batches, order_rows, purchases
from campaigns.batches import Importer, NumberedRow, Progress, Report, unwatched
from campaigns.rows import ImportRefused, Options
from campaigns.sale_rows import FIELDS, NEEDED, Reader, Reading
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members import activity
from members.enrolment import Applicant, enrol_many
from members.models import Member

__all__ = ["FIELDS", "ImportRefused", "Options", "PurchaseImporter", "Report", "import_file", "import_rows"]


class PurchaseImporter(Importer):
    """Files of purchases; their customers are enrolled where they are not known."""

    reader: Reader
    fields, needed = FIELDS, NEEDED

    def __init__(
        self, program: Program, options: Options, at: datetime, actor: str, part: tuple[int, int] = (0, 1)
    ) -> None:
        """`part` is which of how many parts of the customers is imported (see `side_by_side`)."""
        super().__init__(program, options, at, actor)
        self.reader, self.part = Reader(program, options, at), part

    def gather(self, rows: Iterator[NumberedRow], names: Sequence[str]) -> Iterator[NumberedRow]:
        """A file that says what the goods are has a row for each line of an order."""
        gathered = order_rows.gathered(rows) if set(names) & set(order_rows.LINE_FIELDS) else rows
        number, parts = self.part
        if parts == 1:
            return gathered
        return (row for row in gathered if part_of(row[1], parts) == number)

    def read(self, line: int, cells: dict[str, str]) -> Reading:
        return self.reader.read(line, cells)

    @transaction.atomic
    def record(self, readings: Sequence[Reading], report: Report) -> None:
        """Enrol the new customers of a batch and record its sales."""
        members, new = _enrol(self.program, readings, at=self.at, actor=self.actor)
        for reading in readings:
            reading.sale.member_id = members.get(reading.applicant.source_key, 0)
        sales = [reading.sale for reading in readings]
        outcomes = purchases.record_many(self.program, sales, at=self.at, actor=self.actor, are_judged=True)
        for reading, outcome in zip(readings, outcomes, strict=True):
            if outcome.refusal:
                report.reject(reading.line, outcome.refusal)
            elif outcome.is_repeat:
                report.repeated += 1
            else:
                report.imported += 1
                report.points += outcome.points
                report.lines += len(reading.sale.lines)
        report.new_members += new


def import_file(
    program: Program,
    path: str | Path,
    *,
    options: Options,
    at: datetime,
    actor: str = "import",
    progress: Progress = unwatched,
) -> Report:
    """Import a CSV file of purchases, see `batches.import_file`."""
    return batches.import_file(PurchaseImporter(program, options, at, actor), path, progress=progress)


def import_rows(
    program: Program,
    rows: Iterable[NumberedRow],
    *,
    options: Options,
    at: datetime,
    actor: str = "import",
    progress: Progress = unwatched,
    total: int = 0,
) -> Report:
    """Import rows of field -> text, each with its line number and position."""
    return batches.import_rows(PurchaseImporter(program, options, at, actor), rows, progress=progress, total=total)


def part_of(cells: dict[str, str] | Refusal, parts: int) -> int:
    """Which part of the customers a row belongs to; the first takes what could not be read."""
    return 0 if isinstance(cells, Refusal) else crc32(cells["customer"].encode("utf-8", "surrogatepass")) % parts


def _enrol(program: Program, readings: Sequence[Reading], *, at: datetime, actor: str) -> tuple[dict[str, int], int]:
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
