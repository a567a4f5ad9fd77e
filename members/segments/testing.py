"""Questions and a small world for the tests of segments, made by the verbs."""

from datetime import datetime
from typing import Any

from loyalty.ledger.models import Program
from members.segments import saving
from members.segments.models import Segment


def all_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Members for whom all conditions hold."""
    return {"match": "all", "groups": [{"match": "all", "conditions": list(conditions)}]}


def any_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Members for whom one of the conditions holds."""
    return {"match": "all", "groups": [{"match": "any", "conditions": list(conditions)}]}


def make_segment(program: Program, slug: str, definition: dict[str, Any], *, at: datetime) -> Segment:
    """A segment, refreshed as it is saved."""
    segment = Segment(program=program, slug=slug, name=slug.title(), definition=definition)
    return saving.save(segment, at=at, actor="test")
