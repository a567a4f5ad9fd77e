"""Queries of the hot verbs, put into words once for each connection and then only asked again with new values.

Django takes longer to turn a queryset into SQL than the database takes to answer it. A `Prepared` query is an ordinary
queryset whose changing values are named with `Given`; its text stays the same, so PostgreSQL keeps its plan too. Statements
that are written by hand go the same way with `hot_cursor`.

    member_by_number = Prepared(lambda: Member.objects.filter(program=Given("program"), number=Given("number")))
    member_by_number.first(program=program.pk, number="123")

Values are plain ones: ids, texts, numbers, aware datetimes, and lists for `any_of`. Never None, and no prefetching.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, QuerySet
from django.db.models.base import ModelState
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable, get_related_populators
from psycopg.types.numeric import Int8Dumper

from loyalty.common.wording import array

# A plan that is kept knows no values and goes through lists one by one: longer ones are planned for what they hold.
FEW = 20
Make = Callable[[Iterable[Sequence[Any]]], list[Any]]


def hot_cursor(connection: Any = None) -> Any:
    """A cursor for constant statements: PostgreSQL plans each once for a connection and is then only handed the values.

    It stays with its connection, so fetch what one statement answers before the next. `KEEP_PLANS=false` binds values as
    Django does, for poolers that cannot keep prepared statements.
    """
    connection = connection or connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql" or not settings.KEEP_PLANS:
        return connection.cursor()
    if connection.connection is None:
        connection.ensure_connection()
    known = vars(connection).get("hot_cursor")
    if known is None or known.connection is not connection.connection:
        known = vars(connection)["hot_cursor"] = _PlannedOnce(connection.connection)
    return connection._prepare_cursor(known)


class _PlannedOnce(psycopg.Cursor[Any]):
    """Binds on the server and keeps the plan; it is its connection's and asked again, so closing leaves it open.

    Whole numbers all go as bigint: sent by their size, each combination of sizes would be a plan of its own.
    """

    def __init__(self, connection: Any) -> None:
        """A cursor of this connection, which prepares from now on; Django's own cursors never do."""
        super().__init__(connection)
        connection.prepare_threshold = 0
        self.adapters.register_dumper(int, Int8Dumper)

    def _send_query_prepared(self, name: bytes, pgq: Any, *, binary: bool | None = None) -> None:
        """Keep the query for Django, which logs the text of what was asked."""
        self._query = pgq
        super()._send_query_prepared(name, pgq, binary=binary)

    def close(self) -> None:
        """Nothing: see the class."""


class Given(Expression):
    """The place of a value that is named when the query is asked."""

    def __init__(self, name: str) -> None:
        """A place by this name; the column it is compared with gives it its type."""
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any, *arguments: Any, **options: Any) -> Any:
        """A parameter that is still to be filled."""
        return "%s", [self]


class Prepared:
    """A query that is built by `build` once for each connection. Calling it with its values gives its rows."""

    def __init__(self, build: Callable[[], QuerySet[Any]]) -> None:
        """Nothing is built before it is first asked."""
        self.build = build

    def __call__(self, **values: Any) -> list[Any]:
        """The rows for these values."""
        connection = connections[DEFAULT_DB_ALIAS]
        known = vars(connection).setdefault("prepared_queries", {})
        if self not in known:
            known[self] = _Compiled(self.build(), connection)
        return known[self].rows(values)

    def first(self, **values: Any) -> Any:
        """The first row; None when there is none."""
        rows = self(**values)
        return rows[0] if rows else None


class _Compiled:
    """A queryset with its text, on one connection (and so in one thread), and how its rows become what it gives."""

    def __init__(self, queryset: QuerySet[Any], connection: Any) -> None:
        """Compile once, and look up once what Django looks up for every answer."""
        self.connection = connection
        self.compiler = queryset.query.get_compiler(connection=connection)
        self.text, self.places = self.compiler.as_sql()
        fields = [column for column, _text, _alias in self.compiler.select]
        self.converters = self.compiler.get_converters(fields)
        if self.compiler.has_extra_select or queryset._iterable_class not in MAKERS:
            raise TypeError("a prepared query gives records, tuples or single values, sorted by what it selects")
        self.make = MAKERS[queryset._iterable_class](self.compiler, connection)

    def rows(self, values: dict[str, Any]) -> list[Any]:
        """Ask with these values."""
        filled = [self._plain(values[place.name]) if isinstance(place, Given) else place for place in self.places]
        is_batch = any(isinstance(value, list | set | dict | tuple) and len(value) > FEW for value in values.values())
        with self.connection.cursor() if is_batch else hot_cursor(self.connection) as cursor:
            cursor.execute(self.text, filled)
            found = cursor.fetchall()
        if not found:
            return []
        return self.make(self.compiler.apply_converters(found, self.converters) if self.converters else found)

    def _plain(self, value: Any) -> Any:
        """A value as the driver takes it."""
        if self.connection.vendor == "postgresql":
            return array(value) if isinstance(value, list | set | dict | tuple) else value
        if isinstance(value, datetime):
            return self.connection.ops.adapt_datetimefield_value(value)
        return json.dumps(list(value)) if isinstance(value, list | set | dict | tuple) else value


def _records(compiler: Any, connection: Any) -> Make:
    """Rows as records, with those that `select_related` names, and annotations."""
    described = compiler.klass_info
    first, end = described["select_fields"][0], described["select_fields"][-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:end]]
    model, alias = described["model"], connection.alias
    populators: Any = get_related_populators  # its types are told for a later Django
    others = populators(described, compiler.select, connection.alias)
    annotations = list((compiler.annotation_col_map or {}).items())

    def make(rows: Iterable[Sequence[Any]]) -> list[Any]:
        made = []
        for row in rows:
            # As a record that was pickled comes back; a column that was not asked for is asked when it is read.
            record = model.__new__(model)
            vars(record).update(zip(names, row[first:end], strict=True), _state=ModelState())
            record._state.adding, record._state.db = False, alias
            for other in others:
                other.populate(row, record)
            for name, place in annotations:
                setattr(record, name, row[place])
            made.append(record)
        return made

    return make


MAKERS: dict[type, Callable[[Any, Any], Make]] = {
    ModelIterable: _records,
    ValuesListIterable: lambda compiler, connection: lambda rows: list(map(tuple, rows)),
    FlatValuesListIterable: lambda compiler, connection: lambda rows: [row[0] for row in rows],
}
