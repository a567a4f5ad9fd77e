"""A pool of prizes is published, which fixes its odds and its seed for good, and closed, which shows the seed (DOMAIN 7.5).

From publishing on the digest of the seed is public; the seed lies sealed until the pool is closed. Then nothing is drawn any more.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.sealing import opened, seal
from rewards.chances.terms import SEED, PoolRefused, changed, prizes_of, terms_of, unfit
from rewards.draws import fair
from rewards.models import PoolPromise, PoolResult, PrizePool

Status = PrizePool.Status


@transaction.atomic
def publish(pool: PrizePool, *, at: datetime, actor: str) -> PoolPromise:
    """Fix the odds and a new seed, and show its digest. Raises PoolRefused, PoolChanged."""
    pool = PrizePool.objects.select_for_update(no_key=True, of=("self",)).select_related("program").get(pk=pool.pk)
    if pool.status != Status.DRAFT:
        raise changed()
    if not prizes_of(pool):
        raise PoolRefused(_("This pool has no prize yet. Add at least one and save it first."))
    if refusal := unfit(pool, one_in=pool.one_in):
        raise refusal
    seed = fair.new_seed()
    made = PoolPromise.objects.create(
        prize_pool=pool, seed_digest=fair.digest_of(seed), sealed_seed=seal(seed, purpose=SEED), terms=terms_of(pool),
        made_at=at, made_by=actor,
    )  # fmt: skip
    PrizePool.objects.filter(pk=pool.pk, status=Status.DRAFT).update(status=Status.OPEN)
    return made


@transaction.atomic
def close(pool: PrizePool, *, at: datetime, actor: str) -> PoolResult:
    """Draw nothing more and show the seed, so that everybody can compute every number. Raises PoolChanged."""
    held = PrizePool.objects.select_for_update(no_key=True, of=("self",)).select_related("promise")
    pool = held.get(pk=pool.pk)
    if pool.status != Status.OPEN:
        raise changed()
    seed = opened(pool.promise.sealed_seed, purpose=SEED)
    made = PoolResult.objects.create(
        prize_pool=pool, seed=seed, numbers=pool.numbers, closed_at=at, closed_by=actor
    )  # fmt: skip
    PrizePool.objects.filter(pk=pool.pk).update(status=Status.CLOSED)
    return made
