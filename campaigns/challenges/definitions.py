"""What a challenge's version says, as data: what counts, how often, over which time, and what is won.

    {"measure": "times", "goal": "5", "per": "month", "repeats": true, "conditions": {"activity": "purchase", "minimum": "10"},
     "prize": {"points": "100", "badge": true, "reward": "latte"}}

Conditions are those of earning rules (campaigns.definitions), but for the few that count purchases themselves. Unknown fields are
refused, so that a challenge never means less than it says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from campaigns import definitions
from campaigns.conditions import ABOUT_EARLIER, ABOUT_SEGMENTS
from campaigns.terms import PURCHASE, RuleTerms

CARD, STREAK, INSTANT = "card", "streak", "instant"
TIMES, DAYS, PIECES, AMOUNT, POINTS = "times", "days", "pieces", "amount", "points"
MEASURES = (TIMES, DAYS, PIECES, AMOUNT, POINTS)
ALL, ROLLING = "all", "rolling"
PERS = {CARD: (ALL, "day", "week", "month", "year", ROLLING), STREAK: ("day", "week", "month"), INSTANT: (ALL,)}
EVERY, CHANCE, DAILY = "every", "chance", "daily"
DRAWS = (EVERY, CHANCE, DAILY)
FIELDS = {"measure", "goal", "per", "days", "each", "freeze", "repeats", "draw", "conditions", "prize"}
PRIZE = {"points", "badge", "reward"}
# Who may take part is judged when a member begins, and stays: who leaves a segment keeps what was achieved.
JUDGED_ONCE = ABOUT_SEGMENTS | {"languages"}
MOST_GOAL, MOST_DAYS, MOST_POINTS = Decimal(10**9), 3660, 10**9


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a challenge. Points are whole points; `rule` judges what counts as an earning rule does, by the
    `conditions` as they were written.
    """

    challenge_id: int
    kind: str
    version: int
    rule: RuleTerms
    measure: str = TIMES
    goal: Decimal = Decimal(1)
    per: str = ALL
    days: int = 0
    each: Decimal = Decimal(1)
    freeze: bool = False
    repeats: bool = False
    draw: str = EVERY
    points: int = 0
    badge: bool = False
    reward: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def audience(self) -> tuple[tuple[str, Any], ...]:
        """The conditions that are judged once, when a member begins."""
        return tuple(one for one in self.rule.conditions if one[0] in JUDGED_ONCE)


def problems(
    kind: str, definition: Any, *, tiers: Iterable[str] | None = None, rewards: Iterable[str] | None = None
) -> dict[str, str]:
    """What is wrong with a definition, as field -> sentence; empty when it is sound."""
    if not isinstance(definition, dict):
        return {"definition": _("A challenge is an object with a goal and a prize.")}
    unknown = [name for name in definition if name not in FIELDS]
    if unknown:
        return {str(unknown[0])[:100]: _("This field is not known here. Leave it out.")}
    errors = _goal_problems(kind, definition) | _prize_problems(definition.get("prize"), rewards)
    told = definition.get("conditions", {})
    errors |= definitions.problems(_as_rule(told), tiers=tiers)
    if not errors:
        wrong = sorted(ABOUT_EARLIER & told.keys())
        if wrong:
            errors[f"conditions.{wrong[0]}"] = _("A challenge counts by itself. Leave this out.")
        if told.get("activity", PURCHASE) != PURCHASE and definition.get("measure", TIMES) in (PIECES, AMOUNT):
            errors["measure"] = _("Only a purchase has an amount and pieces. Count times or days for other activities.")
    return errors


def terms_of(
    challenge_id: int, kind: str, version: int, definition: Mapping[str, Any], seasons: Mapping[str, Any]
) -> Terms:
    """A stored definition as it is walked; `seasons` gives the days of the seasons it may name."""
    rule = RuleTerms(slug="", version=version, **definitions.terms_fields(_as_rule(definition.get("conditions", {})), seasons))  # fmt: skip
    prize = definition["prize"]
    return Terms(
        challenge_id,
        kind,
        version,
        rule,
        measure=definition.get("measure", TIMES),
        goal=Decimal(definition["goal"]),
        per=definition.get("per", "week" if kind == STREAK else ALL),
        days=definition.get("days", 0),
        each=Decimal(definition.get("each", "1")),
        freeze=definition.get("freeze", False),
        repeats=definition.get("repeats", False),
        draw=definition.get("draw", EVERY),
        points=int(prize.get("points", "0")),
        badge=prize.get("badge", False),
        reward=prize.get("reward", ""),
        conditions=definition.get("conditions", {}),
    )


def _as_rule(conditions: Any) -> dict[str, Any]:
    """The conditions as a rule that the rule engine knows how to check and to judge."""
    return {"award": {"kind": "fixed", "points": "1"}, "conditions": conditions}


def _goal_problems(kind: str, told: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with what is counted and how often."""
    errors: dict[str, str] = {}
    if told.get("measure", TIMES) not in MEASURES:
        errors["measure"] = _("Choose one of: %(choices)s.") % {"choices": ", ".join(MEASURES)}
    for name, needed in (("goal", True), ("each", False)):
        if (needed or name in told) and not _is_number(told.get(name), MOST_GOAL):
            errors[name] = _("Write a number above 0.")
    if "goal" not in errors and kind in (STREAK, INSTANT) and Decimal(told["goal"]) % 1:
        errors["goal"] = _("Write a whole number.")
    pers = PERS.get(kind, ())
    if "per" in told and told["per"] not in pers:
        errors["per"] = _("Choose one of: %(choices)s.") % {"choices": ", ".join(pers)}
    days = told.get("days")
    if told.get("per") == ROLLING and not (isinstance(days, int) and 1 <= days <= MOST_DAYS):
        errors["days"] = _("Say within how many days.")
    if told.get("draw", EVERY) not in DRAWS:
        errors["draw"] = _("Choose one of: %(choices)s.") % {"choices": ", ".join(DRAWS)}
    for name in ("freeze", "repeats"):
        if not isinstance(told.get(name, False), bool):
            errors[name] = _("Say yes or no.")
    return errors


def _prize_problems(prize: Any, rewards: Iterable[str] | None) -> dict[str, str]:
    """What is wrong with what is won."""
    if not isinstance(prize, dict) or not prize:
        return {"prize": _("Say what is won: points, a badge or a reward.")}
    unknown = [name for name in prize if name not in PRIZE]
    if unknown:
        return {f"prize.{unknown[0]}"[:100]: _("This field is not known here. Leave it out.")}
    points, badge, reward = prize.get("points", "0"), prize.get("badge", False), prize.get("reward", "")
    if points != "0" and (not _is_number(points, Decimal(MOST_POINTS)) or Decimal(points) % 1):
        return {"prize.points": _("Write a whole number of points.")}
    if not isinstance(badge, bool) or not isinstance(reward, str):
        return {"prize": _("Say what is won: points, a badge or a reward.")}
    if reward and rewards is not None and reward not in set(rewards):
        return {"prize.reward": _("There is no reward “%(reward)s”.") % {"reward": reward[:100]}}
    return {} if points != "0" or badge or reward else {"prize": _("Say what is won: points, a badge or a reward.")}


def _is_number(value: Any, most: Decimal) -> bool:
    """Whether a text is a plain number above nothing."""
    try:
        number = Decimal(value) if isinstance(value, str) else Decimal(0)
    except InvalidOperation:
        return False
    return number.is_finite() and 0 < number <= most
