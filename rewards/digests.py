"""By what a code is found again without being compared letter by letter."""

import hashlib


def code_digest(code: str) -> str:
    """The digest a voucher is found by. `code` is in its stored form (`normal_code`)."""
    return hashlib.sha256(code.encode()).hexdigest()
