"""`manage.py application_role NAME [--execute]`: the rights of the role the application connects as (PostgreSQL)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.ledger import grants


class Command(BaseCommand):
    """Run it as the role that migrates, after every migrate."""

    help = "Print, or with --execute run, the statements that let a PostgreSQL role post but never change history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="name of the role, which must be there already")
        parser.add_argument("--execute", action="store_true", help="run the statements instead of printing them")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            commands = grants.statements(options["name"])
        except grants.NeedsPostgresql as refusal:
            raise CommandError(str(refusal)) from refusal
        if not options["execute"]:
            for command in commands:
                self.stdout.write(f"{command};")
            return
        if not grants.is_there(options["name"]):
            raise CommandError(
                _("There is no role “%(name)s”: make it first, as docs/postgresql-role.md says.") % options
            )
        with transaction.atomic():
            grants.execute(commands)
        self.stdout.write(_("%(name)s can post, and cannot change history.") % options)
