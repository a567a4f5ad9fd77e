"""A race: attempts started together in threads of their own, on a database that can lock rows."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from loyalty.common.bulk import is_postgresql
from loyalty.common.errors import Refusal
from loyalty.ledger.checking import verify

on_postgresql = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.skipif(not is_postgresql(), reason="row locks need PostgreSQL"),
]


def race(*attempts: Callable[[], Any]) -> tuple[list[Any], list[str]]:
    """Run every attempt at once; the results and the codes of the refusals, in no order. The books must prove after."""
    gate = threading.Barrier(len(attempts))
    results, codes, others = [], [], []

    def run(attempt: Callable[[], Any]) -> None:
        try:
            gate.wait()
            results.append(attempt())
        except Refusal as refusal:
            codes.append(refusal.code)
        except Exception as error:
            others.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert others == []
    assert list(verify()) == []
    return results, codes
