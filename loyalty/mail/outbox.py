"""Writing letters. A letter is queued in the same transaction as its cause, so neither exists without the other.

It is unique by (recipient, kind, subject, period): a cause that happens twice writes one letter, a repeat is silently
nothing. Nothing is sent here; `loyalty.mail.delivery` does that later (DOMAIN 11.1, RELIABILITY R-6).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction

from loyalty.common.bulk import is_postgresql
from loyalty.common.prepared import hot_cursor

BATCH = 500
# A batch goes over as one parameter: the statement's text never changes, and no value is ever part of it.
INSERT = """
INSERT INTO mail_message (recipient, address, language, kind, subject, period, context, queued_at, due_at,
                          status, attempts, error, resent_by)
"""
INSERT_POSTGRESQL = f"""{INSERT}
SELECT recipient, address, language, kind, subject, period, context, at, at, 'queued', 0, '', ''
FROM jsonb_to_recordset(%s::jsonb) AS letter (recipient text, address text, language text, kind text, subject text,
                                              period text, context jsonb, at timestamptz)
ON CONFLICT DO NOTHING
"""
INSERT_SQLITE = f"""{INSERT}
SELECT json_extract(value, '$.recipient'), json_extract(value, '$.address'), json_extract(value, '$.language'),
       json_extract(value, '$.kind'), json_extract(value, '$.subject'), json_extract(value, '$.period'),
       json_extract(value, '$.context'), json_extract(value, '$.at'), json_extract(value, '$.at'),
       'queued', 0, '', ''
FROM json_each(%s) WHERE true
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Letter:
    """A letter to write. `context` holds only strings, numbers and lists of them: it is kept as JSON."""

    recipient: str
    address: str
    language: str
    kind: str
    subject: str
    context: dict[str, Any]
    at: datetime
    period: str = ""


def queue(
    *,
    recipient: str,
    address: str,
    language: str,
    kind: str,
    subject: str,
    context: dict[str, Any],
    at: datetime,
    period: str = "",
) -> None:
    """Queue one letter. One without an address cannot be mailed; it is read in the portal, or passed to another system."""
    queue_many([Letter(recipient, address, language, kind, subject, context, at, period)])


def queue_many(letters: Iterable[Letter]) -> None:
    """Queue letters, one statement per batch. What is there already stays."""
    rows = (_row(letter) for letter in letters)
    statement = INSERT_POSTGRESQL if is_postgresql() else INSERT_SQLITE
    with transaction.atomic(savepoint=False), hot_cursor() as cursor:
        while batch := list(islice(rows, BATCH)):
            cursor.execute(statement, [json.dumps(batch)])


def _row(letter: Letter) -> dict[str, Any]:
    at = letter.at.isoformat() if is_postgresql() else connection.ops.adapt_datetimefield_value(letter.at)
    return {
        "recipient": letter.recipient,
        "address": letter.address,
        "language": letter.language,
        "kind": letter.kind,
        "subject": letter.subject,
        "period": letter.period,
        "context": letter.context,
        "at": at,
    }
