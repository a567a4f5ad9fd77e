"""Work in processes of their own, beside the one that asks: each with its own connections, to the same database.

Nothing of Django is imported before a process has set itself up, so this module is all that it begins with. A process is told what to
do by `Crew.begin`, tells of it as often as it likes, and ends when the asking one does, however that ends.
"""

import importlib
import multiprocessing
import multiprocessing.connection
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any


class WorkerLost(RuntimeError):
    """A process ended before its work did."""


class Crew:
    """Processes that wait for work; closing it ends those that still run. What they wrote and did not commit is undone."""

    def __init__(self, count: int, *, database: str) -> None:
        """Start them: they set themselves up while the asking one goes on. `database` is the name of its own."""
        context = multiprocessing.get_context("spawn")
        self.lines: list[Any] = []
        self.processes: list[Any] = []
        for _number in range(count):
            mine, theirs = context.Pipe()
            process = context.Process(target=live, args=(theirs, database), daemon=True)
            process.start()
            theirs.close()
            self.lines.append(mine)
            self.processes.append(process)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *error: object) -> None:
        """Stop who still works."""
        for line, process in zip(self.lines, self.processes, strict=True):
            line.close()
            process.terminate()
            process.join()

    def begin(self, path: str, terms: Sequence[tuple[Any, ...]]) -> None:
        """Let each call the function `module:name` with its own terms, and a last one: whom it tells."""
        for line, own in zip(self.lines, terms, strict=True):
            line.send((path, own))

    def told(self) -> Iterator[tuple[int, Any]]:
        """What they tell, each by its number, until all are done. Raises WorkerLost when one was killed or failed."""
        working = {line: number for number, line in enumerate(self.lines)}
        while working:
            line: Any
            for line in multiprocessing.connection.wait(list(working)):
                try:
                    kind, said = line.recv()
                except (EOFError, OSError):
                    raise WorkerLost("it was killed, or the machine ran out of memory") from None
                if kind == "raised":
                    raise WorkerLost(said)
                if kind == "done":
                    del working[line]
                else:
                    yield working[line], said


def live(line: Any, database: str) -> None:
    """A process's life: it sets itself up, waits for its work and does it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking one ends it
    import django

    django.setup()
    from django.db import connection

    connection.settings_dict["NAME"] = database
    with suppress(EOFError, BrokenPipeError):
        path, terms = line.recv()
        module, _, name = path.partition(":")
        try:
            getattr(importlib.import_module(module), name)(*terms, lambda said: line.send(("told", said)))
        except BrokenPipeError:
            raise
        except Exception as error:
            traceback.print_exc()
            line.send(("raised", f"{type(error).__name__}: {error}"))
        else:
            line.send(("done", None))
    connection.close()
