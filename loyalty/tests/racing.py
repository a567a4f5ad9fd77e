"""A race: attempts started together in threads of their own, on a database that can lock rows; or on either engine."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from loyalty.common.bulk import is_postgresql
from loyalty.common.errors import Refusal
from loyalty.ledger.checking import verify
from loyalty.tests import forked

on_postgresql = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.skipif(not is_postgresql(), reason="row locks need PostgreSQL"),
]


def race(*attempts: Callable[[], Any]) -> tuple[list[Any], list[str]]:
    """Run every attempt at once; the results and the codes of the refusals, in no order. The books must prove after."""
    gate = threading.Barrier(len(attempts))
    results, codes, others = [], [], []

    def run(attempt: Callable[[], Any]) -> None:
        try:
            gate.wait()
            results.append(attempt())
        except Refusal as refusal:
            codes.append(refusal.code)
        except Exception as error:
            others.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert others == []
    assert list(verify()) == []
    return results, codes


@contextlib.contextmanager
def on_a_file(path: Path) -> Iterator[None]:
    """Let SQLite's connections share a file with what is in memory now; PostgreSQL stays as it is."""
    if is_postgresql():
        yield
        return
    connection.ensure_connection()
    memory, settings = connection.connection, connection.settings_dict
    with contextlib.closing(sqlite3.connect(path)) as file:
        memory.backup(file)
    name, settings["NAME"], connection.connection = settings["NAME"], str(path), None
    yield
    connection.close()
    settings["NAME"], connection.connection = name, memory


def race_anywhere(*attempts: Callable[[], Any]) -> dict[str, int]:
    """How many ended how: in processes of their own on PostgreSQL, in threads on SQLite. The books prove after."""
    ended = forked.race(*attempts) if is_postgresql() else _in_threads(attempts)
    assert list(verify()) == []
    return forked.count(ended)


def _in_threads(attempts: tuple[Callable[[], Any], ...]) -> list[list[Any]]:
    """How each attempt ended, all started together."""
    gate = threading.Barrier(len(attempts))
    ended: list[list[Any]] = []

    def run(attempt: Callable[[], Any]) -> None:
        try:
            gate.wait()
            attempt()
            ended.append(["done", None])
        except Refusal as refusal:
            ended.append(["refused", refusal.code])
        except Exception as error:
            ended.append(["failed", repr(error)])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def somebody_waits() -> int:
    """How many other connections wait for a lock of ours; PostgreSQL only."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    with connection.cursor() as cursor:
        cursor.execute(waiting)
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def meanwhile(act: Callable[[], Any]) -> Iterator[list[Any]]:
    """Something that another connection does while this block goes on; when the block is left it has ended: its answer, or its error."""
    ended: list[Any] = []

    def run() -> None:
        try:
            ended.append(act())
        except Exception as error:
            ended.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        thread.join()
