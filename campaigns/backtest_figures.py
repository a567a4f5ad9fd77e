"""The figures of a back-test: both sides of it, added up purchase by purchase and event by event into plain numbers (DOMAIN 10.5).

Points are in the wallet's smallest unit, net of what refunds took back; of a rule they are its exact points before rounding.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.replaying import Replay, Replayed
from members.models import Event

MOST_NAMED = 10
HUNDREDTH = Decimal("0.01")


@dataclass(slots=True)
class Side:
    """One set of rules over the same purchases."""

    zone: ZoneInfo
    points: int = 0
    earning: int = 0
    by_member: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    by_month: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_tier: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_rule: dict[str, list[Any]] = field(default_factory=dict)
    together: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, one: Replayed) -> None:
        """One purchase or event more."""
        points, bought = one.award.points - one.returned, one.bought
        self.points += points
        self.earning += points > 0 and not isinstance(bought, Event)
        self.by_member[bought.member_id] += points
        self.by_month[f"{bought.occurred_at.astimezone(self.zone):%Y-%m}"] += points
        self.by_tier[one.tier.slug] += points
        for slug, gives in one.award.gave:
            if gives:
                told = self.by_rule.setdefault(slug, [0, Fraction(0), set()])
                told[0], told[1] = told[0] + 1, told[1] + gives
                told[2].add(bought.member_id)
        if len(one.award.gave) > 1:
            for pair in combinations(sorted(slug for slug, gives in one.award.gave if gives), 2):
                self.together[pair] += 1

    def told(self, replay: Replay, money_per_unit: Any) -> dict[str, Any]:
        """The side as JSON keeps it, with the members by tier at the end."""
        scale = 10**replay.steps.decimals
        ends: dict[str, int] = defaultdict(int)
        for member_id in self.by_member:
            ends[replay.tier_at_end(member_id).slug] += 1
        return {
            "points": self.points,
            "cost": str((self.points * money_per_unit / scale).quantize(HUNDREDTH)),
            "members": sum(1 for points in self.by_member.values() if points > 0),
            "earning": self.earning,
            "by_month": dict(sorted(self.by_month.items())),
            "by_tier": dict(self.by_tier),
            "tiers": dict(ends),
            "by_rule": {
                slug: {"purchases": count, "points": int(gives * scale), "members": len(members)}
                for slug, (count, gives, members) in sorted(self.by_rule.items())
            },
            "together": [[*pair, count] for pair, count in sorted(self.together.items(), key=lambda one: -one[1])],
        }


def figures_of(
    live: Side,
    tried: Side,
    replays: tuple[Replay, Replay],
    money_per_unit: Any,
    segments: Iterable[tuple[str, int]] = (),
) -> dict[str, Any]:
    """Both sides, how members' tiers would differ, who gains or loses most, and what the segments of today would have earned."""
    moves = _moves(live, *replays)
    differences = {pk: tried.by_member[pk] - points for pk, points in live.by_member.items()}
    changed = sorted(((points, pk) for pk, points in differences.items() if points), reverse=True)
    return {
        "live": live.told(replays[0], money_per_unit),
        "tried": tried.told(replays[1], money_per_unit),
        "moves": moves,
        "by_segment": _by_segment(live, tried, segments),
        "differing": len(changed),
        "winners": [[pk, points] for points, pk in changed[:MOST_NAMED] if points > 0],
        "losers": [[pk, points] for points, pk in changed[::-1][:MOST_NAMED] if points < 0],
    }


def _by_segment(live: Side, tried: Side, segments: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """By segment: its members who bought, and the points of both sides."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for slug, member_id in segments:
        if member_id in live.by_member:
            told = found[slug]
            told[0] += 1
            told[1] += live.by_member[member_id]
            told[2] += tried.by_member.get(member_id, 0)
    return dict(sorted(found.items()))


def _moves(live: Side, one: Replay, other: Replay) -> dict[str, Any]:
    """Members who would be in a higher or lower tier at the end, by (tier now, tier then)."""
    moves: Mapping[tuple[str, str], int] = defaultdict(int)
    up = down = 0
    for member_id in live.by_member:
        here, there = one.tier_at_end(member_id), other.tier_at_end(member_id)
        if here.pk != there.pk:
            moves[here.slug, there.slug] += 1  # type: ignore[index]
            up, down = up + (there.rank > here.rank), down + (there.rank < here.rank)
    return {"up": up, "down": down, "between": [[a, b, count] for (a, b), count in sorted(moves.items())]}
