"""`manage.py journal --program P --month 2026-01 [--output FILE]`: the entries recorded in a month, as CSV."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.patience import LongCommand
from loyalty.common.typed import month
from loyalty.ledger import journal
from loyalty.ledger.finance import month_bounds
from loyalty.ledger.lookup import wallet_named


class Command(LongCommand):
    """Writes to a file, or to the standard output."""

    help = "Write the entries recorded in a month of the program clock as CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", required=True, help="short name of the program")
        parser.add_argument("--wallet", help="short name of the wallet (default: the main one)")
        parser.add_argument("--month", required=True, help="the month, such as 2026-01")
        parser.add_argument("--output", metavar="FILE", help="where to write (default: the standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wallet = wallet_named(options["program"], options["wallet"])
            since, until = month_bounds(month(options["month"]), wallet.program.time_zone)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if not options["output"]:
            journal.write(wallet, self.stdout, since=since, until=until)
            return
        with Path(options["output"]).open("w", encoding="utf-8", newline="") as file:
            count = journal.write(wallet, file, since=since, until=until)
        self.stderr.write(_("%(count)d entries written.") % {"count": count})
