"""The API reference as people read it: each door with its fields, an example call and an example answer."""

import json
from typing import Any

from django.utils.translation import gettext as _

from loyalty.pos.keys import SCOPES

METHODS = ("get", "post")
EXAMPLES = {
    "date-time": "2026-03-01T05:00:00Z",
    "date": "2026-03-31",
}


PROBLEM = {
    "type": "urn:setia:problem:insufficient_points",
    "title": "Not possible now",
    "status": 409,
    "code": "insufficient_points",
    "detail": "Missing: 120 points. This reward costs 500 points, and 380 points can be spent now.",
    "errors": [],
    "numbers": {"missing": 120, "available": 380},
    "request_id": "9f1c7a52e0b34c1d8a3f5e7d2b6c4a10",
}


def shown(schema: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of an OpenAPI description."""
    schemas = schema["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                door = _door(path, method, methods[method], schemas)
                groups.setdefault(methods[method]["tags"][0], []).append(door)
    titles = {
        "Members": _("Members"),
        "Purchases and events": _("Purchases and events"),
        "Rewards and vouchers": _("Rewards and vouchers"),
    }
    return {
        "groups": [(titles.get(name, name), doors) for name, doors in groups.items()],
        "scopes": SCOPES.items(),
        "version": schema["info"]["version"],
        "problem": _pretty(PROBLEM),
        "problem_fields": _fields(schemas["Problem"], schemas),
    }


def _door(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """One door."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = [(status, answer) for status, answer in operation["responses"].items() if str(status).startswith("2")]
    answer = answers[0][1]["content"]["application/json"]["schema"]
    example = body and _pretty(_example(body, schemas))
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": _(operation["summary"]),
        "description": _(operation["description"]),
        "scope": operation["x-scope"],
        "parameters": [_parameter(parameter) for parameter in operation["parameters"]],
        "fields": _fields(_resolved(body, schemas), schemas) if body else [],
        "statuses": ", ".join(str(status) for status, _answer in answers),
        "answer_fields": _fields(_resolved(answer, schemas), schemas),
        "call": _call(path, method, example),
        "answer": _pretty(_example(answer, schemas)),
    }


def _call(path: str, method: str, example: str | None) -> str:
    """The call as one types it."""
    lines = [f"{method.upper()} {path}", "Authorization: Bearer setia_…"]
    if method == "post":
        lines += ["Idempotency-Key: 5f0c6c1e-…", "Content-Type: application/json"]
    return "\n".join([*lines, "", example]) if example else "\n".join(lines)


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter of the path, the query or the headers."""
    places = {"path": _("in the address"), "query": _("after the ?"), "header": _("as a header")}
    return {
        "name": parameter["name"],
        "place": places[parameter["in"]],
        "is_needed": parameter["required"],
        "description": parameter.get("description", ""),
    }


def _fields(schema: dict[str, Any], schemas: dict[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """The fields of an object and of the objects in it, one row each."""
    rows = []
    needed = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        inner, is_list, can_be_null = _inner(field, schemas)
        rows.append(
            {
                "name": prefix + name,
                "kind": _kind(inner, is_list, can_be_null),
                "is_needed": name in needed,
                "limits": _limits(field if not is_list else inner) or _limits(inner),
            }
        )
        rows += _fields(inner, schemas, f"{prefix}{name}{'[]' if is_list else ''}.")
    return rows


def _inner(field: dict[str, Any], schemas: dict[str, Any]) -> tuple[dict[str, Any], bool, bool]:
    """A field without its wrappings: what it holds, whether a list of it, whether it can be null."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    can_be_null = len(options) < len(field.get("anyOf", [field]))
    inner = _resolved(options[0], schemas)
    if inner.get("type") == "array":
        return _resolved(inner["items"], schemas), True, can_be_null
    return inner, False, can_be_null


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed."""
    for wrapped in schema.get("allOf", []):
        return _resolved(wrapped, schemas)
    if "$ref" in schema:
        return schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _kind(schema: dict[str, Any], is_list: bool, can_be_null: bool) -> str:
    """What kind of value, in words."""
    kinds = {
        "string": _("text"),
        "integer": _("whole number"),
        "boolean": _("true or false"),
        "object": _("object"),
    }
    formats = {"date-time": _("date and time"), "date": _("day")}
    kind = formats.get(schema.get("format", "")) or kinds.get(schema.get("type", ""), _("text"))
    if is_list:
        kind = _("list of: %(kind)s") % {"kind": kind}
    return _("%(kind)s or null") % {"kind": kind} if can_be_null else kind


def _limits(schema: dict[str, Any]) -> str:
    """What a value must keep to."""
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("examples") and "pattern" in schema:
        return _("for example %(example)s") % {"example": schema["examples"][0]}
    if "maxLength" in schema:
        return _("at most %(most)s characters") % {"most": schema["maxLength"]}
    if "maximum" in schema:
        return _("%(least)s to %(most)s") % {"least": schema.get("minimum", ""), "most": schema["maximum"]}
    return ""


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value such a schema could hold."""
    if schema.get("examples"):
        return schema["examples"][0]
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    if options:
        return _example(options[0], schemas)
    schema = _resolved(schema, schemas)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    if "properties" in schema:
        return {
            name: _named(schema.get("title", ""), name, _example(field, schemas))
            for name, field in schema["properties"].items()
        }
    if schema.get("format") in EXAMPLES:
        return EXAMPLES[schema["format"]]
    if schema.get("examples"):
        return schema["examples"][0]
    return {"integer": 0, "boolean": True, "object": {}}.get(schema.get("type", ""), "")


