"""`manage.py verify_anchor FILE [--database]`: check an exported anchor by itself, and against the books."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.patience import longer_statements
from loyalty.ledger import evidence


class Command(BaseCommand):
    """Needs the key of the books (`BOOKS_KEY`), and no database unless it is asked to compare. Status 1 if it fails."""

    help = "Check an exported anchor: its signature, and with --database whether the books still say the same."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--database", action="store_true", help="compare with the entries in the database too")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Path(options["file"]).open(encoding="utf-8") as file:
                told = evidence.read(file)
        except (OSError, Refusal) as refusal:
            raise CommandError(str(refusal)) from refusal
        found = evidence.problems(told)
        if options["database"]:
            with longer_statements():
                found += evidence.differences(told)
        for line in found:
            self.stdout.write(line)
        told_of = {"day": told["day"], "accounts": told["accounts"], "points": told["points"]}
        if found:
            self.stdout.write(_("The anchor of %(day)s does not hold.") % told_of)
            sys.exit(1)
        self.stdout.write(_("The anchor of %(day)s holds: %(accounts)d accounts, %(points)d points.") % told_of)
