"""The arithmetic of an award, and nothing else: no database, no clock.

Base rules are combined (the best one or their sum), multiplied (campaigns add their extra parts: 2x and 3x make 4x),
fixed bonuses are added, and the result is rounded once (DOMAIN 3.3). Numbers are exact fractions until that rounding.
Every award carries its explanation, and `recompute` gets the same points from the explanation alone (DOMAIN 3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

RATE, MULTIPLIER, FIXED = "rate", "multiplier", "fixed"
PURCHASE = "purchase"
ONE = Fraction(1)
HALF = Fraction(1, 2)
NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What one version of a rule says. `since` and `until` bound the instants at which it counts (exclusive end).

    `points` is in whole points; `per` is an amount of money; `factor` is for every tier that `by_tier` does not name.
    An empty `tiers` or `channels` means any.
    """

    slug: str
    version: int
    kind: str
    points: Fraction = NOTHING
    per: Fraction = ONE
    factor: Fraction = ONE
    by_tier: dict[str, Fraction] = field(default_factory=dict)
    compounding: bool = False
    qualifying: bool = False
    activity: str = PURCHASE
    tiers: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    minimum: Decimal = Decimal(0)
    since: datetime | None = None
    until: datetime | None = None
    campaign: str = ""
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Basket:
    """What earns in one activity: the eligible amount of each line (one line when the till sent none).

    An event that is no purchase has no lines and `activity` is its kind.
    """

    lines: Sequence[Decimal] = ()
    channel: str = ""
    activity: str = PURCHASE


@dataclass(frozen=True, slots=True)
class ProgramTerms:
    """The program's side of the arithmetic: how base rules combine, how the result is rounded, in which money."""

    currency: str
    base_rules: str = "best"
    rounding: str = "floor"
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Award:
    """What an activity earned, in the wallet's smallest unit, with the part of each line and the explanation."""

    points: int
    qualifying: int
    shares: list[int]
    explanation: dict[str, Any]
    rule_version: str


def rate(basket: Basket, tier: str, rules: Sequence[RuleTerms], occurred_at: datetime, program: ProgramTerms) -> Award:
    """The award for a basket bought at `occurred_at` by a member in `tier`, under the given rules."""
    lines = basket.lines
    eligible = lines[0] if len(lines) == 1 else sum(lines, Decimal(0))
    amount = Fraction(*eligible.as_integer_ratio())
    counting, near = _counting(basket, tier, rules, occurred_at, eligible)
    steps = _steps(counting, tier, amount, program.base_rules)
    explanation: dict[str, Any] = {
        "activity": basket.activity,
        "currency": program.currency,
        "eligible": str(eligible),
        "tier": tier,
        "rounding": program.rounding,
        "steps": [step.shown for step in steps],
    }
    if basket.channel:
        explanation["channel"] = basket.channel
    if program.decimals:
        explanation["decimals"] = program.decimals
    if near:
        explanation["near"] = near
    points, qualifying = _finish(steps, explanation)
    shares = [points] if len(lines) == 1 else split(points, [Fraction(*line.as_integer_ratio()) for line in lines])
    version = ",".join([f"{step.terms.slug}@{step.terms.version}" for step in steps])
    return Award(points, qualifying, shares, explanation, version)


def recompute(explanation: dict[str, Any]) -> tuple[int, int]:
    """Points and qualifying points once more, from the stored inputs of an explanation alone."""
    amount = Fraction(explanation["eligible"])
    terms = [_terms_of(step) for step in explanation["steps"]]
    steps = _steps(terms, explanation["tier"], amount, "sum")
    return _finish(steps, dict(explanation))


