"""`manage.py export_anchor --program P [--day D] [--output FILE]`: an anchor with its heads, to be kept outside."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.patience import LongCommand
from loyalty.ledger import evidence
from loyalty.ledger.lookup import program_named
from loyalty.ledger.models import Anchor


class Command(LongCommand):
    """Writes to a file, or to the standard output."""

    help = "Write an anchor with its heads as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", required=True, help="short name of the program")
        parser.add_argument("--day", type=date.fromisoformat, help="such as 2026-01-31 (default: the last anchor)")
        parser.add_argument("--output", metavar="FILE", help="where to write (default: the standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            anchors = Anchor.objects.select_related("program").filter(program=program_named(options["program"]))
            anchor = (anchors.filter(day=options["day"]) if options["day"] else anchors).order_by("-day").first()
            if anchor is None:
                raise CommandError(_("There is no such anchor: make one with anchor_books."))
            if not options["output"]:
                evidence.export(anchor, self.stdout)
                return
            with Path(options["output"]).open("w", encoding="utf-8") as file:
                evidence.export(anchor, file)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
