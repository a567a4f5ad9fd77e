"""`manage.py verify_draw [--program SLUG] [--draw SLUG] [--file RECORD]`: compute draws and pools of prizes again, from the database or a file."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from loyalty.common.patience import longer_statements
from rewards.chances import proof as pools
from rewards.chances.showing import published
from rewards.draws import proof
from rewards.models import Draw


class Command(BaseCommand):
    """Status 1 where something does not hold. A file needs neither the database nor the key."""

    help = "Compute the winners of published draws and pools of prizes again and name what does not agree."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", help="only draws of this program")
        parser.add_argument("--draw", help="only the draw or pool with this short name")
        parser.add_argument("--file", help="a record kept from the public page, instead of the database")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = _of_file(options["file"]) if options["file"] else _of_database(options)
        if options["json"]:
            self.stdout.write(json.dumps([{"draw": name, "problems": wrong} for name, wrong in found]))
        else:
            for name, wrong in found:
                for line in wrong:
                    self.stdout.write(f"{name}: {line}")
                if not wrong:
                    self.stdout.write(_("%(draw)s holds.") % {"draw": name})
        if any(wrong for _name, wrong in found):
            sys.exit(1)


def _of_file(name: str) -> list[tuple[str, list[str]]]:
    """The record in a file."""
    try:
        record = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(_("This file cannot be read: %(why)s") % {"why": error}) from error
    is_pool = isinstance(record, dict) and record.get("form") == pools.FORM
    return [(Path(name).name, pools.problems(record) if is_pool else proof.problems(record))]


def _of_database(options: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Every published draw and pool that was asked for."""
    draws = Draw.objects.exclude(status=Draw.Status.DRAFT).select_related("promise", "program", "result").order_by("pk")
    asked = {"program__slug": options["program"], "slug": options["draw"]}
    wanted = {name: value for name, value in asked.items() if value}
    with longer_statements():
        found = [(f"{draw.program.slug}/{draw.slug}", proof.check(draw)) for draw in draws.filter(**wanted)]
        drawn_from = published().filter(**wanted).order_by("pk")
        found += [(f"{pool.program.slug}/{pool.slug}", pools.check(pool)) for pool in drawn_from]
    if not found and options["draw"]:
        raise CommandError(_("There is no published draw of this name."))
    return found
