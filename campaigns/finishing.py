"""The end of the arithmetic: steps are added up, rounded once, and laid over the lines of the basket (DOMAIN 3.3).

Rounding is per order (the usual), per rule, or per line. What has a cap is never rounded beyond it: rounded by line, a capped step
is rounded by itself and then laid over its lines.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from campaigns.rounding import round_points, split, text, whole_parts
from campaigns.terms import NOTHING, ONE, Step

PER_RULE, PER_LINE = "rule", "line"


class Finished(NamedTuple):
    """Points and qualifying points, those of each line, and those of each step where some step has a cap."""

    points: int
    qualifying: int
    shares: list[int]
    parts: list[int]


def finish(steps: Sequence[Step], explanation: dict[str, Any], amounts: Sequence[Fraction]) -> Finished:
    """Add the steps up, round, and write the results into the explanation."""
    scale = 10 ** explanation.get("decimals", 0)
    rounding, per = explanation["rounding"], explanation.get("rounded_per", "order")
    exact = sum((step.gives for step in steps), NOTHING) * scale
    if per == PER_LINE and amounts:
        finished = _by_lines(steps, scale, rounding, amounts)
    elif per == PER_RULE:
        finished = _by_rules(steps, scale, rounding, amounts)
    else:
        finished = _by_order(steps, exact, scale, rounding, amounts)
    if "steps" in explanation:
        explanation["exact"] = text(exact)
    explanation["points"], explanation["qualifying"] = finished.points, finished.qualifying
    return finished


def _by_order(
    steps: Sequence[Step], exact: Fraction, scale: int, rounding: str, amounts: Sequence[Fraction]
) -> Finished:
    """One rounding for all."""
    qualifying = sum((step.gives for step in steps if step.terms.qualifying), NOTHING) * scale
    points = round_points(exact, rounding)
    earned = points if qualifying == exact else round_points(qualifying, rounding)
    parts = whole_parts(points, [step.gives * scale for step in steps]) if _has_caps(steps) else []
    return Finished(points, earned, _shares(points, steps, amounts), parts)


def _by_rules(steps: Sequence[Step], scale: int, rounding: str, amounts: Sequence[Fraction]) -> Finished:
    """Each step is rounded by itself."""
    parts = [round_points(step.gives * scale, rounding) for step in steps]
    earned = sum(part for step, part in zip(steps, parts, strict=True) if step.terms.qualifying)
    return Finished(sum(parts), earned, _shares(sum(parts), steps, amounts), parts)


def _by_lines(steps: Sequence[Step], scale: int, rounding: str, amounts: Sequence[Fraction]) -> Finished:
    """Each line is rounded by itself; capped steps apart."""
    parts = [round_points(step.gives * scale, rounding) for step in steps]
    free = [step for step in steps if not step.is_limited]
    shares = [round_points(part * scale, rounding) for part in by_line(free, amounts)]
    earned = sum(
        round_points(part * scale, rounding)
        for part in by_line([step for step in free if step.terms.qualifying], amounts)
    )
    for step, part in zip(steps, parts, strict=True):
        if step.is_limited:
            for number, share in enumerate(split(part, by_line([step], amounts))):
                shares[number] += share
            earned += part if step.terms.qualifying else 0
    return Finished(sum(shares), min(earned, sum(shares)), shares, parts)


def _has_caps(steps: Sequence[Step]) -> bool:
    return any(step.is_limited for step in steps)


def _shares(points: int, steps: Sequence[Step], amounts: Sequence[Fraction]) -> list[int]:
    """The points of each line: by amount, or by what the rules gave it where some are of single lines."""
    if len(amounts) == 1:
        return [points]
    if all(step.over is None for step in steps):
        return split(points, amounts)
    return split(points, by_line(steps, amounts))


def by_line(steps: Sequence[Step], amounts: Sequence[Fraction]) -> list[Fraction]:
    """The exact points of each line: what a step gives is laid over its lines by their amounts."""
    parts = [NOTHING] * len(amounts)
    for step in steps:
        over = range(len(amounts)) if step.over is None else step.over
        whole = sum((amounts[number] for number in over), NOTHING)
        for position, number in enumerate(over):
            share = amounts[number] / whole if whole else ONE if position == 0 else NOTHING
            parts[number] += step.gives * share
    return parts


def by_policy(steps: Sequence[Step], points: int) -> list[dict[str, Any]]:
    """The parts of an award by expiry policy, as its explanation keeps them; nothing when all follow the wallet's own.

    A part names its policy ("" for the wallet's own), its points, and the versions of rules it comes from.
    """
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.terms.expiry, []).append(step)
    shares = split(points, [sum((step.gives for step in own), NOTHING) for own in found.values()])
    parts = [
        {"policy": policy, "points": share, "rules": [f"{step.terms.slug}@{step.terms.version}" for step in own]}
        for (policy, own), share in zip(found.items(), shares, strict=True)
        if share
    ]
    return parts if any(part["policy"] for part in parts) else []


def qualifying_by_policy(steps: Sequence[Step], points: int, qualifying: int) -> tuple[tuple[str, int], ...]:
    """The qualifying points of an award by expiry policy; nothing where it gives no points."""
    if not points:
        return ()
    if not any(step.terms.expiry for step in steps):
        return (("", qualifying),)
    found: dict[str, Fraction] = {}
    for step in steps:
        gives = step.gives if step.terms.qualifying else NOTHING
        found[step.terms.expiry] = found.get(step.terms.expiry, NOTHING) + gives
    return tuple(zip(found, split(qualifying, list(found.values())), strict=True))
