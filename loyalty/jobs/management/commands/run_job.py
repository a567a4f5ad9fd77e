"""`manage.py run_job NAME`: run a job now, with no Celery. Every job may be run at any time, as often as you like."""

import argparse
import json
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.common.clock import day_start
from loyalty.jobs import registry, running
from loyalty.jobs.models import JobRun
from loyalty.ledger.models import Program


class Command(BaseCommand):
    help = "Run a job now: for one program, or for every active one."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        names = [job.name for job in registry.jobs()]
        parser.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
        parser.add_argument(
            "--as-of",
            type=instant,
            help="the instant the job decides by: 2026-01-31T17:00+07:00, or a day, meaning its first instant",
        )
        parser.add_argument("--program", metavar="P", help="short name of a program (default: all active ones)")
        parser.add_argument("--dry-run", action="store_true", help="count what would be done, change nothing")
        parser.add_argument("--json", action="store_true", help="print the runs as JSON")

    def handle(self, *, name: str, **options: Any) -> None:
        now = timezone.now()
        runs = [
            running.run(
                name,
                program=program,
                as_of=as_instant(options["as_of"], program) or now,
                started_by="command",
                dry_run=options["dry_run"],
            )
            for program in programs(registry.find(name), options["program"])
        ]
        self.show(runs, as_json=options["json"])
        if any(run.status == JobRun.Status.FAILED for run in runs):
            raise CommandError(_("The job failed; what it said is above and in the list of job runs."))

    def show(self, runs: list[JobRun], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([as_dict(run) for run in runs], indent=2))
            return
        for run in runs:
            where = run.program.slug if run.program else "-"
            figures = _("found %(found)d, done %(done)d, skipped %(skipped)d") % as_dict(run)
            self.stdout.write(f"{run.job} [{where}]: {run.get_status_display()}, {figures}")
            for key, value in run.report.items():
                self.stdout.write(f"  {key}: {value}")
            if run.error:
                self.stderr.write(f"  {run.error}")


def programs(job: registry.Job, slug: str | None) -> list[Program | None]:
    """What a job is run for: the named program, every active one, or (jobs of every nudge) none in particular."""
    if slug:
        found = list(Program.objects.filter(slug=slug))
        if not found:
            raise CommandError(_("There is no program “%(slug)s”.") % {"slug": slug})
        return found
    return list(Program.objects.filter(is_active=True)) if job.is_daily else [None]


def instant(text: str) -> datetime | date:
    """An instant with its zone, or a day."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(_("“%(text)s” is neither a day nor an instant.") % {"text": text}) from None
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(_("“%(text)s” has no time zone: add one, such as +07:00.") % {"text": text})
    return parsed


def as_instant(given: datetime | date | None, program: Program | None) -> datetime | None:
    """A day as its first instant in the program clock."""
    if given is None or isinstance(given, datetime):
        return given
    return day_start(given, program.time_zone if program else "UTC")


def as_dict(run: JobRun) -> dict[str, Any]:
    """A run for machines."""
    return {
        "run": run.pk,
        "job": run.job,
        "program": run.program.slug if run.program else None,
        "as_of": run.as_of.isoformat(),
        "dry_run": run.is_dry,
        "status": run.status,
        "found": run.found,
        "done": run.done,
        "skipped": run.skipped,
        "report": run.report,
        "error": run.error,
    }
