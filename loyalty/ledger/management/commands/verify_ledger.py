"""`manage.py verify_ledger [--program P | --account ID] [--since-last-anchor] [--json]`: prove the books; exit status 1 on any violation."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from loyalty.common.errors import Refusal
from loyalty.common.patience import LongCommand
from loyalty.ledger.checking import verify
from loyalty.ledger.lookup import program_named


class Command(LongCommand):
    """Prints each violation in words, or everything as JSON."""

    help = "Prove that the books are whole: chains, numbers, lots, allocations, balances."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", help="Short name of one program; all programs without it.")
        parser.add_argument("--account", type=int, help="Number of one account.")
        parser.add_argument(
            "--since-last-anchor",
            "--since-anchor",
            dest="since_anchor",
            action="store_true",
            help="Read only accounts that moved since the last anchor.",
        )
        parser.add_argument("--progress", action="store_true", help="Tell how far it is, on standard error.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            program = program_named(options["program"]) if options["program"] else None
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        read = 0

        def count(entries: int) -> None:
            nonlocal read
            read = entries
            if self.stderr.isatty() or options["progress"]:
                self.stderr.write(f"\r{entries:,} entries read", ending="")

        violations = list(
            verify(program, account=options["account"], since_anchor=options["since_anchor"], progress=count)
        )
        if options["json"]:
            answer = {"ok": not violations, "entries": read, "violations": [asdict(v) for v in violations]}
            self.stdout.write(json.dumps(answer, indent=2))
        else:
            for violation in violations:
                self.stdout.write(str(violation))
            self.stdout.write(f"{read:,} entries read, {len(violations)} violation(s).")
        if violations:
            sys.exit(1)
