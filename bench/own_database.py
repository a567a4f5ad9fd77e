"""A database of a bench's own: made before, thrown away after, on SQLite (a file) unless DATABASE_URL names a PostgreSQL server."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection


def in_own_database(work: Callable[[Path], None]) -> None:
    """Do the work with empty tables and a folder for its files."""
    with tempfile.TemporaryDirectory() as folder:
        if connection.vendor == "sqlite":
            settings.DATABASES["default"]["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
        connection.settings_dict["TEST"]["MIGRATE"] = False  # the tables as the models say, as in the tests
        connection.creation.create_test_db(verbosity=0, serialize=False)
        try:
            work(Path(folder))
        finally:
            connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
