"""`field__any_of=[...]`: membership in a list of any length as one parameter.

`IN (%s, %s, ...)` has another text for every length, which no server can prepare and every driver must parse; this one
is `= ANY(array)` on PostgreSQL and a `json_each` on SQLite.
"""

import json
from typing import Any

from django.db.models import Expression, Field, ForeignKey, Lookup

from loyalty.common.wording import array


class AnyOf(Lookup):
    """The column equals one of the listed values (numbers or texts)."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = self.process_lhs(compiler, connection)
        field = self.lhs.output_field
        field = field.target_field if isinstance(field, ForeignKey) else field
        kind = field.rel_db_type(connection) if hasattr(field, "rel_db_type") else field.db_type(connection)
        base = str(kind).split("(")[0]
        return f"{column} = ANY(%s::{base}[])", [
            *parameters,
            self.rhs if isinstance(self.rhs, Expression) else array(self.rhs),
        ]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        listed = self.rhs if isinstance(self.rhs, Expression) else json.dumps(list(self.rhs))
        return f"{column} IN (SELECT value FROM json_each(%s))", [*parameters, listed]


def register() -> None:
    """Make the lookup known to every field and foreign key."""
    Field.register_lookup(AnyOf)
    ForeignKey.register_lookup(AnyOf)
