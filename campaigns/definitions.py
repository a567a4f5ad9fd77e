"""What a rule's definition may say, as data: award, conditions, caps, how it stands to others, how long its points last (DOMAIN 3.2 to 3.4, 9.1).

One table says of each field its shape; from it come the JSON schema that is published, the sentences about what is wrong, and
the terms that the arithmetic reads. Unknown fields are refused, so that a rule never means less than it says.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from campaigns.shapes import (
    BIRTHDAY,
    COUNT,
    DAY_SPANS,
    DAYS,
    FACTOR,
    FLAG,
    FREQUENCY,
    GROUP,
    HOURS,
    MONEY,
    NAME,
    ON,
    PERIOD,
    POSITIVE,
    PRIORITY,
    WEEKDAYS,
    WORDS,
    YEARLY,
    Shape,
    is_word,
)
from campaigns.terms import BASKET, FIXED, LINES, MULTIPLIER, PURCHASE, RATE, UNIT, USUAL_PRIORITY

AWARDS: dict[str, dict[str, Shape]] = {
    RATE: {"points": POSITIVE, "per": POSITIVE, "on": ON, "qualifying": FLAG},
    MULTIPLIER: {"factor": FACTOR, "on": ON, "compounding": FLAG, "qualifying": FLAG},
    FIXED: {"points": POSITIVE, "qualifying": FLAG},
    UNIT: {"points": POSITIVE, "qualifying": FLAG},
}
NEEDED = {RATE: ("points", "per"), FIXED: ("points",), UNIT: ("points",), MULTIPLIER: ()}
# Conditions that a field of RuleTerms keeps, and those that `campaigns.conditions` judges by name.
GOODS = ("products", "categories", "brands", "collections", "suppliers")
OWN = {"tiers": WORDS, "channels": WORDS, "minimum": MONEY} | dict.fromkeys(GOODS, WORDS)
CONDITIONS: dict[str, Shape] = OWN | {
    "maximum": MONEY, "lines_minimum": MONEY, "lines_maximum": MONEY, "quantity": POSITIVE,
    "stores": WORDS, "partners": WORDS, "payments": WORDS, "languages": WORDS, "segments": WORDS,
    "new_within_days": DAYS, "member_for_days": DAYS, "birthday": BIRTHDAY,
    "dates": DAY_SPANS, "seasons": WORDS, "yearly": YEARLY, "weekdays": WEEKDAYS, "hours": HOURS,
    "first_in": PERIOD, "nth": COUNT, "every_nth": COUNT, "frequency": FREQUENCY,
}  # fmt: skip
CAPS: dict[str, Shape] = dict.fromkeys(("purchase", "day", "week", "month", "year", "lifetime"), POSITIVE) | {
    "refuse": FLAG
}
STACKING: dict[str, Shape] = {"priority": PRIORITY, "group": GROUP, "exclusive": FLAG, "not_with": WORDS}
# The named expiry policy of the main wallet that its points follow.
EXPIRY: dict[str, Shape] = {"policy": NAME}
PARTS = {"conditions": CONDITIONS, "caps": CAPS, "stacking": STACKING, "expiry": EXPIRY}
ABOUT_LINES = ("lines_minimum", "lines_maximum")
NEEDS_PURCHASE = {
    *GOODS, "minimum", "maximum", "lines_minimum", "lines_maximum", "quantity", "payments", "channels", "stores",
}  # fmt: skip


def check(definition: Any) -> None:
    """Raise Django's ValidationError, field by field, when a definition is not sound (for forms)."""
    errors = problems(definition)
    if errors:
        raise ValidationError([f"{field}: {sentence}" for field, sentence in errors.items()])


def problems(definition: Any, *, tiers: Iterable[str] | None = None) -> dict[str, str]:
    """What is wrong with a definition, as field -> sentence; empty when it is sound."""
    if not isinstance(definition, dict):
        return {"definition": _("A rule is an object with an award and, if you like, conditions.")}
    known = None if tiers is None else set(tiers)
    errors = _unknown(definition, {"award", *PARTS}, "") | _award_problems(definition.get("award"), known)
    for part, fields in PARTS.items():
        errors |= _part_problems(definition.get(part, {}), part, fields)
    if not errors:
        errors = _tier_problems(definition.get("conditions", {}).get("tiers", ()), "conditions.tiers", known)
    return errors or _senseless(definition["award"], definition.get("conditions", {}))


