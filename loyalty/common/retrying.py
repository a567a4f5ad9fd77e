"""A transaction that the database gave up because of another one is tried again, up to three times (RELIABILITY R-8).

Only whole transactions can be: inside one, the error goes on to whoever began it. Who undoes the whole transaction anyhow
when a verb fails says so (`undone_whole`): then the verb needs no savepoint, which costs two round trips.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

TRIES_MORE = 3
# Serialization failure, deadlock, lock not available: another try may succeed.
PASSING = {"40001", "40P01", "55P03"}
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may succeed on another try."""
    return getattr(error.__cause__, "sqlstate", None) in PASSING or "database is locked" in str(error)


def retried(verb: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Let an atomic verb be tried again when it begins its own transaction; the last failure is raised."""

    @functools.wraps(verb)
    def trying(*arguments: Arguments.args, **terms: Arguments.kwargs) -> Answer:
        tries_left = 0 if transaction.get_connection().in_atomic_block else TRIES_MORE
        while True:
            try:
                return verb(*arguments, **terms)
            except OperationalError as error:
                if not tries_left or not is_passing(error):
                    raise
                tries_left -= 1

    return trying


_is_undone_whole = ContextVar("is_undone_whole", default=False)


@contextmanager
def undone_whole() -> Iterator[None]:
    """Within, and within a transaction, whatever fails undoes all of it: nothing more may be asked of the database after."""
    token = _is_undone_whole.set(True)
    try:
        yield
    finally:
        _is_undone_whole.reset(token)


def is_undone_whole() -> bool:
    """Whether whoever began the transaction undoes all of it when something fails."""
    return _is_undone_whole.get()


def atomic(verb: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """As `transaction.atomic`, but without a savepoint within `undone_whole`."""

    @functools.wraps(verb)
    def within(*arguments: Arguments.args, **terms: Arguments.kwargs) -> Answer:
        with transaction.atomic(savepoint=not is_undone_whole()):
            return verb(*arguments, **terms)

    return within
