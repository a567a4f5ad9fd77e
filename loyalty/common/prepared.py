"""Queries of the hot verbs, put into words once for each connection and then only asked again with new values.

Django takes longer to turn a queryset into SQL than the database takes to answer it. A `Prepared` query is an ordinary
queryset whose changing values are named with `Given`; its text stays the same, so the server can keep its plan too.

    member_by_number = Prepared(lambda: Member.objects.filter(program=Given("program"), number=Given("number")))
    member_by_number.first(program=program.pk, number="123")

Values are plain ones: ids, texts, numbers, aware datetimes, and lists for `any_of`. Never None, and no prefetching.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, QuerySet

from loyalty.common.lookups import array


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
    """A queryset with its text, on one connection (and so in one thread)."""

    def __init__(self, queryset: QuerySet[Any], connection: Any) -> None:
        """Compile once; from then on the queryset's compiler answers with the same text."""
        self.connection, self.queryset = connection, queryset
        compiler = queryset.query.get_compiler(connection=connection)
        self.text, self.places = compiler.as_sql()
        self.filled: list[Any] = []
        fields = [column for column, _text, _alias in compiler.select]
        converters = compiler.get_converters(fields)
        vars(compiler)["as_sql"] = lambda *arguments, **options: (self.text, self.filled)
        vars(compiler)["get_converters"] = lambda *arguments: converters
        vars(queryset.query)["get_compiler"] = lambda *arguments, **options: compiler

    def rows(self, values: dict[str, Any]) -> list[Any]:
        """Ask with these values."""
        self.filled = [self._plain(values[place.name]) if isinstance(place, Given) else place for place in self.places]
        iterable: Any = self.queryset._iterable_class(self.queryset)
        return list(iterable)

    def _plain(self, value: Any) -> Any:
        """A value as the driver takes it."""
        if self.connection.vendor == "postgresql":
            return array(value) if isinstance(value, list | set | dict | tuple) else value
        if isinstance(value, datetime):
            return self.connection.ops.adapt_datetimefield_value(value)
        return json.dumps(list(value)) if isinstance(value, list | set | dict | tuple) else value