def terms_fields(definition: Mapping[str, Any], seasons: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as the fields of RuleTerms; `seasons` maps a season's short name to its (first day, last day) pairs."""
    award, told = definition["award"], definition.get("conditions", {})
    caps, stacking = definition.get("caps", {}), definition.get("stacking", {})
    read = {
        name: CONDITIONS[name].read(value) for name, value in told.items() if name in CONDITIONS and name not in OWN
    }
    if "seasons" in read:
        read["seasons"] = tuple(span for slug in read["seasons"] for span in seasons.get(slug, ()))
    about_lines = any(told.get(name) for name in GOODS)
    return {
        "kind": award["kind"],
        "points": Fraction(award.get("points", 0)),
        "per": Fraction(award.get("per", 1)),
        "factor": Fraction(award.get("factor", 1)),
        "by_tier": {tier: Fraction(factor) for tier, factor in award.get("by_tier", {}).items()},
        "compounding": award.get("compounding", False),
        "qualifying": award.get("qualifying", award["kind"] == RATE),
        "on": award.get("on", LINES if about_lines else BASKET) if about_lines else BASKET,
        "activity": told.get("activity", PURCHASE),
        "tiers": frozenset(told.get("tiers", ())),
        "channels": frozenset(told.get("channels", ())),
        **{name: frozenset(told.get(name, ())) for name in GOODS},
        "minimum": Decimal(told.get("minimum", "0")),
        "conditions": tuple(read.items()),
        "caps": tuple((name, Fraction(most)) for name, most in caps.items() if name != "refuse"),
        "refuses": caps.get("refuse", False),
        "priority": stacking.get("priority", USUAL_PRIORITY),
        "group": stacking.get("group", "all"),
        "exclusive": stacking.get("exclusive", False),
        "not_with": frozenset(stacking.get("not_with", ())),
        "expiry": definition.get("expiry", {}).get("policy", ""),
    }


def schema() -> dict[str, Any]:
    """The JSON schema of definitions (2020-12), as docs/rule.schema.json has it."""
    awards = []
    for kind, fields in AWARDS.items():
        properties: dict[str, Any] = {"kind": {"const": kind}} | {name: shape.schema for name, shape in fields.items()}
        if kind == MULTIPLIER:
            properties["by_tier"] = {"type": "object", "additionalProperties": FACTOR.schema}
        awards.append(_object(properties, ["kind", *NEEDED[kind]]))
    activity = {"type": "string", "minLength": 1, "maxLength": 64}
    parts: dict[str, Any] = {
        part: _object({name: shape.schema for name, shape in fields.items()}) for part, fields in PARTS.items()
    }
    parts["conditions"]["properties"]["activity"] = activity
    parts["expiry"]["description"] = (
        "The named policy that its points follow: when they end, and from when they can be spent."
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Earning rule",
        **_object({"award": {"oneOf": awards}, **parts}, ["award"]),
    }


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    described = {"type": "object", "additionalProperties": False, "properties": properties}
    return described | {"required": required} if required else described


def _award_problems(award: Any, tiers: set[str] | None) -> dict[str, str]:
    """What is wrong with the award of a definition."""
    if not isinstance(award, dict):
        return {"award": _("Say what is earned: an award with its kind.")}
    kind = award.get("kind")
    if not isinstance(kind, str) or kind not in AWARDS:
        return {"award.kind": _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(AWARDS)}}
    fields = AWARDS[kind]
    extra = {"kind", "by_tier"} if kind == MULTIPLIER else {"kind"}
    errors = _unknown(award, fields.keys() | extra, "award.")
    for name, shape in fields.items():
        if name in award or name in NEEDED[kind]:
            sentence = shape.problem(award.get(name))
            errors |= {f"award.{name}": sentence} if sentence else {}
    if kind == MULTIPLIER:
        errors |= _by_tier_problems(award.get("by_tier", {}), tiers)
        if "factor" not in award and "by_tier" not in award:
            errors["award.factor"] = _("Say by how much the points are multiplied.")
    return errors


def _by_tier_problems(by_tier: Any, tiers: set[str] | None) -> dict[str, str]:
    """What is wrong with the factors of single tiers."""
    if not isinstance(by_tier, dict):
        return {"award.by_tier": _("Give a factor for each tier by its short name.")}
    errors = _tier_problems(by_tier, "award.by_tier", tiers)
    for tier, factor in by_tier.items():
        sentence = FACTOR.problem(factor)
        errors |= {f"award.by_tier.{tier}"[:100]: sentence} if sentence else {}
    return errors


def _part_problems(told: Any, part: str, fields: Mapping[str, Shape]) -> dict[str, str]:
    """What is wrong with the conditions, the caps, or how the rule stands to others."""
    if not isinstance(told, dict):
        return {part: _("Write an object with fields; leave it out when there is nothing to say.")}
    errors = _unknown(told, fields.keys() | ({"activity"} if part == "conditions" else set()), f"{part}.")
    for name, value in told.items():
        if name in fields:
            sentence = fields[name].problem(value)
            errors |= {f"{part}.{name}": sentence} if sentence else {}
    if part == "conditions" and "activity" in told and not is_word(told["activity"]):
        errors["conditions.activity"] = _("Write “purchase” or the kind of an event.")
    return errors


def _senseless(award: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, str]:
    """What is sound field by field, but says nothing together."""
    if told.get("activity", PURCHASE) != PURCHASE:
        if award["kind"] != FIXED:
            return {"award.kind": _("Only a purchase has an amount: other activities earn fixed points.")}
        wrong = sorted(NEEDS_PURCHASE & told.keys())
        if wrong:
            return {f"conditions.{wrong[0]}": _("Only a purchase has this. Leave it out for other activities.")}
    about_lines = any(told.get(name) for name in GOODS)
    for name in ABOUT_LINES:
        if name in told and not about_lines:
            return {f"conditions.{name}": _("Say of which products, categories, brands, collections or suppliers.")}
    for least, most in (("minimum", "maximum"), ("lines_minimum", "lines_maximum")):
        if least in told and most in told and Decimal(told[most]) < Decimal(told[least]):
            return {f"conditions.{most}": _("The most cannot be less than the least.")}
    if award.get("on") == LINES and not about_lines:
        return {"award.on": _("Say of which products, categories, brands, collections or suppliers.")}
    return {}


def _tier_problems(slugs: Iterable[str], field: str, tiers: set[str] | None) -> dict[str, str]:
    """Tiers that the program does not have."""
    unknown = [slug for slug in slugs if tiers is not None and slug not in tiers]
    return {field: _("There is no tier “%(tier)s”.") % {"tier": unknown[0][:100]}} if unknown else {}


def _unknown(value: Mapping[str, Any], allowed: Iterable[str], prefix: str) -> dict[str, str]:
    """Fields that mean nothing here."""
    known = set(allowed)
    return {
        f"{prefix}{name}"[:100]: _("This field is not known. Known are: %(fields)s.")
        % {"fields": ", ".join(sorted(known))}
        for name in value
        if name not in known
    }
