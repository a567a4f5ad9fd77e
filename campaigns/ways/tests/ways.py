"""What the tests of ways to earn share: rules for kinds of events, and terms."""

from typing import Any

from campaigns.tests.shop import add_rule
from campaigns.ways.models import WayTerms
from loyalty.ledger.models import Program


def reward(program: Program, **points: int) -> Program:
    """Standing rules that give fixed points for kinds of events."""
    for kind, number in points.items():
        definition = {"award": {"kind": "fixed", "points": str(number)}, "conditions": {"activity": kind}}
        add_rule(program, f"for-{kind}".replace("_", "-"), definition)
    return program


def set_terms(program: Program, **terms: Any) -> WayTerms:
    """The terms of a program's ways to earn."""
    return WayTerms.objects.update_or_create(program=program, defaults=terms)[0]
