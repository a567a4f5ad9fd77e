"""Batches in PostgreSQL's own words say what the driver would have said, whatever stands in a text."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection, models

from loyalty.common.bulk import is_postgresql
from loyalty.common.wording import array, copied

on_postgresql = pytest.mark.skipif(not is_postgresql(), reason="SQLite has neither COPY nor arrays")
AWKWARD = ["", "\\N", "\\", "\t", "\n\r", "NULL", '"', "a,b", "{x}", "é 漢 \x0b", "'", "\\.", " x ", "\\x00", None]
NOON = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


class Kind(models.TextChoices):
    ACCRUAL = "accrual"
    EXPIRY = "expiry"


KINDS = {
    "bigint": [0, -(2**63), 2**63 - 1, None],
    "text": AWKWARD,
    "timestamptz": [NOON, NOON.astimezone(timezone(timedelta(hours=7))), datetime(1990, 1, 1, tzinfo=UTC), None],
    "bytea": [b"", b"\x00\\\n\t", bytes(32), None],
    "numeric": [Decimal("12.30"), Decimal("1E+3"), Decimal(0), Decimal("-0.01"), None],
    "boolean": [True, False, None],
}


@pytest.mark.postgresql
@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_same", [False, True])
def test_copied_rows_come_back_as_they_were(kind, is_same):
    for values in [[one] * 3 for one in KINDS[kind]] if is_same else [KINDS[kind]]:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE said (place bigint, it {kind})")
            worded = copied(list(enumerate(values)))
            assert worded is not None
            with cursor.copy("COPY said FROM STDIN") as copy:
                copy.write(worded)
            cursor.execute("SELECT it FROM said ORDER BY place")
            assert [bytes(it) if kind == "bytea" and it is not None else it for (it,) in cursor.fetchall()] == values
            cursor.execute("DROP TABLE said")


@pytest.mark.postgresql
@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["bigint", "text", "timestamptz", "bytea"])
def test_arrays_come_back_as_they_were(kind):
    for values in [KINDS[kind], [], [None, None], KINDS[kind][:1]]:
        assert not values or isinstance(array(values), str)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT it FROM unnest(%s::{kind}[]) WITH ORDINALITY AS u(it, place) ORDER BY place", [array(values)])  # fmt: skip
            assert [bytes(it) if kind == "bytea" and it is not None else it for (it,) in cursor.fetchall()] == values


def test_named_choices_are_texts_and_what_is_not_plain_is_left_to_the_driver():
    assert copied([(Kind.EXPIRY, 1), (Kind.ACCRUAL, 2)]) == "expiry\t1\naccrual\t2\n"
    assert copied([(NOON.date(), 1), (NOON.date() + timedelta(days=1), 2)]) is None
    assert copied([("1", 1), (1, 2)]) is None
    assert array([Decimal(1), Decimal(2)]) == [Decimal(1), Decimal(2)]
    assert array(["1", 1]) == ["1", 1]
