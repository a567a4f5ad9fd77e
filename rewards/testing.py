"""Rewards for the tests."""

from typing import Any

from loyalty.ledger.models import Program
from rewards.models import Reward


def make_reward(program: Program, slug: str = "latte", *, cost: int = 100, **more: Any) -> Reward:
    """A free latte, paid from the main wallet."""
    wallet = program.wallets.get(is_main=True)
    named = {"name": "Free latte", "name_id": "Latte gratis", "name_ms": "Latte percuma", "summary": "One latte."}
    return Reward.objects.create(program=program, wallet=wallet, slug=slug, cost=cost, **(named | more))
