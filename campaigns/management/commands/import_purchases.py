"""`manage.py import_purchases FILE --program P --map column=field`: the door of `campaigns.importing`."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns import side_by_side
from campaigns.batches import Progress, Report
from campaigns.importing import FIELDS, PurchaseImporter
from campaigns.management.importing import ImportCommand, read_options
from loyalty.common.spawned import WorkerLost
from loyalty.ledger.models import Program


class Command(ImportCommand):
    """Import purchases from a CSV file."""

    importer = PurchaseImporter
    told = "{points} points, {new_members} new members"
    help = (
        "Import purchases from a CSV file. Fields: "
        + ", ".join(FIELDS)
        + ". Columns named like a field need no --map. "
        "A day without a time counts as midday in the program clock. Receipts that are there already are skipped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """As for every file, and how many workers."""
        super().add_arguments(parser)
        parser.add_argument(
            "--workers", type=int, default=1, help="processes at once (PostgreSQL), where nothing couples the members"
        )

    def imported(self, program: Program, options: dict[str, Any], *, at: datetime, progress: Progress) -> Report:
        """Import the file with as many workers as are asked for."""
        terms = read_options(options)
        try:
            return side_by_side.import_file(
                program, options["file"], options=terms, at=at, workers=options["workers"], progress=progress
            )
        except WorkerLost as lost:
            raise CommandError(
                f"A worker ended before its part was imported: {lost}. What it recorded stays; start the import again."
            ) from None
