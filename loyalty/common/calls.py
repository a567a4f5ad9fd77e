"""Calls to other systems: JSON to an address that was set by people, with a time limit and without following anybody elsewhere."""

import urllib.request
from typing import Any


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Where an answer sends us is not where the address was set to: that is an error."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Never."""


def post_json(address: str, body: bytes, *, headers: dict[str, str] | None = None, seconds: float) -> int:
    """The status of the answer, below 400. Raises HTTPError for others, and what urllib raises when there is none."""
    wanted = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(address, body, wanted)  # noqa: S310 - http or https, checked where it is set
    with urllib.request.build_opener(NoRedirects).open(request, timeout=seconds) as answer:
        return int(answer.status)
