"""The hash chain of each account: every entry's hash covers its content and the hash of the entry before it (DOMAIN 12.2).

The hashed text is a JSON list of plain values, numbers included, and no personal value: references, pseudonymous actors
and the digest of the explanation, never a name or an address (RELIABILITY R-7).
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

FIRST = b""
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def explanation_digest(explanation: dict[str, Any]) -> str:
    """SHA-256 of an explanation in canonical JSON; empty for an empty one."""
    if not explanation:
        return ""
    text = CANONICAL.encode(explanation)
    return hashlib.sha256(text.encode()).hexdigest()


def instant(at: datetime) -> str:
    """An instant as it is hashed: UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def link(
    previous: bytes,
    *,
    account_id: int,
    number: int,
    kind: str,
    amount: int,
    effective_at: datetime,
    recorded_at: datetime,
    source: str,
    reference: str,
    actor: str,
    explanation: dict[str, Any],
    corrects_id: int | None,
    digest: str | None = None,
) -> bytes:
    """The hash of one entry, 32 bytes, given the hash of the entry before it (`FIRST` for the first).

    `digest` is that of the explanation, where it is known already.
    """
    content = [
        account_id,
        number,
        kind,
        amount,
        instant(effective_at),
        instant(recorded_at),
        source,
        reference,
        actor,
        explanation_digest(explanation) if digest is None else digest,
        corrects_id,
    ]
    text = CANONICAL.encode(content)
    return hashlib.sha256(bytes(previous) + text.encode()).digest()
