"""`manage.py close_month --program P --month 2026-01 --by NAME`: sign a month off, and print its roll-forward."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from loyalty.common.errors import Refusal
from loyalty.common.patience import LongCommand
from loyalty.common.typed import month
from loyalty.ledger import closing, finance
from loyalty.ledger.lookup import wallet_named


class Command(LongCommand):
    """Without `--by` it only shows the figures."""

    help = "Close a month of a wallet: back-dated entries then count from the first open month."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", required=True, help="short name of the program")
        parser.add_argument("--wallet", help="short name of the wallet (default: the main one)")
        parser.add_argument("--month", required=True, help="the month, such as 2026-01")
        parser.add_argument("--by", default="", help="who signs it off, such as staff:7 (without it nothing is closed)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wallet = wallet_named(options["program"], options["wallet"])
            chosen = month(options["month"])
            figures = finance.roll_forward(wallet, chosen).as_json()
            if options["by"]:
                closed = closing.close_month(wallet, chosen, at=timezone.now(), actor=options["by"])
                figures = closed.figures
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(json.dumps(figures | {"closed": bool(options["by"])}, indent=2))
