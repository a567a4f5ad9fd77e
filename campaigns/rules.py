"""Earning rules as data: what a definition may say, publishing a new version, and which versions count when.

A version counts from its `since` until the next version of the same rule; a campaign's rules count only inside the
campaign's dates and while it is live. Points keep the version that made them (DOMAIN 3.7).
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.earning import FIXED, MULTIPLIER, PURCHASE, RATE, ProgramTerms, RuleTerms
from campaigns.models import Campaign, Rule, RuleVersion
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program

AWARD_FIELDS = {
    RATE: {"points", "per", "qualifying"},
    MULTIPLIER: {"factor", "by_tier", "compounding", "qualifying"},
    FIXED: {"points", "qualifying"},
}
CONDITION_FIELDS = {"activity", "tiers", "channels", "minimum"}
LARGEST = Decimal(1_000_000)


class RuleRefused(Refusal):
    """A rule that cannot be published as it stands; `numbers["errors"]` names the fields."""

    code = "rule_refused"
    status = 422


@transaction.atomic
def publish(rule: Rule, definition: dict[str, Any], *, since: datetime, at: datetime, actor: str) -> RuleVersion:
    """Make a new version of a rule that counts from `since`. Raises RuleRefused.

    Only the first version may begin in the past: later ones would change what was already promised.
    """
    rule = Rule.objects.select_for_update().select_related("program").get(pk=rule.pk)
    errors = problems(definition, tiers=rule.program.tiers.values_list("slug", flat=True))
    last = rule.versions.order_by("-number").first()
    if last and since < at:
        errors["since"] = _("A new version cannot begin in the past. Choose a later time.")
    elif last and since <= last.since:
        errors["since"] = _("A new version must begin after the one before it.")
    if errors:
        raise RuleRefused(" ".join(errors.values()), errors=errors)
    return RuleVersion.objects.create(
        rule=rule,
        number=last.number + 1 if last else 1,
        definition=definition,
        since=since,
        created_at=at,
        created_by=actor,
    )


def check(definition: Any) -> None:
    """Raise Django's ValidationError, field by field, when a definition is not sound (for forms)."""
    errors = problems(definition)
    if errors:
        raise ValidationError([f"{field}: {sentence}" for field, sentence in errors.items()])


def problems(definition: Any, *, tiers: Iterable[str] | None = None) -> dict[str, str]:
    """What is wrong with a definition, as field -> sentence; empty when it is sound."""
    if not isinstance(definition, dict):
        return {"definition": _("A rule is an object with an award and, if you like, conditions.")}
    errors = _unknown(definition, {"award", "conditions"}, "")
    known = None if tiers is None else set(tiers)
    errors |= _award_problems(definition.get("award"), known)
    errors |= _condition_problems(definition.get("conditions", {}), known)
    activity = (definition.get("conditions") or {}).get("activity", PURCHASE) if not errors else PURCHASE
    if activity != PURCHASE and definition["award"]["kind"] != FIXED:
        errors["award.kind"] = _("Only a purchase has an amount: other activities earn fixed points.")
    return errors


def terms_of(version: RuleVersion, rule: Rule) -> RuleTerms:
    """A stored version as the arithmetic reads it."""
    award, conditions = version.definition["award"], version.definition.get("conditions", {})
    campaign = rule.campaign
    known_as = campaign or rule
    names = {"en": known_as.name, "id": known_as.name_id, "ms": known_as.name_ms}
    return RuleTerms(
        slug=rule.slug,
        version=version.number,
        kind=award["kind"],
        points=Fraction(award.get("points", 0)),
        per=Fraction(award.get("per", 1)),
        factor=Fraction(award.get("factor", 1)),
        by_tier={tier: Fraction(factor) for tier, factor in award.get("by_tier", {}).items()},
        compounding=award.get("compounding", False),
        qualifying=award.get("qualifying", award["kind"] == RATE),
        activity=conditions.get("activity", PURCHASE),
        tiers=frozenset(conditions.get("tiers", ())),
        channels=frozenset(conditions.get("channels", ())),
        minimum=Decimal(conditions.get("minimum", "0")),
        campaign=campaign.slug if campaign else "",
        names={language: name for language, name in names.items() if name},
    )


class RuleBook:
    """Every version of a program's counting rules, read once and asked for any instant (for batches)."""

    def __init__(self, terms: Iterable[RuleTerms]) -> None:
        """Cut time at every instant where some rule begins or ends; between two cuts the same rules count."""
        self.all = list(terms)
        self.cuts = sorted({edge for term in self.all for edge in (term.since, term.until) if edge is not None})
        self.known: dict[int, list[RuleTerms]] = {}

    def at(self, instant: datetime) -> list[RuleTerms]:
        """The rules that count at an instant."""
        span = bisect_right(self.cuts, instant)
        if span not in self.known:
            self.known[span] = [
                term
                for term in self.all
                if (term.since is None or term.since <= instant) and (term.until is None or instant < term.until)
            ]
        return self.known[span]


_versions = Prepared(
    lambda: (
        RuleVersion.objects.filter(rule__program=Given("program"), rule__is_active=True)
        .select_related("rule__campaign")
        .order_by("rule_id", "number")
    )
)