def _named(title: str, name: str, value: Any) -> Any:
    """The value that reads like life for this field, where it is of the same kind; else the plain one."""
    known = NAMED.get(f"{title}.{name}", NAMED.get(name, value))
    return known if known is None or isinstance(known, type(value)) else value


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


# Values that make an example read like life.
NAMED: dict[str, Any] = {
    "member": "405512345678",
    "number": "405512345678",
    "name": "Ani Wijaya",
    "email": "ani@example.com",
    "phone": "+62 812 3456 7890",
    "source": "pos",
    "source_key": "C-1042",
    "receipt": "R-2026-0042",
    "key": "review-77",
    "code": "7KQ2-M9XD-4TWB-ZR6A",
    "till": "till-3",
    "store": "senayan",
    "channel": "store",
    "product": "latte",
    "category": "coffee",
    "brand": "kopi-tua",
    "collection": "harvest",
    "supplier": "toba-roasters",
    "quantity": "2",
    "total": "90000.00",
    "amount": "90000.00",
    "tax": "0.00",
    "delivery": "0.00",
    "paid_with_points": "0.00",
    "reward": "free-latte",
    "reward_name": "Free latte",
    "reference": "order-1042",
    "redemption": "order-1042",
    "cost": 120,
    "points": 90,
    "available": 210,
    "wallet": "points",
    "next": None,
    "items": 2,
    "limits": [],
    "near_misses": [],
    "BalanceOut.name": "points",
    "TierOut.name": "Bronze",
    "TierOut.waiting_until": None,
    "RewardOut.name": "Free latte",
    "OfferOut.name": "Free latte",
    "EntryOut.amount": 90,
    "OfferOut.missing": 0,
    "VoucherOut.expires_at": "2026-03-31T17:00:00Z",
    "VoucherOut.till": "",
    "VoucherOut.receipt": "",
    "TierOut.counts_until": "2027-02-28T17:00:00Z",
    "MemberOut.birthday": "1990-12-31",
    "RedemptionIn.source": "web",
    "language": "en",
    "summary": "One latte of any size.",
    "reason": "",
    "is_repeat": False,
    "ended_at": None,
    "used_at": None,
    "offered_from": None,
    "offered_until": None,
    "from_tier": None,
    "limit_per_member": 1,
    "voucher_days": 30,
    "left": 40,
    "after": 210,
    "measured": "90",
    "missing": "910",
    "metric": "points",
    "tier": "bronze",
    "refusal": None,
    "currency": "IDR",
    "explanation": "90 points: 1 point per Rp1,000 on Rp90,000",
    "title": "Purchase R-2026-0042",
}
