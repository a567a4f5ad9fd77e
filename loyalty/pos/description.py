"""What is true of every door, added to the OpenAPI description once: the errors, the headers, the key."""

from typing import Any

PROBLEM = {
    "title": "Problem",
    "type": "object",
    "description": "Why a call was refused: `code` is stable, `detail` is a sentence in the caller's language.",
    "properties": {
        "type": {"type": "string", "examples": ["urn:setia:problem:insufficient_points"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["insufficient_points"]},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["field", "code", "message"],
            },
        },
        "numbers": {
            "type": "object",
            "description": "The numbers that `detail` speaks of.",
            "examples": [{"missing": 120}],
        },
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail", "errors", "numbers", "request_id"],
}
ALWAYS = {
    "401": "No API key, or one that is not valid",
    "403": "The key lacks the scope",
    "404": "Not there, or not in the program of this key",
    "422": "Not acceptable as it was sent",
    "429": "Too many tries; Retry-After says how long to wait",
    "500": "Something broke on our side; nothing was changed",
    "503": "Too busy; nothing was changed; Retry-After says when to send the same call again",
}
WITH_A_BODY = {
    "400": "A body that is no JSON",
    "413": "The body is too large",
    "415": "The body is not declared as JSON",
}
WHEN_WRITING = WITH_A_BODY | {
    "400": "No Idempotency-Key, or a body that is no JSON",
    "409": "Refused by a rule of the program, or the first call is still running",
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "description": "A new random value for each new call. A retry with the same value gets the first answer again, for 90 days.",
}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` when this is the first answer again.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def completed(schema: dict[str, Any]) -> dict[str, Any]:
    """The description with errors, headers and scopes on every operation."""
    schema["components"]["schemas"]["Problem"] = PROBLEM
    for path in schema["paths"].values():
        for operation in path.values():
            _complete(operation)
    return schema


def _complete(operation: dict[str, Any]) -> None:
    """Add to one operation what is true of all of its kind."""
    writes = operation.pop("x-writes", False)
    responses = operation["responses"]
    more = WHEN_WRITING if writes else WITH_A_BODY if "requestBody" in operation else {}
    for status, text in (ALWAYS | more).items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[status] = {"description": text, "content": content}
    if not writes:
        return
    operation["parameters"] = [*operation["parameters"], IDEMPOTENCY_KEY]
    for response in responses.values():
        response["headers"] = REPLAYED
