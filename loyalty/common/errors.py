"""The one way a verb says no: a stable code for machines, a sentence for people, and the numbers behind it."""

from typing import Any


class Refusal(Exception):
    """A request that changes nothing, with its reason.

    `code` is stable and part of the API; `message` is a translated sentence that says what happened and what to do
    next; `numbers` holds what the sentence speaks of (for example `missing=120`). `status` is the HTTP status doors
    answer with.
    """

    code = "refused"
    status = 409

    def __init__(self, message: Any, **numbers: Any) -> None:
        super().__init__(message)
        self.message = message
        self.numbers = numbers

    def __str__(self) -> str:
        return str(self.message)
