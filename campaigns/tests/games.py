"""Challenges for the tests, made by the verbs."""

from datetime import datetime, timedelta

from campaigns.challenges import publishing
from campaigns.models import Challenge
from loyalty.ledger.models import Program
from members.testing import OPENING


def start(
    program: Program,
    slug: str,
    definition: dict,
    *,
    kind: str = "card",
    at: datetime = OPENING,
    days: int = 365,
    **more,
) -> Challenge:
    """A live challenge that counts from `at` on."""
    challenge = Challenge.objects.create(
        program=program, slug=slug, name=slug.title(), kind=kind, since=at, until=at + timedelta(days=days), **more
    )
    publishing.publish(challenge, definition, at=at, actor="test")
    return publishing.go_live(challenge, at=at, actor="test")


def card(goal: str, *, points: str = "50", repeats: bool = True, **more) -> dict:
    """A card that is full after so many."""
    conditions = more.pop("conditions", {"activity": "purchase"})
    prize = more.pop("prize", {"points": points})
    return {"goal": goal, "repeats": repeats, "conditions": conditions, "prize": prize} | more
