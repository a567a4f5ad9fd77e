"""Values in PostgreSQL's own words, column by column: many rows for COPY, and lists as arrays.

The driver looks at each value by itself. The rows of a batch share most of theirs, instants, zeros and names, so each column is
worded as a whole: one that says the same in every row is worded once. What is not among the plain kinds here is left to the driver.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

NULL = "\\N"
MARKS = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
ESCAPED = str.maketrans(MARKS)
PLAIN: dict[type, Callable[[Any], str]] = {
    int: str,
    bool: {True: "t", False: "f"}.__getitem__,
    Decimal: str,
    datetime: str,
}


def copied(rows: Sequence[Sequence[Any]]) -> str | None:
    """Rows as COPY reads them; None where a value is of a kind that the driver has to word."""
    columns = []
    for values in zip(*rows, strict=True):
        worded = _column(values)
        if worded is None:
            return None
        columns.append(worded)
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def array(values: Iterable[Any]) -> list[Any] | str:
    """A list as PostgreSQL takes it: as one text, which is many times faster than one by one; a list where the driver has to word it."""
    listed = list(values)
    kinds = set(map(type, listed)) - {type(None)}
    if len(kinds) > 1:
        return listed
    kind = kinds.pop() if kinds else int
    worded: Iterable[str]
    if kind is int:
        worded = map(str, listed)
    elif kind is datetime:
        worded = map({one: f'"{one}"' for one in set(listed)}.__getitem__, listed)
    elif kind is bytes:
        worded = (f'"\\\\x{one.hex()}"' if one is not None else "" for one in listed)
    elif kind is str:
        worded = (
            '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' if one is not None else "" for one in listed
        )
    else:
        return listed
    if None in listed:
        worded = ("NULL" if one is None else word for one, word in zip(listed, worded, strict=True))
    return "{" + ",".join(worded) + "}"


def _column(values: Sequence[Any]) -> Sequence[str] | None:
    """The values of one column, which need not be different."""
    first = values[0]
    if len(values) > 1 and values.count(first) == len(values):
        one = _column((first,))
        return one and [one[0]] * len(values)
    kinds = set(map(type, values))
    has_none = type(None) in kinds
    kinds.discard(type(None))
    if not kinds:
        return [NULL] * len(values)
    if len(kinds) > 1:
        return None
    words = _words(kinds.pop(), values)
    if words is None:
        return None
    return [NULL if value is None else words(value) for value in values] if has_none else list(map(words, values))


def _words(kind: type, values: Sequence[Any]) -> Callable[[Any], str] | None:
    """How values of a kind are worded."""
    if kind is datetime:  # batches repeat their instants
        return {value: str(value) for value in set(values)}.__getitem__
    if kind is bytes:
        return lambda value: f"\\\\x{value.hex()}"
    if issubclass(kind, str):  # the named choices of a column are texts, too
        said = "".join(filter(None, values))
        return (lambda value: value.translate(ESCAPED)) if any(mark in said for mark in MARKS) else str
    return PLAIN.get(kind)
