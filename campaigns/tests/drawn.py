"""Short histories drawn by chance, on a coarse grid, so that instants, windows, reviews and caps meet."""

from collections.abc import Sequence
from random import Random
from typing import Any

from campaigns.tests.arrivals import BY_TIER, EVENTS, LAST, SOON, Fact, History

DAYS = (0, 5, 80, 89, 91, 95, 100, 110, 118, 119, 170, 181, 185, 200, 270, 290, 320, 364, 366, 380, 400)
NEAR = (0, 1, 2, 3, 10, 20, 40, 60)
# Which days histories lie on that do not lie on DAYS, and which rules they have.
GRIDS = {"events": NEAR, "two lengths": (0, 1, 2, 5, 10, 18, 22, 30, 40, 50, 60)}
RULES = {"events": EVENTS, "two lengths": SOON}
REVIEWS: tuple[dict[str, Any], ...] = (
    {},
    {"review": "yearly"},
    {"review": "yearly", "grace_days": 20},
    {"review": "months", "review_months": 3},
    {"review": "months", "review_months": 3, "down": "full", "grace_days": 20},
    {"review": "months", "review_months": 3, "down": "full", "soft_landing": True, "grace_days": 5},
)
EDITS: tuple[dict[str, Any], ...] = (
    {"silver": ["500.00", None]},
    {"silver": ["2000.00", None]},
    {"gold": ["3000.00", None]},
    {"review": "months", "review_months": 2},
    {"window": "lifetime"},
)
# How long points last, where it is not for ever or a year.
LASTING = {"redemptions": ["never"], "closed months": ["never", "months", "days", "idle"], "two lengths": ["two"]}
# Which deeds of ours a drawn history has besides purchases and refunds.
DRAWN = {
    "reviews": ("review",),
    "given tiers": ("review", "give", "give", "withdraw"),
    "edits": ("review", "edit", "edit"),
    "redemptions": ("redeem", "redeem", "review"),
    "expiry": ("sweep", "sweep", "review"),
    "events": ("event", "event", "event", "event", "take", "take"),
    "closed months": ("close", "close", "close", "sweep"),
    "two lengths": ("event", "event", "event", "redeem", "redeem", "redeem", "sweep", "take", "close"),
    "waiting": ("confirm", "confirm", "confirm", "review", "edit", "give"),
    "all": ("review", "give", "edit", "withdraw", "sweep"),
}


def draw(chance: Random, kinds: str) -> History:
    """A short history by chance; everything about it lies on a coarse grid, so that instants, windows and reviews meet."""
    facts: list[Fact] = []
    for day in sorted(
        chance.choices(GRIDS.get(kinds, DAYS), k=chance.choice([4, 5] if kinds == "two lengths" else [2, 3, 3, 4]))
    ):
        facts.append(_fact(chance, day, chance.choice(["sale"] * 5 + ["return"] * 2 + [*DRAWN[kinds]]), facts))
    policy = {"window": chance.choice(["rolling", "calendar", "entry", "lifetime"])} | chance.choice(REVIEWS)
    policy |= {"months": chance.choice([1, 3, 12]), "metric": chance.choice(["points", "points", "spend", "visits"])}
    return History(
        tuple(facts),
        policy,
        returns=chance.choice(["kept", "share", "all"]),
        keeps=chance.choice([{}, {"silver": "500"}, {"silver": "600", "gold": "2000"}]),
        rules={"tiers": BY_TIER} | RULES.get(kinds, {}),
        budget=chance.choice([0, 60, 300]) if kinds == "events" else 0,
        limits=chance.choice([{}, {"month": 1000}, {"day": 50}]) if kinds == "events" else {},
        last=facts[-1].day + chance.choice([1, 20, 40]) if kinds in ("closed months", "two lengths") else LAST,
        expiry=chance.choice(LASTING.get(kinds, ["never", "months"])),
        waits=chance.choice(["days", "event", "event"]) if kinds == "waiting" else "",
    )


def _fact(chance: Random, day: int, kind: str, facts: Sequence[Fact]) -> Fact:
    """One fact of a kind; a return of something that is still there, else a sale."""
    gone = {fact.what[0] for fact in facts if fact.kind == "return"}
    there = [number for number, fact in enumerate(facts) if fact.kind == "sale" and number not in gone]
    if kind == "return" and there:
        return Fact(day, kind, (chance.choice(there), chance.choice([1, 2, 4])))
    taken = {fact.what[0] for fact in facts if fact.kind == "take"}
    done = [number for number, fact in enumerate(facts) if fact.kind == "event" and number not in taken]
    if kind == "take" and done:
        return Fact(day, kind, (chance.choice(done),))
    if kind in ("event", "take"):
        return Fact(day, "event", (chance.choice(["visit", "survey", "share", "gift", "gift"]),))
    known = {fact.what[0] for fact in facts if fact.kind == "confirm"}
    waits = [number for number, fact in enumerate(facts) if fact.kind == "sale" and number not in known]
    if kind == "confirm" and waits:
        return Fact(day, kind, (chance.choice(waits),))
    if kind in ("sale", "return", "confirm"):
        return Fact(day, "sale", (chance.choice([400, 600, 1000, 2000, 3400, 5000]),))
    if kind == "give":
        return Fact(day, kind, (chance.choice(["silver", "gold"]), chance.choice([30, 100, 200])))
    if kind == "edit":
        return Fact(day, kind, (chance.choice(EDITS), chance.random() < 0.5))
    return Fact(day, kind, (chance.choice([100, 400, 900]),) if kind == "redeem" else ())