def split(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """A whole number laid over weights by largest remainder: exact sum, earlier lines first among equals.

    Where nothing weighs anything, the first line takes it all.
    """
    if not weights:
        return []
    whole = sum(weights)
    if not whole:
        return [total] + [0] * (len(weights) - 1)
    exact = [Fraction(total) * weight / whole for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def round_points(exact: Fraction, rounding: str) -> int:
    """The one rounding: `floor`, `half_up` or `ceiling`, of a number that is never negative."""
    if rounding == "floor":
        return exact.numerator // exact.denominator
    if rounding == "ceiling":
        return -(-exact.numerator // exact.denominator)
    rounded = exact + HALF
    return rounded.numerator // rounded.denominator


def text(number: Fraction) -> str:
    """An exact number as text: a plain decimal where it ends ("12.66"), else a fraction ("38/3")."""
    places = _places(number.denominator)
    if places == 0:
        return str(number.numerator)
    if places is None:
        return f"{number.numerator}/{number.denominator}"
    digits = str(abs(number.numerator) * (10**places // number.denominator)).zfill(places + 1)
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


@lru_cache(maxsize=4096)
def _places(denominator: int) -> int | None:
    """How many decimal places a fraction with this denominator needs; None when it never ends."""
    return next((places for places in range(19) if 10**places % denominator == 0), None)


def _counting(
    basket: Basket, tier: str, rules: Sequence[RuleTerms], occurred_at: datetime, eligible: Decimal
) -> tuple[list[RuleTerms], list[dict[str, Any]]]:
    """The rules whose conditions hold, and those that only the amount kept out (with what was missing)."""
    counting, near = [], []
    for terms in rules:
        if not (
            terms.activity == basket.activity
            and (not terms.tiers or tier in terms.tiers)
            and (not terms.channels or basket.channel in terms.channels)
            and (terms.since is None or terms.since <= occurred_at)
            and (terms.until is None or occurred_at < terms.until)
        ):
            continue
        if eligible >= terms.minimum:
            counting.append(terms)
        else:
            near.append(_named(terms, {"missing": str(terms.minimum - eligible)}))
    return counting, near


class Step(NamedTuple):
    """One step of a computation: by which terms, the exact points it gives, and how the explanation shows it."""

    terms: RuleTerms
    gives: Fraction
    shown: dict[str, Any]


def _steps(counting: Sequence[RuleTerms], tier: str, amount: Fraction, base_rules: str) -> list[Step]:
    """The steps of the computation in their order, each with the number it gives."""
    base = [_base_step(terms, amount) for terms in counting if terms.kind == RATE]
    if base_rules == "best" and len(base) > 1:
        base = [max(base, key=lambda step: step.gives)]
    if len(counting) == len(base):
        return base
    total = sum((step.gives for step in base), NOTHING)
    multiplied = _multiplied([terms for terms in counting if terms.kind == MULTIPLIER], tier, total)
    fixed = [
        Step(terms, terms.points, _named(terms, {"points": text(terms.points), "gives": text(terms.points)}))
        for terms in counting
        if terms.kind == FIXED
    ]
    return base + multiplied + fixed


def _base_step(terms: RuleTerms, amount: Fraction) -> Step:
    """So many points per so much money."""
    gives = amount * terms.points / terms.per
    shown = {
        "rule": terms.slug,
        "version": terms.version,
        "kind": RATE,
        "points": text(terms.points),
        "per": text(terms.per),
        "gives": text(gives),
    }
    if not terms.qualifying:
        shown["qualifying"] = False
    return Step(terms, gives, shown)


def _multiplied(multipliers: Sequence[RuleTerms], tier: str, base: Fraction) -> list[Step]:
    """Multiplier steps: within a campaign the best one, between campaigns their extras add, compounding ones last."""
    best: dict[str, tuple[RuleTerms, Fraction]] = {}
    for terms in multipliers:
        factor = terms.by_tier.get(tier, terms.factor)
        key = terms.campaign or f"rule {terms.slug}"
        if factor > ONE and (key not in best or factor > best[key][1]):
            best[key] = (terms, factor)
    steps, total = [], base
    for terms, factor in sorted(best.values(), key=lambda pair: pair[0].compounding):
        gives = (total if terms.compounding else base) * (factor - ONE)
        total += gives
        shown: dict[str, Any] = {"factor": text(factor), "gives": text(gives)}
        if terms.compounding:
            shown["compounding"] = True
        steps.append(Step(terms, gives, _named(terms, shown)))
    return steps


def _named(terms: RuleTerms, step: dict[str, Any]) -> dict[str, Any]:
    """A step with its rule, version and the names that people know it by."""
    named: dict[str, Any] = {"rule": terms.slug, "version": terms.version, "kind": terms.kind, **step}
    if terms.campaign and terms.campaign != terms.slug:
        named["campaign"] = terms.campaign
    if terms.names:
        named["names"] = terms.names
    if terms.qualifying:
        named["qualifying"] = True
    return named


def _finish(steps: Sequence[Step], explanation: dict[str, Any]) -> tuple[int, int]:
    """Add the steps up, round once, and write the results into the explanation."""
    if len(steps) == 1:
        exact = steps[0].gives
        qualifying = exact if steps[0].terms.qualifying else NOTHING
    else:
        exact = sum((step.gives for step in steps), NOTHING)
        qualifying = sum((step.gives for step in steps if step.terms.qualifying), NOTHING)
    if "decimals" in explanation:
        exact, qualifying = exact * 10 ** explanation["decimals"], qualifying * 10 ** explanation["decimals"]
    rounding = explanation["rounding"]
    points = round_points(exact, rounding)
    earned = points if qualifying == exact else round_points(qualifying, rounding)
    explanation["exact"], explanation["points"], explanation["qualifying"] = text(exact), points, earned
    return points, earned


def _terms_of(step: dict[str, Any]) -> RuleTerms:
    """The terms a stored step was computed with."""
    return RuleTerms(
        slug=step["rule"],
        version=step["version"],
        kind=step["kind"],
        points=Fraction(step.get("points", 0)),
        per=Fraction(step.get("per", 1)),
        factor=Fraction(step.get("factor", 1)),
        compounding=step.get("compounding", False),
        qualifying=step.get("qualifying", step["kind"] == RATE),
        campaign=step.get("campaign", ""),
    )
