"""`manage.py anchor_books [--program P]`: anchor the books of today, once a day; the same as the daily job."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from loyalty.common.errors import Refusal
from loyalty.common.patience import LongCommand
from loyalty.ledger.anchors import make_anchor
from loyalty.ledger.lookup import program_named
from loyalty.ledger.models import Program


class Command(LongCommand):
    """Prints one JSON line per program."""

    help = "Sign the heads of all chains of today."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", help="short name of one program (default: all active ones)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            named = [program_named(options["program"])] if options["program"] else None
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        for program in named or Program.objects.filter(is_active=True):
            tally = make_anchor(program, at=timezone.now())
            self.stdout.write(json.dumps({"program": program.slug, "made": bool(tally.done), **tally.report}))
