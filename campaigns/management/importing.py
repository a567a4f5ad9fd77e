"""What the commands that import files share: how the file is to be read, the progress, the report."""

import json
import sys
import time
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.batches import Importer, Progress, Report, import_file, unwatched
from campaigns.rows import ImportRefused, Options
from campaigns.tables import TableRefused
from loyalty.common.patience import LongCommand, seldom_collected
from loyalty.ledger.models import Program

BAR_WIDTH = 30


class ImportCommand(LongCommand):
    """Import one kind of file. May be stopped and started again at any time."""

    importer: type[Importer]
    # The last line of the report, from the figures.
    told = ""

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, the program and how to read the file."""
        parser.add_argument("file")
        parser.add_argument("--program", required=True, help="short name of the program")
        parser.add_argument(
            "--map", action="append", default=[], metavar="COLUMN=FIELD", help="which column holds what"
        )
        parser.add_argument("--source", default="import", help="name of the system the rows come from")
        parser.add_argument("--encoding", default="", help="else found out: UTF-8, UTF-16 or Windows-1252")
        parser.add_argument("--delimiter", default="", help="else found out: , ; tab |")
        parser.add_argument("--date-format", default="", help="strptime format, e.g. %%d/%%m/%%Y; else ISO 8601")
        parser.add_argument(
            "--decimal", default="", choices=["", ".", ","], help="decimal mark; else only plain amounts"
        )
        parser.add_argument("--batch", type=int, default=4000, help="rows per batch")
        parser.add_argument("--dry-run", action="store_true", help="do everything, then undo it, and report")
        parser.add_argument("--json", action="store_true", help="report as JSON, no progress bar")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, show the progress, report."""
        program = Program.objects.filter(slug=options["program"]).first()
        if program is None:
            raise CommandError(f"There is no program “{options['program']}”.")
        started = time.monotonic()
        watched = unwatched if options["json"] or not sys.stderr.isatty() else self._show_progress
        try:
            with seldom_collected():
                report = self.imported(program, options, at=timezone.now(), progress=watched)
        except (ImportRefused, TableRefused) as refusal:
            raise CommandError(str(refusal)) from None
        self._report(report, time.monotonic() - started, options)

    def imported(self, program: Program, options: dict[str, Any], *, at: datetime, progress: Progress) -> Report:
        """Import the file."""
        importer = self.importer(program, read_options(options), at, "import")
        return import_file(importer, options["file"], progress=progress)

    def _show_progress(self, done: int, total: int, report: Report) -> None:
        """A bar on the terminal."""
        share = min(done / total, 1) if total else 1
        bar = "█" * int(share * BAR_WIDTH) + "·" * (BAR_WIDTH - int(share * BAR_WIDTH))
        self.stderr.write(f"\r{bar} {share:4.0%}  {report.rows} rows, {report.rejected} rejected", ending="")
        if share == 1:
            self.stderr.write("")

    def _report(self, report: Report, seconds: float, options: dict[str, Any]) -> None:
        """The totals, and the rejected rows with their reasons."""
        figures = report.figures() | {
            "seconds": round(seconds, 3),
            "rows_per_second": round(report.rows / max(seconds, 1e-9)),
        }
        if options["json"]:
            self.stdout.write(json.dumps(figures | {"dry_run": options["dry_run"]}, ensure_ascii=False))
            return
        for error in figures.pop("errors"):
            self.stdout.write(f"line {error['line']}: {error['message']}")
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was kept.")
        line = "{rows} rows: {imported} imported, {repeated} there already, {rejected} rejected; "
        self.stdout.write((line + self.told + "; {seconds} s, {rows_per_second} rows/s").format(**figures))


def read_options(options: dict[str, Any]) -> Options:
    """The options of the command line as the verb takes them."""
    columns = {}
    for mapping in options["map"]:
        column, sign, name = mapping.rpartition("=")
        if not sign:
            raise CommandError(f"--map {mapping}: write column=field.")
        columns[column] = name
    return Options(
        source=options["source"],
        columns=columns,
        encoding=options["encoding"],
        delimiter=options["delimiter"],
        date_format=options["date_format"],
        decimal=options["decimal"],
        batch=options["batch"],
        dry_run=options["dry_run"],
    )
