"""Nothing in a test is left to luck: what is drawn follows from the test's name, and rows of two tables never share an id.

`SETIA_TEST_SEED` draws anew, for hunts after tests that hold by chance (CONTRIBUTING.md).
"""

import itertools
import os
import random
from collections.abc import Callable
from functools import cache
from zlib import crc32

from django.apps import apps
from django.db import connection

SEED = os.environ.get("SETIA_TEST_SEED", "1")
APART, PLACES = 10_000, 100_000
OURS = ("loyalty", "members", "rewards", "campaigns")


def drawn(name: str) -> Callable[[int], bytes]:
    """An `os.urandom` whose bytes follow from the seed and a name; a forked process draws its own."""
    numbers, home = itertools.count(), os.getpid()

    def urandom(size: int) -> bytes:
        own = "" if os.getpid() == home else str(os.getpid())
        return random.Random(f"{SEED}|{name}|{own}|{next(numbers)}").randbytes(size)

    return urandom


def set_ids_apart() -> None:
    """Let the ids of each of our tables begin at a place of its own, as if none had been given before."""
    starts = {table: crc32(table.encode()) % PLACES * APART for table in _tables()}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(name, 'id'), start) FROM unnest(%s::text[], %s::bigint[]) AS t(name, start)",
                [list(starts), list(starts.values())],
            )
        else:
            cursor.execute("DELETE FROM sqlite_sequence")
            cursor.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", list(starts.items()))


@cache
def _tables() -> list[str]:
    """Our tables with numbered rows; all of them are empty before a test."""
    models = apps.get_models(include_auto_created=True)
    ours = (model._meta for model in models if model._meta.app_config.name.split(".")[0] in OURS)
    return sorted(model.db_table for model in ours if model.managed and model.pk.get_internal_type() == "BigAutoField")
