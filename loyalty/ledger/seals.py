"""Seals: a row that nobody may edit is signed under the key of the environment, so that an edited one is found.

A seal is the HMAC over the canonical JSON of what a row says, and over the seal before it where rows follow each other:
who changes, removes or inserts one cannot make the others fit without the key (RELIABILITY R-7).
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from loyalty.ledger.chain import CANONICAL, instant


def seal(*told: Any) -> str:
    """The signature of some plain values, hexadecimal. Instants are taken in UTC, everything else as JSON or text."""
    text = CANONICAL.encode([_plain(value) for value in told])
    return hmac.new(settings.BOOKS_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def seal_of(record: models.Model, *before: Any) -> str:
    """The signature of a record: every column but its key and its seal, and what came before it.

    A column that has its default is left out, so that one that is added later breaks no seal.
    """
    told = {
        field.attname: _plain(getattr(record, field.attname))
        for field in record._meta.concrete_fields
        if not field.primary_key and field.name != "seal" and getattr(record, field.attname) != field.get_default()
    }
    return seal(record._meta.label, told, *before)


def holds(record: Any, *before: Any) -> bool:
    """Whether a record still is what was sealed."""
    return hmac.compare_digest(record.seal, seal_of(record, *before))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    return value if value is None or isinstance(value, bool | int | str | list | dict) else str(value)
