"""Make an API key from the command line."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from loyalty.pos.keys import SCOPES
from loyalty.pos.keys import create as make_key
from loyalty.pos.models import Store


class Command(BaseCommand):
    """`create_api_key --program kopi --name "Web shop" --scope purchases:write --scope members:read`."""

    help = "Make an API key and print its secret, which cannot be read again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Program, name, scopes."""
        parser.add_argument("--program", required=True, help="short name of the program")
        parser.add_argument("--name", required=True, help="who uses the key")
        parser.add_argument("--scope", action="append", choices=list(SCOPES), help="may be repeated; default: all")
        parser.add_argument("--store", help="code of the store it belongs to")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key and print it."""
        try:
            program = Program.objects.get(slug=options["program"])
            store = Store.objects.get(program=program, code=options["store"]) if options["store"] else None
            key, secret = make_key(
                program,
                name=options["name"],
                scopes=options["scope"] or SCOPES,
                at=timezone.now(),
                actor="command:create_api_key",
                store=store,
            )
        except (Program.DoesNotExist, Store.DoesNotExist, Refusal) as refusal:
            raise CommandError(str(refusal)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"id": key.pk, "prefix": key.prefix, "scopes": key.scopes, "secret": secret}))
            return
        self.stdout.write(f"{key.name}: {', '.join(key.scopes)}")
        self.stdout.write(secret)
