"""`manage.py replay_rules [--program P] [--json]`: the door of `campaigns.proving`."""

import json
import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.proving import prove
from loyalty.common.patience import LongCommand
from loyalty.ledger.models import Program


class Command(LongCommand):
    """Replay the live rules over all purchases and events and hold the result against the books."""

    help = "Replay the published rules over every recorded purchase and event: the points must be those of the books. Only reads."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which program, and how to report."""
        parser.add_argument("--program", default="", help="short name of the program; else all of them")
        parser.add_argument("--json", action="store_true", help="report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, report, and fail where something differs."""
        programs = Program.objects.order_by("slug")
        if options["program"]:
            programs = programs.filter(slug=options["program"])
            if not programs:
                raise CommandError(f"There is no program “{options['program']}”.")
        reports = {}
        for program in programs:
            began = time.monotonic()
            proof = prove(program, at=timezone.now())
            reports[program.slug] = asdict(proof) | {"seconds": round(time.monotonic() - began, 2)}
        if options["json"]:
            self.stdout.write(json.dumps(reports, indent=2))
        else:
            for slug, report in reports.items():
                self._tell(slug, report)
        different = sum(report["different"] for report in reports.values())
        if different:
            raise CommandError(f"{different} purchases or events came out otherwise than the books have them.")

    def _tell(self, slug: str, report: dict[str, Any]) -> None:
        self.stdout.write(
            f"{slug}: {report['purchases']:,} purchases, {report['events']:,} events, {report['points']:,} points replayed, "
            f"{report['booked']:,} in the books, {report['seconds']} s"
        )
        for one in report["differences"]:
            self.stdout.write(
                f"  {one['source']}/{one['receipt']}: {one['booked']:,} in the books, {one['replayed']:,} replayed "
                f"({one['reason']})"
            )
