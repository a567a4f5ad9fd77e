"""The hash chain of each account: every entry's hash covers its content and the hash of the entry before it (DOMAIN 12.2).

The hashed text is a JSON list of plain values, numbers included, and no personal value: references, pseudonymous actors
and the digest of the explanation, never a name or an address (RELIABILITY R-7).
"""

import hashlib
import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

FIRST = b""
quoted = json.encoder.encode_basestring_ascii
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def explanation_digest(explanation: dict[str, Any]) -> str:
    """SHA-256 of an explanation in canonical JSON; empty for an empty one."""
    if not explanation:
        return ""
    text = CANONICAL.encode(explanation)
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=4096)
def instant(at: datetime) -> str:
    """An instant as it is hashed: UTC, to the microsecond. Batches repeat their instants."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def after_number(
    *,
    kind: str,
    amount: int,
    effective_at: datetime,
    recorded_at: datetime,
    source: str,
    reference: str,
    actor: str,
    explanation: dict[str, Any],
    corrects_id: int | None,
    reason: str = "",
    digest: str | None = None,
) -> str:
    """The hashed text of an entry from its kind on: all that does not depend on where in which account it stands.

    `digest` is that of the explanation, where it is known already. A reason is typed by people, so only its digest is
    hashed; an entry without one says nothing about it.
    """
    digest = explanation_digest(explanation) if digest is None else digest
    reasoned = f',"{hashlib.sha256(reason.encode()).hexdigest()}"' if reason else ""
    return (
        f'{quoted(kind)},{amount:d},"{instant(effective_at)}","{instant(recorded_at)}",{quoted(source)},{quoted(reference)},'
        f'{quoted(actor)},"{digest}",{"null" if corrects_id is None else corrects_id}{reasoned}]'
    )


def link(previous: bytes, *, account_id: int, number: int, **content: Any) -> bytes:
    """The hash of one entry, 32 bytes, given the hash of the entry before it (`FIRST` for the first) and what it says."""
    text = f"[{account_id},{number},{after_number(**content)}"
    return hashlib.sha256(bytes(previous) + text.encode()).digest()
