"""Keeping the parts of an installation running: start them, mend what dies, end them all and leave nothing behind.

Every part is a process group of its own. One that dies is started again after a pause that doubles while it keeps
dying. To end, each part is asked first (SIGTERM) and its whole group is ended after GRACE_SECONDS. Where the system
can, parts also end when this process is killed outright.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

GRACE_SECONDS = 20.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
LOOK_EVERY = 0.1
PR_SET_PDEATHSIG = 1


class AlreadyRunning(Exception):
    """Another supervisor holds the lock; the argument is its process id."""


@dataclass
class Part:
    """One supervised process."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    next_start: float = 0.0
    pause: float = FIRST_PAUSE
    restarts: int = field(default=0)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the pid file. The lock ends with the process, so a file left behind by a killed one is taken over.

    Raises AlreadyRunning.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(_written_in(file)) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _written_in(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "?"


class Supervisor:
    """Runs parts until it is told to stop by SIGTERM, SIGINT or `stop()`."""

    def __init__(self, parts: list[Part], *, tell: Callable[[str], None], cwd: Path) -> None:
        self.parts = parts
        self.tell = tell
        self.cwd = cwd
        self.is_stopping = False

    def stop(self, *_signal: object) -> None:
        """End after the present look round."""
        self.is_stopping = True

    def run(self, *, when_started: Callable[[], None]) -> None:
        """Start everything, call `when_started` once, and mend what dies until told to stop."""
        before = {number: signal.signal(number, self.stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for part in self.parts:
                self.start(part)
            when_started()
            while not self.is_stopping:
                self.mend()
                time.sleep(LOOK_EVERY)
        finally:
            self.end_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, part: Part) -> None:
        """Start one part in a process group of its own."""
        part.process = subprocess.Popen(
            part.command, cwd=self.cwd, start_new_session=True, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent
        )
        part.started = time.monotonic()

    def mend(self) -> None:
        """Start again what died, after its pause."""
        now = time.monotonic()
        for part in self.parts:
            if part.is_alive:
                continue
            if part.process is not None:
                self._note_death(part, part.process, now)
            elif now >= part.next_start:
                self.start(part)

    def _note_death(self, part: Part, process: subprocess.Popen[bytes], now: float) -> None:
        steady = now - part.started > STEADY_SECONDS
        part.pause = FIRST_PAUSE if steady else min(part.pause * 2, LONGEST_PAUSE)
        self.tell(f"{part.name} ended ({describe(process)}) and is started again in {part.pause:.0f} s.")
        end_group(process)
        part.process, part.next_start = None, now + part.pause
        part.restarts += 1

    def end_all(self) -> None:
        """Ask every part to end, wait, and then end whatever is left of their groups."""
        running = [part.process for part in self.parts if part.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        for process in running:
            end_group(process)
            process.wait()


def describe(process: subprocess.Popen[bytes]) -> str:
    """How a process ended, in words."""
    code = process.returncode
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Linux only: be told to end when the supervisor itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
