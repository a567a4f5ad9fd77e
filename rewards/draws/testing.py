"""Draws for the tests."""

from datetime import datetime, timedelta
from typing import Any

from loyalty.ledger.models import Program
from members.testing import OPENING
from rewards.draws import publishing
from rewards.models import Draw, Reward
from rewards.testing import make_reward

OPENS = OPENING + timedelta(days=2)
CLOSES = OPENING + timedelta(days=20)


def make_draw(program: Program, *, at: datetime = OPENING, winners: int = 1, points: int = 500, is_published: bool = True, **more: Any) -> Draw:  # fmt: skip
    """A draw of points with one prize, published."""
    told = {"slug": "bike", "name": "A bicycle", "summary": "Win a bicycle.", "opens_at": OPENS, "closes_at": CLOSES}
    draw = Draw.objects.create(program=program, **(told | more))
    draw.prizes.create(name="First prize", points=points, winners=winners)
    if is_published:
        publishing.publish(draw, at=at, actor="test")
        draw.refresh_from_db()
    return draw


def make_ticket(draw: Draw, *, entries: int = 1, **more: Any) -> Reward:
    """A reward that is an entry of the draw, for 10 points."""
    told: dict[str, Any] = {"cost": 10, "kind": "draw", "draw": draw, "draw_entries": entries, "name": "A ticket"}
    return make_reward(draw.program, f"{draw.slug}-ticket", **(told | more))
