"""`manage.py load_demo`: the demo program with its purchases, people and staff. Loading again keeps the data."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from campaigns.demo import changes, loading, senja, staff
from members.models import Member

BAR_WIDTH = 30


class Command(BaseCommand):
    """Load the demo program Setia Records."""

    help = "Load the demo program: a music shop with 6,919 real purchases and invented people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brief", action="store_true", help="Leave out whom to sign in as.")

    def handle(self, *args: Any, brief: bool = False, **options: Any) -> None:
        """Load, show the progress, print whom to sign in as."""
        started = time.monotonic()
        hired = staff.hire()
        loaded = loading.load(at=timezone.now(), progress=self._show_progress)
        changes.ask(loaded.program, loaded.stars, at=timezone.now())
        self.stdout.write(
            f"{loaded.program} {'is ready' if loaded.is_new else 'was there already'}: {loaded.members} members, "
            f"{loaded.purchases} purchases, {loaded.redemptions} redemptions, {time.monotonic() - started:.1f} s"
        )
        if brief:
            return
        for member in loaded.stars:
            self.stdout.write(f"  member  {member.email}  ({member.language}, {member.tier.slug}: {member.name})")
        cafe = Member.objects.filter(program__slug=senja.SLUG, email=senja.OWN[1]).first()
        if cafe is not None:
            self.stdout.write(f"  member  {cafe.email}  ({cafe.language}, {cafe.program}: {cafe.name})")
        for email, role in hired:
            self.stdout.write(f"  staff   {email}  ({role})")
        if hired:
            self.stdout.write(f"  staff password {staff.PASSWORD}, authenticator secret {staff.TOTP_SECRET}")

    def _show_progress(self, step: str, done: int, total: int) -> None:
        """A bar on the terminal; elsewhere a line at the end of each step."""
        share = min(done / total, 1) if total else 1
        if sys.stderr.isatty():
            bar = "█" * int(share * BAR_WIDTH) + "·" * (BAR_WIDTH - int(share * BAR_WIDTH))
            self.stderr.write(f"\r{bar} {share:4.0%}  {step}   ", ending="\n" if share == 1 else "")
        elif share == 1:
            self.stdout.write(f"{step}: {done}")
