"""`SETIA_DEMO=1 manage.py demo`: a program with real purchases to look at, ready to sign in. Keeps its data."""

import argparse
import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Load the demo program, then serve."""

    help = "Run the demo: loads its program at the first start, then the same as serve."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--host", default="127.0.0.1")

    def handle(self, *, port: int, host: str, **options: Any) -> None:
        """Three steps, each named before it begins."""
        if not settings.DEMO:
            raise CommandError("The demo has known passwords, so it only runs in demo mode: use `make demo`.")
        os.environ.setdefault("SITE_URL", f"http://localhost:{port}")
        self.step("1/3 Preparing the database")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        self.step("2/3 Loading the demo program (the first time takes a moment)")
        call_command("load_demo", brief=True, stdout=self.stdout, stderr=self.stderr)
        self.step("3/3 Starting web, worker and beat")
        call_command("serve", port=port, host=host, stdout=self.stdout, stderr=self.stderr)

    def step(self, told: str) -> None:
        """Say what is done now."""
        self.stdout.write(self.style.MIGRATE_HEADING(told))
        self.stdout.flush()
