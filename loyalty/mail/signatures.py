"""Signatures on calls between Setia and systems that carry or return letters: `t=<unix time>,v1=<HMAC-SHA256 of "t.body">`."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

HEADER = "Setia-Signature"
FRESH_FOR = timedelta(minutes=5)
SIGNED = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def sign(body: bytes, secret: str, *, at: datetime) -> str:
    """The value of the header for a body, at an instant."""
    moment = str(int(at.timestamp()))
    return f"t={moment},v1={_digest(moment, body, secret)}"


def holds(header: str, body: bytes, secret: str, *, at: datetime) -> bool:
    """Whether a header signs this body with this secret, not longer ago than FRESH_FOR. Without a secret nothing does."""
    found = SIGNED.fullmatch(header.strip())
    if not found or not secret:
        return False
    is_fresh = abs(at.timestamp() - int(found[1])) <= FRESH_FOR.total_seconds()
    return hmac.compare_digest(found[2], _digest(found[1], body, secret)) and is_fresh


def _digest(moment: str, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
