"""`manage.py create_staff EMAIL --role ROLE`: a staff account from the command line, e.g. the first administrator."""

import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.staff import create_staff


class Command(BaseCommand):
    """One call of `loyalty.staff.create_staff`."""

    help = "Make a staff account. The second factor is set up at the first visit to the desk."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, and in which role."""
        parser.add_argument("email")
        parser.add_argument("--role", default=roles.ADMINISTRATOR, choices=list(roles.TITLES))
        parser.add_argument("--name", default="")
        parser.add_argument("--password", default="", help="Asked for when it is not given.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the account, or say in words why not."""
        password = options["password"] or getpass.getpass("Password: ")
        try:
            user = create_staff(options["email"], password, options["role"], name=options["name"])
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(self.style.SUCCESS(f"{user.email} can sign in; the role is {options['role']}."))