def book(program: Program) -> RuleBook:
    """The rule book of a program: one query."""
    by_rule: dict[int, list[RuleVersion]] = {}
    for version in _versions(program=program.pk):
        by_rule.setdefault(version.rule_id, []).append(version)
    return RuleBook(terms for versions in by_rule.values() for terms in _spans(versions))


def in_force(program: Program, at: datetime) -> list[RuleTerms]:
    """The rules that count at an instant."""
    return book(program).at(at)


def program_terms(program: Program, decimals: int = 0) -> ProgramTerms:
    """The program's side of the arithmetic."""
    return ProgramTerms(program.currency, program.base_rules, program.rounding, decimals)


def _spans(versions: list[RuleVersion]) -> list[RuleTerms]:
    """The versions of one rule, each cut to the time in which it counts."""
    campaign = versions[0].rule.campaign
    if campaign and campaign.status != Campaign.Status.LIVE:
        return []
    spans = []
    for version, following in zip(versions, [*versions[1:], None], strict=True):
        since, until = version.since, following.since if following else None
        if campaign:
            since = max(since, campaign.since)
            until = min(until, campaign.until) if until else campaign.until
        if until is None or since < until:
            spans.append(replace(terms_of(version, version.rule), since=since, until=until))
    return spans


def _award_problems(award: Any, tiers: set[str] | None) -> dict[str, str]:
    """What is wrong with the award of a definition."""
    if not isinstance(award, dict):
        return {"award": _("Say what is earned: an award with its kind.")}
    kind = award.get("kind")
    if not isinstance(kind, str) or kind not in AWARD_FIELDS:
        return {"award.kind": _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(AWARD_FIELDS)}}
    errors = _unknown(award, AWARD_FIELDS[kind] | {"kind"}, "award.")
    if kind in (RATE, FIXED):
        errors |= _number_problem(award.get("points"), "award.points", above=Decimal(0))
    if kind == RATE:
        errors |= _number_problem(award.get("per"), "award.per", above=Decimal(0))
    if kind == MULTIPLIER:
        errors |= _number_problem(award.get("factor", "1"), "award.factor", at_least=Decimal(1))
        errors |= _by_tier_problems(award.get("by_tier", {}), tiers)
        if "factor" not in award and "by_tier" not in award:
            errors["award.factor"] = _("Say by how much the points are multiplied.")
    for flag in ("qualifying", "compounding"):
        if flag in award and not isinstance(award[flag], bool):
            errors[f"award.{flag}"] = _("Write true or false.")
    return errors


def _by_tier_problems(by_tier: Any, tiers: set[str] | None) -> dict[str, str]:
    """What is wrong with the factors of single tiers."""
    if not isinstance(by_tier, dict):
        return {"award.by_tier": _("Give a factor for each tier by its short name.")}
    errors = _tier_problems(by_tier, "award.by_tier", tiers)
    for tier, factor in by_tier.items():
        errors |= _number_problem(factor, f"award.by_tier.{tier}", at_least=Decimal(1))
    return errors


def _condition_problems(conditions: Any, tiers: set[str] | None) -> dict[str, str]:
    """What is wrong with the conditions of a definition."""
    if not isinstance(conditions, dict):
        return {"conditions": _("Conditions are an object; leave it out when there are none.")}
    errors = _unknown(conditions, CONDITION_FIELDS, "conditions.")
    if "activity" in conditions and not _is_text(conditions["activity"]):
        errors["conditions.activity"] = _("Write “purchase” or the kind of an event.")
    for name in ("tiers", "channels"):
        values = conditions.get(name, [])
        if not isinstance(values, list) or not all(_is_text(value) for value in values):
            errors[f"conditions.{name}"] = _("Write a list of short names.")
        elif name == "tiers":
            errors |= _tier_problems(values, "conditions.tiers", tiers)
    if "minimum" in conditions:
        errors |= _number_problem(conditions["minimum"], "conditions.minimum", at_least=Decimal(0))
    return errors


def _tier_problems(slugs: Iterable[str], field: str, tiers: set[str] | None) -> dict[str, str]:
    """Tiers that the program does not have."""
    unknown = [slug for slug in slugs if tiers is not None and slug not in tiers]
    return {field: _("There is no tier “%(tier)s”.") % {"tier": unknown[0][:100]}} if unknown else {}


def _number_problem(
    value: Any, field: str, *, above: Decimal | None = None, at_least: Decimal | None = None
) -> dict[str, str]:
    """A number written as text ("1.5"), within its bounds; JSON's own numbers are inexact and refused."""
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        return {field: _("Write a plain number in quotes, such as “1.5”.")}
    if number > LARGEST or (number * 10**6) % 1:
        return {field: _("Use at most %(largest)s and six decimals.") % {"largest": LARGEST}}
    if above is not None and number <= above:
        return {field: _("Must be more than %(least)s.") % {"least": above}}
    if at_least is not None and number < at_least:
        return {field: _("Must be at least %(least)s.") % {"least": at_least}}
    return {}


def _unknown(value: dict[str, Any], allowed: set[str], prefix: str) -> dict[str, str]:
    """Fields that mean nothing here."""
    return {
        f"{prefix}{name}"[:100]: _("This field is not known. Known are: %(fields)s.")
        % {"fields": ", ".join(sorted(allowed))}
        for name in value
        if name not in allowed
    }


def _is_text(value: Any) -> bool:
    """Whether a value is a short text."""
    return isinstance(value, str) and 0 < len(value) <= 64
