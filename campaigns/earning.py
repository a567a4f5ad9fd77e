"""The arithmetic of an award, and nothing else: no database, no clock.

Base rules are combined (the best one or their sum), multiplied (campaigns add their extra parts: 2x and 3x make 4x),
bonuses are added (fixed points, points per piece), caps are held against each step, and the result is rounded once (DOMAIN 3.3).
Numbers are exact fractions until that rounding. Every award carries its explanation, and `recompute` gets the same points
from the explanation alone (DOMAIN 3.5).
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from campaigns.capping import cap, takings
from campaigns.conditions import Facts, judge
from campaigns.finishing import by_policy, finish, qualifying_by_policy
from campaigns.rounding import round_points, split, text
from campaigns.stacking import Counting, together
from campaigns.terms import (
    FIXED,
    LINES,
    MOST_MISSED,
    MULTIPLIER,
    NOTHING,
    ONE,
    PURCHASE,
    RATE,
    UNIT,
    Award,
    Basket,
    Goods,
    Known,
    ProgramTerms,
    RuleTerms,
    Shopper,
    Step,
)

__all__ = ["FIXED", "MULTIPLIER", "PURCHASE", "RATE", "UNIT", "Award", "Basket", "Goods", "Known", "ProgramTerms"]
__all__ += ["RuleTerms", "Shopper", "rate", "recompute", "round_points", "split", "text"]

UNKNOWN = Known()


def rate(
    basket: Basket,
    tier: str,
    rules: Sequence[RuleTerms],
    occurred_at: datetime,
    program: ProgramTerms,
    known: Known = UNKNOWN,
    *,
    is_told: bool = True,
) -> Award:
    """The award for a basket bought at `occurred_at` by a member in `tier`, under the given rules, in whatever order they come: those of one kind count as they were made.

    `known` is what is known from before: about the shopper, earlier purchases, what is left of caps and budgets. Where nobody reads
    why (`is_told` is False) the numbers are the same and the explanation is left out, which takes half the time.
    """
    lines = basket.lines
    eligible = lines[0] if len(lines) == 1 else sum(lines, Decimal(0))
    amounts = [_exact(line) for line in lines]
    facts = Facts(basket, tier, occurred_at, eligible, program, known)
    counting, near = _counting(sorted(rules, key=lambda one: one.rule_id), facts, is_told)
    work = _Work(tier, amounts, [_exact(goods.quantity) for goods in basket.goods], program.base_rules, is_told)
    counting, left_out = together(counting, work.worth)
    steps = cap(work.steps(counting), known, program.decimals)
    if not is_told:
        points, qualifying, shares, parts = finish(steps, _rounding(program), amounts)
        taken, counts = takings(steps, parts, known) if parts else (), qualifying_by_policy(steps, points, qualifying)
        return Award(points, qualifying, shares, {}, "", taken, _gave(steps), counts)
    explanation = _frame(basket, tier, eligible, program, steps)
    explanation |= ({"near": near} if near else {}) | ({"left_out": left_out} if left_out else {})
    points, qualifying, shares, parts = finish(steps, explanation, amounts)
    if any(step.terms.expiry for step in steps) and (lasts := by_policy(steps, points)):
        explanation["lasts"] = lasts
    version = ",".join([f"{step.terms.slug}@{step.terms.version}" for step in steps])
    taken, counts = takings(steps, parts, known) if parts else (), qualifying_by_policy(steps, points, qualifying)
    return Award(points, qualifying, shares, explanation, version, taken, _gave(steps), counts)


def recompute(explanation: dict[str, Any]) -> tuple[int, int]:
    """Points and qualifying points once more, from the stored inputs of an explanation alone."""
    amounts = [Fraction(amount) for amount in explanation.get("lines", [explanation["eligible"]])]
    work = _Work(explanation["tier"], amounts, [], "sum")
    steps = work.again(explanation["steps"])
    points, qualifying, *_ = finish(steps, dict(explanation), amounts)
    return points, qualifying


class _Work:
    """The steps of one computation, in their order."""

    def __init__(
        self,
        tier: str,
        amounts: Sequence[Fraction],
        quantities: Sequence[Fraction],
        base_rules: str,
        is_told: bool = True,
    ) -> None:
        """What is multiplied: the exact amounts of the lines and how many pieces they hold."""
        self.tier, self.amounts, self.quantities, self.base_rules = tier, amounts, quantities, base_rules
        self.is_told = is_told
        self.whole = amounts[0] if len(amounts) == 1 else sum(amounts, NOTHING)

    def steps(self, counting: Counting) -> list[Step]:
        """The steps, each with the exact number it gives, before caps."""
        base = [self._base(terms, over) for terms, over in counting if terms.kind == RATE]
        if self.base_rules == "best" and len(base) > 1:
            base = [max(base, key=lambda step: step.gives)]
        others = [pair for pair in counting if pair[0].kind != RATE]
        if not others:
            return base
        multiplied = self._multiplied([pair for pair in others if pair[0].kind == MULTIPLIER], base)
        bonuses = [self._bonus(terms, over) for terms, over in others if terms.kind in (FIXED, UNIT)]
        return base + multiplied + bonuses

    def worth(self, counting: Counting) -> Fraction:
        """What some rules give together, before caps."""
        return sum((step.gives for step in self.steps(counting)), NOTHING)

    def amount(self, over: tuple[int, ...] | None) -> Fraction:
        """The amount of some lines, or of all."""
        return self.whole if over is None else sum((self.amounts[number] for number in over), NOTHING)

    def part(self, step: Step, over: tuple[int, ...] | None) -> Fraction:
        """How much of what a step gives lies on some lines."""
        if over is None or step.over == over:
            return step.gives
        mine = range(len(self.amounts)) if step.over is None else step.over
        on_all = self.amount(step.over)
        shared = sum((self.amounts[number] for number in over if number in mine), NOTHING)
        return step.gives * shared / on_all if on_all else NOTHING

    def _base(self, terms: RuleTerms, over: tuple[int, ...] | None) -> Step:
        """So many points per so much money."""
        over = over if terms.on == LINES else None
        amount = self.amount(over)
        gives = amount * terms.points / terms.per
        if not self.is_told:
            return Step(terms, gives, {}, over)
        shown = {"rule": terms.slug, "version": terms.version, "kind": RATE, "points": text(terms.points), "per": text(terms.per)}  # fmt: skip
        if over is not None:
            shown["amount"] = text(amount)
        if terms.campaign or over is not None:
            shown = _named(terms, shown)
        shown["gives"] = text(gives)
        if not terms.qualifying:
            shown["qualifying"] = False
        return Step(terms, gives, shown, over)

    def _multiplied(self, multipliers: Counting, base: Sequence[Step]) -> list[Step]:
        """Multiplier steps: within a campaign the best one, between campaigns their extras add, compounding ones last."""
        best: dict[str, tuple[RuleTerms, Fraction, tuple[int, ...] | None]] = {}
        for terms, over in multipliers:
            factor = terms.by_tier.get(self.tier, terms.factor)
            key = terms.campaign or f"rule {terms.slug}"
            if factor > ONE and (key not in best or factor > best[key][1]):
                best[key] = (terms, factor, over if terms.on == LINES else None)
        steps = list(base)
        for terms, factor, over in sorted(best.values(), key=lambda found: found[0].compounding):
            on = sum((self.part(step, over) for step in (steps if terms.compounding else base)), NOTHING)
            gives = on * (factor - ONE)
            if not self.is_told:
                steps.append(Step(terms, gives, {}, over))
                continue
            shown: dict[str, Any] = {"factor": text(factor), "gives": text(gives)}
            if over is not None:
                shown["of"] = text(on)
            if terms.compounding:
                shown["compounding"] = True
            steps.append(Step(terms, gives, _named(terms, shown), over))
        return steps[len(base) :]

    def _bonus(self, terms: RuleTerms, over: tuple[int, ...] | None) -> Step:
        """Fixed points, or points for each piece."""
        if not self.is_told and terms.kind == FIXED:
            return Step(terms, terms.points, {}, over)
        points = text(terms.points)
        if terms.kind == FIXED:
            return Step(terms, terms.points, _named(terms, {"points": points, "gives": points}), over)
        pieces = sum((self.quantities[n] for n in (range(len(self.quantities)) if over is None else over)), NOTHING)
        gives = pieces * terms.points
        shown = {"points": points, "quantity": text(pieces), "gives": text(gives)}
        return Step(terms, gives, _named(terms, shown), over)

    def again(self, stored: Sequence[dict[str, Any]]) -> list[Step]:
        """The steps of an explanation computed once more, caps included."""
        steps: list[Step] = []
        base = NOTHING
        for told in stored:
            terms, over = _terms_of(told), tuple(told["over"]) if "over" in told else None
            if terms.kind == RATE:
                gives = Fraction(told.get("amount", text(self.whole))) * terms.points / terms.per
                base += gives
            elif terms.kind == MULTIPLIER:
                running = sum((Fraction(s.shown.get("wanted", text(s.gives))) for s in steps), NOTHING)
                on = Fraction(told["of"]) if "of" in told else running if terms.compounding else base
                gives = on * (terms.factor - ONE)
            else:
                gives = terms.points * Fraction(told.get("quantity", 1))
            if "capped" in told:
                limit = told["capped"]
                gives = NOTHING if limit.get("refused") else min(gives, Fraction(limit["left"]))
            steps.append(Step(terms, gives, told, over, told.get("limited", False)))
        return steps


def _exact(number: Decimal) -> Fraction:
    return Fraction(*number.as_integer_ratio())


def _counting(rules: Sequence[RuleTerms], facts: Facts, is_told: bool) -> tuple[Counting, list[dict[str, Any]]]:
    """The rules whose conditions hold, and those that one condition kept out (with what was missing)."""
    counting: Counting = []
    near, goods_left = [], MOST_MISSED
    for terms in rules:
        counts, missing, over = judge(terms, facts, is_told=is_told and goods_left > 0)
        if counts:
            counting.append((terms, over))
        elif missing and is_told:
            goods_left -= "goods" in missing
            near.append(_named(terms, missing | _would_give(terms, facts)))
    return counting, near


def _would_give(terms: RuleTerms, facts: Facts) -> dict[str, Any]:
    """What a rule that was nearly met would have done, for the sentence."""
    if terms.kind == MULTIPLIER:
        return {"factor": text(terms.by_tier.get(facts.tier, terms.factor))}
    return {} if terms.kind == RATE else {"points": text(terms.points)}


def _gave(steps: Sequence[Step]) -> tuple[tuple[str, Fraction], ...]:
    """The exact points of each rule, before the one rounding."""
    return tuple([(step.terms.slug, step.gives) for step in steps])


def _rounding(program: ProgramTerms) -> dict[str, Any]:
    """How the end of the arithmetic rounds, where nothing else is told."""
    return {"rounding": program.rounding, "decimals": program.decimals, "rounded_per": program.rounded_per}


def _frame(
    basket: Basket, tier: str, eligible: Decimal, program: ProgramTerms, steps: Sequence[Step]
) -> dict[str, Any]:
    """What an explanation says besides the results."""
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
    if program.rounded_per != "order":
        explanation["rounded_per"] = program.rounded_per
        explanation["lines"] = [str(line) for line in basket.lines] or ["0"]
        explanation["steps"] = [
            step.shown
            | ({} if step.over is None else {"over": list(step.over)})
            | ({"limited": True} if step.is_limited else {})
            for step in steps
        ]
    return explanation


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
