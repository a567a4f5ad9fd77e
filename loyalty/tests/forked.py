"""Real processes for tests that try to break the books: children that race, and children killed before their n-th statement.

A story is a plain function that runs in a process of its own (`Installation.play`): Django is set up there, its database is the
installation's, and nothing else runs in it. It forks children; each has its own connections and tells how it ended.
"""

import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

TELL_OF_ATTEMPTS = {"ledger.verification"}


def main(path: str, terms: str) -> None:
    """Play the story `module:function` with these terms and print what it answers."""
    from django.conf import settings

    for database in settings.DATABASES.values():
        database.get("OPTIONS", {}).pop("pool", None)  # its threads would not survive a fork
    django.setup()
    module, _, name = path.partition(":")
    answer = getattr(importlib.import_module(module), name)(**json.loads(terms))
    print("ANSWER", json.dumps(answer))


class Child:
    """A forked process that does some work and tells how it ended: ["done", answer], ["refused", code], ["failed", words]."""

    def __init__(self, work: Callable[[], Any], *, gate: int | None = None) -> None:
        from django.db import connections

        connections.close_all()
        self.reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.reading)
            self._live(work, writing, gate)
        os.close(writing)

    @staticmethod
    def _live(work: Callable[[], Any], writing: int, gate: int | None) -> None:
        """The child's life; it never returns."""
        from django.db import connection, connections

        from loyalty.common.errors import Refusal

        try:
            if gate is not None:
                connection.ensure_connection()
                os.read(gate, 1)
            told = ["done", work()]
        except Refusal as refusal:
            told = ["refused", refusal.code]
        except BaseException as failure:
            told = ["failed", f"{type(failure).__name__}: {failure}"[:600]]
        with contextlib.suppress(Exception):
            connections.close_all()
        with os.fdopen(writing, "w") as pipe:
            json.dump(told, pipe, default=str)
        os._exit(0)

    def kill(self) -> None:
        """End it as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self) -> list[Any]:
        """Wait for it; ["killed", None] when it told nothing."""
        with os.fdopen(self.reading) as pipe:
            told = pipe.read()
        os.waitpid(self.pid, 0)
        return json.loads(told) if told else ["killed", None]


def race(*attempts: Callable[[], Any]) -> list[list[Any]]:
    """Every attempt in a process of its own, all let go at once when each has its connection; how each ended, in order."""
    waiting, opening = os.pipe()
    children = [Child(attempt, gate=waiting) for attempt in attempts]
    time.sleep(0.05)
    os.write(opening, b"." * len(children))
    os.close(opening)
    os.close(waiting)
    return [child.end() for child in children]


def count(ends: list[list[Any]]) -> dict[str, int]:
    """How many ended how: by "done", the code of the refusal, or the failure."""
    counted: dict[str, int] = {}
    for end, told in ends:
        name = end if end in ("done", "killed") else str(told)
        counted[name] = counted.get(name, 0) + 1
    return dict(sorted(counted.items()))


def alone(work: Callable[[], Any]) -> Any:
    """Do some work in a child, to its end; its answer."""
    end, told = Child(work).end()
    if end != "done":
        raise AssertionError(f"{end}: {told}")
    return told


def killed_before(step: int, work: Callable[[], Any]) -> bool:
    """Do some work in a child that is killed before its `step`-th statement or commit; whether it got that far."""
    end, told = Child(lambda: _until(step, work)).end()
    if end not in ("done", "killed"):
        raise AssertionError(f"before step {step}: {told}")
    return end == "killed"


def steps_of(work: Callable[[], Any]) -> int:
    """How many statements and commits some work takes."""
    return int(alone(lambda: _until(None, work)))


def _until(step: int | None, work: Callable[[], Any]) -> int:
    """Do some work, counting statements and commits; the process dies before the `step`-th."""
    from django.db import connection

    taken = 0

    def take() -> None:
        nonlocal taken
        taken += 1
        if taken == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        take()
        return execute(sql, params, many, context)

    commit = connection._commit

    def commit_then() -> Any:
        take()
        return commit()

    connection.ensure_connection()
    connection._commit = commit_then  # type: ignore[method-assign]
    with connection.execute_wrapper(before):
        work()
    return taken


@contextlib.contextmanager
def copied_database() -> Iterator[None]:
    """Everything until the end happens in a copy of the installation's database."""
    from django.db import connection, connections

    connections.close_all()
    settings, name = connection.settings_dict, connection.settings_dict["NAME"]
    copy = f"{name}_copy"
    if connection.vendor == "sqlite":
        _remove(copy)
        shutil.copyfile(name, copy)
        settings["NAME"] = copy
        try:
            yield
        finally:
            connections.close_all()
            settings["NAME"] = name
            _remove(copy)
        return
    _on_server(settings, f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    settings["NAME"] = copy
    try:
        yield
    finally:
        connections.close_all()
        settings["NAME"] = name
        _on_server(settings, f'DROP DATABASE "{copy}" WITH (FORCE)')


def _remove(path: str) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(path + ending).unlink(missing_ok=True)


def _on_server(settings: dict[str, Any], statement: str) -> None:
    import psycopg

    address = {"host": settings["HOST"], "port": settings["PORT"] or 5432, "user": settings["USER"]}
    with psycopg.connect(**address, password=settings["PASSWORD"], dbname="postgres", autocommit=True) as server:
        server.execute(statement)


def state(*, but: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Everything the database holds, table by table, after the books are proved. Ids are ranks, since a rolled-back attempt burns some.

    `but` names columns (`app.model.field`) that are random by nature. Runs, signs of life and kept verifications tell of attempts and
    are left out.
    """
    from django.apps import apps

    from loyalty.ledger.checking import verify

    assert [str(violation) for violation in verify()] == []
    models = [
        model
        for app in ("ledger", "members", "rewards", "campaigns", "mail", "pos")
        for model in apps.get_app_config(app).get_models()
        if model._meta.managed
        and model._meta.label_lower not in TELL_OF_ATTEMPTS
        and "id" in {field.name for field in model._meta.concrete_fields}
    ]
    ranks = {
        model: {pk: rank for rank, pk in enumerate(model.objects.order_by("pk").values_list("pk", flat=True))}
        for model in models
    }
    told = {}
    for model in models:
        fields = [
            field for field in model._meta.concrete_fields if f"{model._meta.label_lower}.{field.name}" not in but
        ]
        rows = model.objects.order_by("pk").values_list(*(field.attname for field in fields))
        told[model._meta.label_lower] = [
            [_plain(field, value, ranks) for field, value in zip(fields, row, strict=True)] for row in rows
        ]
    return told


def _plain(field: Any, value: Any, ranks: dict[Any, dict[Any, int]]) -> Any:
    if value is None:
        return None
    if field.primary_key:
        return ranks[field.model].get(value, value)
    if field.is_relation:
        return ranks.get(field.related_model, {}).get(value, str(value))
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value if isinstance(value, int | str | dict | list) else str(value)


def difference(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[str]:
    """The tables that differ, each with its first differing rows."""
    found = []
    for table in sorted(one.keys() | other.keys()):
        left, right = one.get(table, []), other.get(table, [])
        if left != right:
            pairs = [(a, b) for a, b in zip(left, right, strict=False) if a != b][:1]
            found.append(f"{table}: {len(left)} and {len(right)} rows, {pairs}"[:900])
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
