"""Fixtures and rules of every test, loaded for all apps by pyproject.toml."""

import os
import random
from collections.abc import Callable

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db.backends.signals import connection_created
from django.test import TestCase, TransactionTestCase
from django.utils import translation

from loyalty.tests import drawing, lock_order


def pytest_configure() -> None:
    """Test with cheap passwords, mail in memory and a cache of the process's own."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    _empty_databases_despite_triggers()
    _set_ids_apart_before_each_test()
    connection_created.connect(lambda connection, **_: lock_order.listen(connection), weak=False)


def _empty_databases_despite_triggers() -> None:
    """The append-only triggers stop the flush after transactional tests too: lift them just for it (RELIABILITY R-2)."""
    empty = TransactionTestCase._fixture_teardown

    def empty_with_triggers_lifted(self: TransactionTestCase) -> None:
        from loyalty.ledger import triggers

        with triggers.lifted():
            empty(self)

    TransactionTestCase._fixture_teardown = empty_with_triggers_lifted


def _set_ids_apart_before_each_test() -> None:
    """An id taken for another table's finds nothing, on every run and on both engines."""
    for case in (TransactionTestCase, TestCase):
        case._fixture_setup = classmethod(_and_ids_apart(vars(case)["_fixture_setup"].__func__))


def _and_ids_apart(begin: Callable[[type], None]) -> Callable[[type], None]:
    def begin_apart(case: type) -> None:
        begin(case)
        drawing.set_ids_apart()

    return begin_apart


@pytest.fixture(autouse=True)
def drawn_by_name(request):
    """What a test draws (numbers, codes, tokens, secrets) is the same on every run."""
    urandom = drawing.drawn(request.node.nodeid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", urandom)
        patch.setattr(random, "_urandom", urandom)
        yield


@pytest.fixture(autouse=True)
def default_language():
    """No page's language of one test is spoken in the next."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def locks_in_order():
    """Whatever a test does, rows are locked in the one order (RELIABILITY R-8)."""
    lock_order.begin()
    yield
    assert lock_order.broken() == []


@pytest.fixture(autouse=True)
def fresh_cache():
    """No counter or rate limit of one test reaches the next, and no terms of a wallet: ids come back with every test."""
    from loyalty.ledger import known_terms

    cache.clear()
    known_terms.forget()


@pytest.fixture(scope="session")
def first_installation(tmp_path_factory):
    """An installation with its tables and nothing else, made once, for others to be copies of."""
    from loyalty.tests.installation import Installation

    with Installation(tmp_path_factory.mktemp("installation")) as installation:
        yield installation


@pytest.fixture
def house(first_installation, tmp_path):
    """An installation of the test's own, with processes of its own (`Installation.play`)."""
    from loyalty.tests.installation import Installation

    with Installation(tmp_path, like=first_installation) as installation:
        yield installation


@pytest.fixture
def proven_books(db):
    """Proves the whole ledger after the test."""
    yield
    from loyalty.ledger.checking import verify

    assert [str(violation) for violation in verify()] == []


@pytest.fixture
def on_a_file(transactional_db, tmp_path):
    """SQLite as in life: a file, whose writers wait for each other. In memory they would fail at once."""
    from loyalty.tests import racing

    with racing.on_a_file(tmp_path / "race.sqlite3"):
        yield


@pytest.fixture
def program(db):
    """The program of the cast: Kopi Nusantara, Jakarta, rupiah, points that live twelve months."""
    from members import testing

    return testing.make_program()


@pytest.fixture
def ani(program):
    """Ani reads English."""
    from members import testing

    return testing.make_member(program, "Ani", language="en")


@pytest.fixture
def budi(program):
    """Budi reads Indonesian."""
    from members import testing

    return testing.make_member(program, "Budi", language="id")


@pytest.fixture
def siti(program):
    """Siti reads Malay."""
    from members import testing

    return testing.make_member(program, "Siti", language="ms")
