"""`manage.py nudge`: look for due work once, as the worker does every minute. Enough for an installation with only cron."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.jobs import nudging


class Command(BaseCommand):
    help = "Do every job that is due now. Needs no Celery; may run beside it."

    def handle(self, **options: Any) -> None:
        runs = nudging.nudge(timezone.now())
        for run in runs:
            self.stdout.write(f"{run.job:<16} {run.business_date or '':<10} {run.get_status_display()}")
        if not runs:
            self.stdout.write(_("Nothing was due."))
