"""A whole installation of its own for tests with real processes: data folder, database, broker, and what runs on it."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings

DEADLINE = 180
PREPARING = 900  # a database from nothing, while the machine is busy with other tests


def until(question, *, deadline=DEADLINE, every=0.1):
    """Ask until the answer is true; the answer. Fails with the question's last answer."""
    end = time.monotonic() + deadline
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"still {answer!r} after {deadline} s"
        time.sleep(every)


class Installation:
    """Starts and ends processes that share one data folder and one database, on the engine the tests run on (or on `server`).

    With `like` it begins as a copy of another installation's database, which takes no time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        broker: str = "filesystem://localhost",
        like: "Installation | None" = None,
        server: str = "",
        **environment: str,
    ) -> None:
        self.folder, self.like = folder, like
        tested_on = os.environ.get("DATABASE_URL", "")
        self.server = server or (tested_on if tested_on.startswith("p") else "")
        self.name = f"setia_processes_{uuid.uuid4().hex[:12]}"
        self.environment = os.environ | {
            "SETIA_DATA_DIR": str(folder), "BROKER_URL": broker, "DATABASE_URL": self.address(), "DEBUG": "true",
            "SETIA_DEMO": "false", "EMAIL_URL": "dummymail://", "PYTHONPATH": str(settings.BASE_DIR),
            "DJANGO_SETTINGS_MODULE": "loyalty.settings",
        } | environment  # fmt: skip
        self.started = []
        self.is_gone = False

    def address(self) -> str:
        if self.server:
            return urlsplit(self.server)._replace(path=f"/{self.name}").geturl()
        return f"sqlite:///{self.folder}/setia.sqlite3"

    def on_server(self, statement: str) -> None:
        address = urlsplit(self.server)._replace(path="/postgres").geturl()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)

    def __enter__(self):
        if self.like:
            self._copy(self.like)
            return self
        if self.server:
            self.on_server(f'CREATE DATABASE "{self.name}"')
        self.python("manage.py", "migrate", "--noinput", "-v0", deadline=PREPARING)
        self.python("manage.py", "createcachetable", "-v0", deadline=PREPARING)
        return self

    def __exit__(self, *failure) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not self.alive())
        if self.server:
            self.on_server(f'DROP DATABASE "{self.name}" WITH (FORCE)')

    def _copy(self, other: "Installation") -> None:
        if self.server:
            self.on_server(f'CREATE DATABASE "{self.name}" TEMPLATE "{other.name}"')
        else:
            shutil.copyfile(other.folder / "setia.sqlite3", self.folder / "setia.sqlite3")

    def manage(self, *arguments: str) -> str:
        """Run a command to its end."""
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str, deadline: float = DEADLINE) -> str:
        answer = subprocess.run(
            [sys.executable, *arguments], cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True,
            timeout=deadline, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def tell(self, story: str):
        """Run Python in the installation; what it assigns to `answer` comes back."""
        head = "import json, django; django.setup(); answer = None\n"
        return json.loads(
            self.python("-c", f"{head}{story}\nprint('ANSWER', json.dumps(answer))").rpartition("ANSWER ")[2]
        )

    def play(self, story, *, deadline: float = 1800, **terms):
        """Play a story of `loyalty.tests.forked` on the installation; what it answers comes back."""
        path = f"{story.__module__}:{story.__qualname__}"
        told = self.python("-m", "loyalty.tests.forked", path, json.dumps(terms), deadline=deadline)
        return json.loads(told.rpartition("ANSWER ")[2])

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a process and leave it running."""
        with (self.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=settings.BASE_DIR, env=self.environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self.started.append(process)
        return process

    def start_worker(self) -> subprocess.Popen:
        return self.start("-m", "celery", "-A", "loyalty", "worker", "-P", "threads", "-c", "4", "--without-mingle")

    def start_beat(self) -> subprocess.Popen:
        return self.start("-m", "celery", "-A", "loyalty", "beat", "--pidfile=")

    def ask(self, question: str):
        """The rows of a SELECT."""
        if self.server:
            with psycopg.connect(self.address(), autocommit=True) as connection:
                return connection.execute(question).fetchall()
        connection = sqlite3.connect(self.folder / "setia.sqlite3", timeout=60)
        try:
            return connection.execute(question).fetchall()
        finally:
            connection.close()

    def log(self) -> str:
        return (self.folder / "processes.log").read_text(errors="replace")

    def alive(self) -> list[int]:
        """Every process that was started on this data folder, also by others than us, and still runs."""
        mark = f"SETIA_DATA_DIR={self.folder}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                running = path.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
                if running and mark in path.joinpath("environ").read_bytes():
                    found.append(int(path.name))
            except OSError:
                continue
        return found
