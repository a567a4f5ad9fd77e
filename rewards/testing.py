"""Rewards for the tests."""

from datetime import datetime, timedelta
from typing import Any

from loyalty.ledger.models import Program
from rewards.models import EventSession, Reward


def make_reward(program: Program, slug: str = "latte", *, cost: int = 100, **more: Any) -> Reward:
    """A free latte, paid from the main wallet."""
    wallet = program.wallets.get(is_main=True)
    named = {"name": "Free latte", "name_id": "Latte gratis", "name_ms": "Latte percuma", "summary": "One latte."}
    return Reward.objects.create(program=program, wallet=wallet, slug=slug, cost=cost, **(named | more))


def make_session(reward: Reward, starts_at: datetime, *, seats: int = 10, hours: int = 2, **more: Any) -> EventSession:
    """A date of an experience in the main hall."""
    ends_at = starts_at + timedelta(hours=hours)
    told = {"place": "Main hall", "capacity": seats} | more
    return EventSession.objects.create(reward=reward, starts_at=starts_at, ends_at=ends_at, **told)
