"""Instants read from PostgreSQL are the ones that were written, whatever their form."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection
from psycopg.pq import Format

from loyalty.common.bulk import is_postgresql
from loyalty.common.instants import InstantLoader
from loyalty.common.prepared import hot_cursor

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(not is_postgresql(), reason="SQLite keeps instants as texts"),
    pytest.mark.django_db,
]
TIMESTAMPTZ = 1184
WRITTEN = [
    datetime(2026, 11, 23, 3, tzinfo=UTC),
    datetime(2026, 11, 23, 3, 0, 0, 500_000, tzinfo=UTC),
    datetime(2026, 11, 23, 3, 0, 0, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


@pytest.mark.parametrize("cursor_of", [lambda: connection.cursor(), hot_cursor])
def test_what_is_read_is_what_was_written(cursor_of):
    with cursor_of() as cursor:
        cursor.execute("SELECT unnest(%s::timestamptz[])", [WRITTEN])
        read = [row[0] for row in cursor.fetchall()]
    assert read == WRITTEN
    assert all(instant.tzinfo is UTC for instant in read)


def test_every_connection_reads_them_so():
    connection.ensure_connection()
    assert connection.connection.adapters.get_loader(TIMESTAMPTZ, Format.TEXT) is InstantLoader


def test_another_clock_of_the_session_changes_no_instant():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Asia/Kolkata'")
        cursor.execute("SELECT %s::timestamptz", [WRITTEN[0]])
        assert cursor.fetchone()[0] == WRITTEN[0]


@pytest.mark.parametrize("endless", ["infinity", "-infinity", "0044-03-15 12:00:00+00 BC"])
def test_what_python_has_no_instant_for_is_an_error_as_before(endless):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [endless])
        with pytest.raises(DataError):
            cursor.fetchone()
