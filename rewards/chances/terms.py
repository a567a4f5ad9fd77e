"""The refusals of pools of prizes, their odds, and what a pool says about itself before the first number."""

from collections.abc import Collection, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from rewards.catalogue import codes_left, left_of
from rewards.models import PoolPrize, PrizePool, Reward, StoreStock
from rewards.sessions import of_rewards

SEED = "seeds of pools of prizes"


class PoolRefused(Refusal):
    """The pool cannot be published as it is."""

    code = "pool_refused"


class PoolChanged(Refusal):
    """Somebody else published or closed it meanwhile."""

    code = "pool_changed"


class PoolClosed(Refusal):
    """Nothing is drawn from this pool now."""

    code = "pool_closed"


def changed() -> PoolChanged:
    """The refusal of a step that no longer fits."""
    return PoolChanged(_("Somebody else changed this pool meanwhile. Look at it again."))


def prizes_of(pool: PrizePool) -> list[PoolPrize]:
    """The prizes in their order, as the odds name them."""
    return list(pool.prizes.select_related("reward__wallet", "reward__program").order_by("position", "id"))


def terms_of(pool: PrizePool) -> dict[str, Any]:
    """What is promised when a pool is published, as everybody reads it: how often one wins, and what weighs how much."""
    prizes = [
        {
            "name": one.name, "weight": one.weight, "pieces": one.pieces, "points": one.points,
            "reward": one.reward.slug if one.reward else None,
        }
        for one in prizes_of(pool)
    ]  # fmt: skip
    return {
        "program": pool.program.slug, "pool": pool.slug, "name": pool.name, "one_in": pool.one_in,
        "is_counted": pool.is_counted, "prizes": prizes,
    }  # fmt: skip


def unfit(pool: PrizePool, *, one_in: int) -> PoolRefused | None:
    """Why a reward that leads to the pool does not fit how often one wins; None when all do."""
    kind = Reward.Kind.MYSTERY if one_in == 1 else Reward.Kind.INSTANT
    other = Reward.objects.filter(prize_pool=pool).exclude(kind=kind).order_by("pk").first() if pool.pk else None
    if other is None:
        return None
    message = _("The reward “%(reward)s” draws from this pool and is of the kind “%(kind)s”, which does not fit.")
    return PoolRefused(message % {"reward": other, "kind": other.get_kind_display()})


def pool_of(reward: Reward) -> PrizePool:
    """The pool a reward of this kind draws from."""
    if reward.prize_pool is None:
        raise TypeError(f"{reward} draws from no pool")
    return reward.prize_pool


def odds(pool: PrizePool, prizes: Sequence[PoolPrize], gone: Collection[int] = ()) -> list[Fraction]:
    """The chance of each prize at the next number that is not decided by counting; what is out has none."""
    weights = [0 if place in gone else one.weight for place, one in enumerate(prizes, start=1)]
    whole = sum(weights) * pool.one_in
    return [Fraction(weight, whole) if whole else Fraction(0) for weight in weights]


def out_of(prizes: Sequence[PoolPrize], *, at: datetime) -> set[int]:
    """The places of prizes that are out: their pieces are given, or nothing of their reward is left."""
    rewards = [one.reward for one in prizes if one.reward is not None]
    codes, dates = codes_left(rewards), of_rewards(rewards, at=at)
    stocks: dict[int, list[StoreStock]] = {}
    for kept in StoreStock.objects.filter(reward__in=rewards):
        stocks.setdefault(kept.reward_id, []).append(kept)
    found = set()
    for place, one in enumerate(prizes, start=1):
        rest = left_of(one.reward, stocks.get(one.reward.pk, []), codes, dates.get(one.reward.pk)) if one.reward else None  # fmt: skip
        if (one.left is not None and one.left <= 0) or (rest is not None and rest <= 0):
            found.add(place)
    return found
