"""A shop's own program that calls the API, for the tests."""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from loyalty.ledger.models import Program
from loyalty.pos import keys
from loyalty.pos.models import Store

OPENED = datetime(2026, 1, 1, tzinfo=UTC)


class Shop:
    """Calls the API with its own key. Every post has a new Idempotency-Key unless one is given."""

    def __init__(self, program: Program, *, scopes: Iterable[str] = tuple(keys.SCOPES), store: Store | None = None):
        """A shop with a key of this program."""
        self.key, self.secret = keys.create(program, name="test", scopes=scopes, at=OPENED, actor="test", store=store)
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        """A reading call."""
        return self.client.get(f"/api/v1{path}", query, headers=self._headers())

    def post(self, path: str, body: Any, *, key: str | None = None, **headers: str) -> Any:
        """A writing call. Text or bytes go as they are, all else as JSON."""
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Idempotency-Key": key or uuid.uuid4().hex} | headers
        kind = headers.pop("Content-Type", "application/json")
        return self.client.post(f"/api/v1{path}", raw, content_type=kind, headers=self._headers() | headers)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def code_of(response: Any) -> str:
    """The code of a problem answer, after a look at its form."""
    assert response["Content-Type"] == "application/problem+json", response.content[:300]
    body = response.json()
    assert set(body) == {"type", "title", "status", "code", "detail", "errors", "numbers", "request_id"}
    assert body["status"] == response.status_code
    assert body["detail"] and body["title"] and body["request_id"]
    return body["code"]
