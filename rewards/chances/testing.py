"""Pools of prizes for the tests."""

from typing import Any

from loyalty.common.sealing import seal
from loyalty.ledger.models import Program
from members.testing import OPENING
from rewards.chances import publishing
from rewards.chances.terms import SEED
from rewards.draws import fair
from rewards.models import PoolPromise, PrizePool, Reward
from rewards.testing import make_reward

KNOWN_SEED = "5e" * 32


def seed_of(slug: str) -> str:
    """The seed of a pool of the tests, another one for each."""
    return fair.digest_of(KNOWN_SEED + slug)


def make_pool(program: Program, *prizes: dict[str, Any], slug: str = "box", **more: Any) -> PrizePool:
    """A published pool whose seed the tests know; without prizes of its own, two of points: 5 (weighs 3) and 50 (weighs 1)."""
    told = {"name": "The box", "summary": "Something good."} | more
    pool = PrizePool.objects.create(program=program, slug=slug, **told)
    for place, one in enumerate(prizes or ({"points": 5, "weight": 3}, {"points": 50}), start=1):
        pool.prizes.create(**({"name": f"Prize {place}", "position": place} | one))
    PoolPromise.objects.create(
        prize_pool=pool, seed_digest=fair.digest_of(seed_of(slug)), made_at=OPENING, made_by="test",
        sealed_seed=seal(seed_of(slug), purpose=SEED), terms=publishing.terms_of(pool),
    )  # fmt: skip
    PrizePool.objects.filter(pk=pool.pk).update(status=PrizePool.Status.OPEN)
    pool.refresh_from_db()
    return pool


def make_surprise(pool: PrizePool, **more: Any) -> Reward:
    """A reward that draws from the pool, for 10 points."""
    kind = "mystery" if pool.always_wins else "instant"
    told: dict[str, Any] = {"cost": 10, "kind": kind, "prize_pool": pool, "name": "A surprise"}
    return make_reward(pool.program, f"{pool.slug}-surprise", **(told | more))


def expected(pool: PrizePool, number: int, *, gone: tuple[int, ...] = ()) -> int:
    """The place of the prize a number draws, 0 for nothing, from the known seed."""
    weights = [0 if place in gone else one["weight"] for place, one in enumerate(pool.promise.terms["prizes"], start=1)]
    lot = fair.lot(seed_of(pool.slug), number, weights, one_in=pool.one_in, is_counted=pool.is_counted)
    return 0 if lot is None else lot + 1
