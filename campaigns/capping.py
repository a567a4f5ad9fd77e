"""Caps: what a step may give at most, and what is said where one bites (DOMAIN 3.3, 3.4).

A step is held against the cap per purchase, the caps of its member per period, what is left of its campaign's budget, and what is
left in the wallet; the tightest one counts. Steps of one activity share a budget in the order of computation. A rule that
refuses gives nothing where it cannot give all.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from campaigns.rounding import text
from campaigns.terms import NOTHING, WALLET, Known, Limit, RuleTerms, Step, Taken


def cap(steps: Sequence[Step], known: Known, decimals: int) -> list[Step]:
    """The steps as the caps leave them; a capped one keeps what it wanted in its explanation."""
    for step in steps:
        if step.terms.caps or step.terms.has_budget:
            break
    else:
        if not known.wallet:
            return list(steps)
    smallest = Fraction(1, 10**decimals)
    budgets = {campaign: limit.left for campaign, limit in known.budgets.items()}
    wallet = {limit.by: limit.left for limit in known.wallet}
    capped = []
    for step in steps:
        tightest = _tightest(step.terms, known, budgets, wallet, smallest)
        if tightest is None:
            capped.append(step)
            continue
        if step.gives > tightest.left:
            step = _trimmed(step, tightest)
        capped.append(step._replace(is_limited=True))
        took = -(-step.gives // smallest) * smallest
        if step.terms.campaign in budgets:
            budgets[step.terms.campaign] -= took
        wallet = {by: left - took for by, left in wallet.items()}
    return capped


def takings(steps: Sequence[Step], parts: Sequence[int], known: Known) -> tuple[Taken, ...]:
    """What an award took of each rule that has caps or a budget, and of the wallet's limits, given the whole points of each step."""
    pairs = zip(steps, parts, strict=True)
    taken = [Taken(step.terms, part) for step, part in pairs if part and (step.terms.caps or step.terms.has_budget)]
    if known.wallet and (points := sum(parts)):
        taken.append(Taken(WALLET, points))
    return tuple(taken)


def limits_of(terms: RuleTerms, known: Known) -> list[Limit]:
    """What is left under each cap of a rule."""
    return [
        Limit(period, most, max(NOTHING, most - known.used.get((terms.slug, period), NOTHING)))
        for period, most in terms.caps
    ]


def _tightest(
    terms: RuleTerms, known: Known, budgets: dict[str, Fraction], wallet: dict[str, Fraction], smallest: Fraction
) -> Limit | None:
    """The cap that leaves least, in whole smallest units; the first of equal ones."""
    limits = limits_of(terms, known)
    if terms.has_budget and terms.campaign in budgets:
        limits.append(Limit("budget", known.budgets[terms.campaign].most, budgets[terms.campaign]))
    limits += [Limit(limit.by, limit.most, wallet[limit.by]) for limit in known.wallet]
    if not limits:
        return None
    least = min(limits, key=lambda limit: limit.left)
    return Limit(least.by, least.most, max(NOTHING, least.left // smallest * smallest))


def _trimmed(step: Step, limit: Limit) -> Step:
    """A step that gives what the cap leaves, or nothing where its rule refuses to give less."""
    gives = NOTHING if step.terms.refuses else limit.left
    told: dict[str, Any] = {"by": limit.by, "most": text(limit.most), "left": text(limit.left)}
    if step.terms.refuses:
        told["refused"] = True
    shown = step.shown | {"gives": text(gives), "wanted": text(step.gives), "capped": told}
    return step._replace(gives=gives, shown=shown)
