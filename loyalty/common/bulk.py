"""Writing many rows with few statements, as fast as each engine can: COPY on PostgreSQL, executemany on SQLite.

Rows are tuples, in the order of `fields` (model field names). Foreign keys are given as ids. Nothing is validated here
beyond what the database itself promises: the caller has made the rows from checked records.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState

from loyalty.common.prepared import hot_cursor
from loyalty.common.wording import array, copied

# Below this many rows one INSERT .. VALUES is cheaper than starting a COPY.
WORTH_A_COPY = 20
Record = TypeVar("Record", bound=models.Model)


def is_postgresql() -> bool:
    """Whether the default database is PostgreSQL (else it is SQLite)."""
    return connection.vendor == "postgresql"


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """Primary keys that nobody else will use, in increasing order, for rows inserted with `insert_rows`.

    On SQLite the IMMEDIATE transaction holds the write lock, so the next ids are ours until it ends.
    """
    if not count:
        return []
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(
                "SELECT nextval((SELECT pg_get_serial_sequence(%s, 'id')::regclass)) FROM generate_series(1, %s)",
                [table, count],
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = %s), 0), "
                       f'coalesce((SELECT max(id) FROM "{table}"), 0))', [table])  # fmt: skip
        last = cursor.fetchone()[0]
    return list(range(last + 1, last + 1 + count))


def insert_rows(model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows in one statement (COPY, or VALUES for a few) or one prepared statement run many times (SQLite)."""
    rows = list(rows)
    if not rows:
        return
    described: list[Any] = [model._meta.get_field(name) for name in fields]
    columns = ", ".join(f'"{field.column}"' for field in described)
    table = f'"{model._meta.db_table}"'
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(described))
        if is_postgresql():
            rows = _with_json_as_text(described, rows)
            if len(rows) < WORTH_A_COPY:
                values = ", ".join([f"({marks})"] * len(rows))
                cursor.execute(f"INSERT INTO {table} ({columns}) VALUES {values}", [v for row in rows for v in row])
                return
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                if (worded := copied(rows)) is not None:
                    copy.write(worded)
                    return
                for row in rows:
                    copy.write_row(row)
            return
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", _as_sqlite_keeps(described, rows))


def insert_numbered(model: type[models.Model], fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Insert rows that have no id yet and return the ids they get, in order: one statement for one row."""
    if len(rows) != 1:
        ids = reserve_ids(model, len(rows))
        insert_rows(model, ("id", *fields), [(new_id, *row) for new_id, row in zip(ids, rows, strict=True)])
        return ids
    described: list[Any] = [model._meta.get_field(name) for name in fields]
    columns = ", ".join(f'"{field.column}"' for field in described)
    marks = ", ".join(["%s"] * len(described))
    ready = _with_json_as_text if is_postgresql() else _as_sqlite_keeps
    with hot_cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks}) RETURNING id',
            ready(described, list(rows))[0],
        )
        return [cursor.fetchone()[0]]


def insert_one(record: Record) -> Record:
    """Insert a new record and return it with its id, as `save` would, without asking Django for the words again."""
    fields = [field for field in record._meta.concrete_fields if not field.primary_key]
    values = [getattr(record, field.attname) for field in fields]
    (record.pk,) = insert_numbered(type(record), [field.name for field in fields], [values])
    record._state.adding, record._state.db = False, connection.alias
    return record


def as_read(model: type[Record], fields: Sequence[str], values: Sequence[Any]) -> Record:
    """The record that was just written with these values, as if it had been read back."""
    names, are_all = _names(model, tuple(fields))
    told = dict(zip(names, values, strict=True))
    # With every field given there is nothing to fill in: as a record that was pickled comes back.
    record = model.__new__(model) if are_all else model(**told)
    if are_all:
        vars(record).update(told, _state=ModelState())
    record._state.adding, record._state.db = False, DEFAULT_DB_ALIAS
    return record


@cache
def _names(model: type[models.Model], fields: tuple[str, ...]) -> tuple[list[str], bool]:
    """The attributes of some fields, and whether the model has no others."""
    described: list[Any] = [model._meta.get_field(name) for name in fields]
    return [field.attname for field in described], len(described) == len(model._meta.concrete_fields)


def _with_json_as_text(fields: Sequence[models.Field], rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows with the values of JSON fields written out."""
    if not any(isinstance(field, models.JSONField) for field in fields):
        return rows
    written = [
        _written_once(values) if isinstance(field, models.JSONField) else values
        for field, values in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*written, strict=True))


def _written_once(values: Sequence[Any]) -> list[str | None]:
    """The values as JSON, none as NULL; one that stands in several rows is written once."""
    texts = {id(value): value for value in values}
    texts = {number: json.dumps(value) for number, value in texts.items()}
    return [None if value is None else texts[id(value)] for value in values]


def _as_sqlite_keeps(fields: Sequence[models.Field], rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows with every value as SQLite keeps it; column by column, since most columns need nothing."""
    kept = [
        values if (prepare := _sqlite_value(field)) is None else [prepare(value) for value in values]
        for field, values in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*kept, strict=True))


def _sqlite_value(field: models.Field) -> Any:
    """How a value of this field is handed to SQLite; None: as it is."""
    if isinstance(field, models.JSONField):
        return lambda value: None if value is None else json.dumps(value)
    if isinstance(field, models.DateTimeField):
        return lru_cache(maxsize=4096)(connection.ops.adapt_datetimefield_value)  # batches repeat their instants
    if isinstance(field, models.DecimalField):
        return lambda value: connection.ops.adapt_decimalfield_value(value, field.max_digits, field.decimal_places)
    return None


def update_rows(model: type[models.Model], key: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Set `fields` of many rows, each found by `key` (the first value of its tuple).

    One UPDATE (.. FROM unnest for several) on PostgreSQL, one prepared statement run many times on SQLite. A field written `+name`
    adds its value to what is there.
    """
    if not rows:
        return
    names = [field.lstrip("+") for field in fields]
    described: list[Any] = [model._meta.get_field(name) for name in (key, *names)]
    table = f'"{model._meta.db_table}"'
    with connection.cursor() as cursor:
        if is_postgresql() and len(rows) > 1:
            sets = ", ".join(
                f'"{field.column}" = ' + (f't."{field.column}" + ' if mark[0] == "+" else "") + f"v.c{index}"
                for index, (field, mark) in enumerate(zip(described[1:], fields, strict=True), start=1)
            )
            arrays = ", ".join(
                f"%s::{field.db_type(connection).split('(')[0].removesuffix(' identity')}[]" for field in described
            )
            names_of = ", ".join(f"c{index}" for index in range(len(described)))
            cursor.execute(
                f'UPDATE {table} t SET {sets} FROM unnest({arrays}) AS v({names_of}) WHERE t."{described[0].column}" = v.c0',
                [array(column) for column in zip(*rows, strict=True)],
            )
            return
        sets = ", ".join(
            f'"{field.column}" = ' + (f'"{field.column}" + ' if mark[0] == "+" else "") + "%s"
            for field, mark in zip(described[1:], fields, strict=True)
        )
        statement = f'UPDATE {table} SET {sets} WHERE "{described[0].column}" = %s'
        if is_postgresql():
            cursor.execute(statement, [*rows[0][1:], rows[0][0]])
            return
        cursor.executemany(statement, [(*row[1:], row[0]) for row in _as_sqlite_keeps(described, list(rows))])
