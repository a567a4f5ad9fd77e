"""`manage.py serve`: the whole installation under one command. Each part can also be run alone (docs/running.md)."""

import argparse
import os
import socket
import sys
import time
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from loyalty import demonstration
from loyalty.supervising import AlreadyRunning, Part, Supervisor, locked

SECONDS_TO_ANSWER = 60
# Celery warns every superuser at length about pickled messages; ours carry nothing (RELIABILITY R-4).
NO_ROOT_LECTURE = "ignore:You're running the worker with superuser"


class Command(BaseCommand):
    """Prepare, then supervise web, worker and beat."""

    help = "Migrate, collect static files, and run web, worker and beat until told to stop. Mends what dies."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
        parser.add_argument("--workers", type=int, default=2, help="web server processes")

    def handle(self, *, port: int, host: str, workers: int, **options: Any) -> None:
        """Hold the pid file, prepare, run."""
        try:
            with locked(settings.DATA_DIR / "serve.pid"):
                refuse_taken_port(host, port)
                os.environ.setdefault("SITE_URL", f"http://localhost:{port}")
                self.prepare()
                self.supervise(host, port, workers)
        except AlreadyRunning as running:
            raise CommandError(
                f"Setia is running already as process {running}, with the data in {settings.DATA_DIR}. "
                "Stop that one first, or give this one another SETIA_DATA_DIR."
            ) from None

    def prepare(self) -> None:
        """Bring the database and the static files up to date."""
        self.stdout.write("Preparing: database, cache table, static files ...")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        self.stdout.flush()

    def supervise(self, host: str, port: int, workers: int) -> None:
        """Run the parts; print the addresses once the first page answers."""
        address = f"http://localhost:{port}"

        def tell(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        def announce() -> None:
            if answers(f"{address}/healthz", supervisor):
                lines = demonstration.sign_ins(address) if settings.DEMO else [f"  Desk      {address}/admin/"]
                tell("\n".join(["", f"Setia is ready at {address}", *lines, "  Stop with Ctrl-C.", ""]))
            connections.close_all()

        supervisor = Supervisor(parts(host, port, workers), tell=tell, cwd=settings.BASE_DIR)
        supervisor.run(when_started=announce)
        tell("Stopped: web, worker and beat have ended.")


def parts(host: str, port: int, workers: int) -> list[Part]:
    """The three parts and how each is started, the same as when run alone."""
    celery = [sys.executable, "-W", NO_ROOT_LECTURE, "-m", "celery", "--quiet", "-A", "loyalty"]
    web = ["--bind", f"{host}:{port}", "--workers", str(workers), "--threads", "4", "--log-level", "warning"]
    return [
        Part("web", [sys.executable, "-m", "gunicorn", "loyalty.wsgi", *web]),
        Part("worker", [*celery, "worker", "-P", "threads", "-c", "4", "-l", "WARNING", "--without-mingle"]),
        Part("beat", [*celery, "beat", "-l", "WARNING", "--pidfile="]),
    ]


def refuse_taken_port(host: str, port: int) -> None:
    """Say so at once when something else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"Port {port} cannot be used ({error.strerror}). Choose another with --port.") from None


def answers(address: str, supervisor: Supervisor) -> bool:
    """Wait until the first page answers, as long as nobody says stop."""
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < deadline and not supervisor.is_stopping:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own address
                return True
        except OSError:
            supervisor.mend()
            time.sleep(0.1)
    return False
