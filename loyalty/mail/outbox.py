"""Writing letters. A letter is queued in the same transaction as its cause, so neither exists without the other.

It is unique by (recipient, kind, subject, period): a cause that happens twice writes one letter, a repeat is silently
nothing. Nothing is sent here; `loyalty.mail.delivery` does that later (DOMAIN 11.1, RELIABILITY R-6).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loyalty.mail.models import Message

BATCH = 500


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
    """Queue one letter. Without an address there is nobody to write to, and no letter is made."""
    queue_many([Letter(recipient, address, language, kind, subject, context, at, period)])


def queue_many(letters: Iterable[Letter]) -> None:
    """Queue letters, one statement per batch. What is there already stays; letters without an address are left out."""
    rows = [
        Message(
            recipient=letter.recipient,
            address=letter.address,
            language=letter.language,
            kind=letter.kind,
            subject=letter.subject,
            period=letter.period,
            context=letter.context,
            queued_at=letter.at,
            due_at=letter.at,
        )
        for letter in letters
        if letter.address
    ]
    Message.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
