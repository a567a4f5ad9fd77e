"""Prizes in words."""

from typing import Protocol

from loyalty.ledger.models import Wallet
from rewards.eligibility import show_amount
from rewards.models import Reward


class AnyPrize(Protocol):
    """A prize of a draw or of a pool: a name, and a reward or points."""

    name: str
    reward: Reward | None
    points: int | None


def prize_in_words(prize: AnyPrize, wallet: Wallet | None = None) -> str:
    """A prize by its name, and its points where it is points and their wallet is told."""
    if prize.points and wallet is not None:
        return f"{prize} ({show_amount(prize.points, wallet)})"
    return str(prize)
