"""Secrets at rest: sealed before they reach the database, opened only where they are needed.

The key is derived from the key of the books, which outlives sessions, and from what the secrets are for. A fingerprint finds
a sealed secret again without opening any: without the key nobody can try codes against it.
"""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet
from django.conf import settings


def seal(text: str, *, purpose: str) -> str:
    """Encrypt a secret for the database."""
    return _box(purpose).encrypt(text.encode()).decode()


def opened(sealed: str, *, purpose: str) -> str:
    """Read a secret back."""
    return _box(purpose).decrypt(sealed.encode()).decode()


def seal_many(texts: list[str], *, purpose: str) -> list[str]:
    """Encrypt many secrets."""
    box = _box(purpose)
    return [box.encrypt(text.encode()).decode() for text in texts]


def fingerprint(text: str, *, purpose: str) -> str:
    """By what a secret is found again; tells nothing without the key."""
    return hmac.new(_key(purpose), text.encode(), hashlib.sha256).hexdigest()


def _box(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key(purpose)))


def _key(purpose: str) -> bytes:
    return hashlib.sha256(f"setia {purpose}\0".encode() + settings.BOOKS_KEY.encode()).digest()
