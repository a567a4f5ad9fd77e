"""What is hashed of an entry is canonical JSON, whatever stands in its texts (RELIABILITY R-7)."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from loyalty.ledger import chain
from loyalty.ledger.models import Entry

AT = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=7)))


@pytest.mark.parametrize("source", ["till", 'é "漢" \\ \t\x00', "\ud800", ""])
@pytest.mark.parametrize("corrects_id", [None, 7])
@pytest.mark.parametrize("reason", ["", "the till's clock"])
def test_what_an_entry_says_is_hashed_as_canonical_json(source, corrects_id, reason):
    told = {"points": 5, "steps": [{"rule": "base"}]}
    said = chain.after_number(
        kind=Entry.Kind.ACCRUAL, amount=-5, effective_at=AT, recorded_at=AT, source=source, reference=f"r:{source}", actor="a",
        explanation=told, corrects_id=corrects_id, reason=reason,
    )  # fmt: skip
    when, digest = (
        "2026-03-01T05:00:00.000000+00:00",
        hashlib.sha256(b'{"points":5,"steps":[{"rule":"base"}]}').hexdigest(),
    )
    content = ["accrual", -5, when, when, source, f"r:{source}", "a", digest, corrects_id]
    content += [hashlib.sha256(reason.encode()).hexdigest()] if reason else []
    assert said == json.dumps(content, separators=(",", ":"), ensure_ascii=True)[1:]
    text = f"[3,2,{said}".encode()
    assert chain.link(b"x", account_id=3, number=2, kind=Entry.Kind.ACCRUAL, amount=-5, effective_at=AT.astimezone(UTC),
                      recorded_at=AT, source=source, reference=f"r:{source}", actor="a", explanation=told,
                      corrects_id=corrects_id, reason=reason) == hashlib.sha256(b"x" + text).digest()  # fmt: skip
