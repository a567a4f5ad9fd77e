"""A number is drawn from a pool, and what it won is given in the same transaction.

The pool's row is locked after the member's accounts and before the rewards; so numbers have no gap, and what is out is known. A prize
that is out weighs nothing: the same number draws among the others (`rewards.draws.fair.lot`), and the places that were out are kept
with it, so that everybody can compute it again. When every prize is out nothing is drawn, and no points are taken.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.sealing import opened
from rewards.chances.terms import SEED, PoolClosed, out_of, pool_of, prizes_of
from rewards.draws import fair
from rewards.draws.giving import hand_over
from rewards.models import PoolDraw, PoolPrize, PrizePool, Redemption
from rewards.stocks import out_of_stock


def undrawable(pool: PrizePool, *, at: datetime) -> Refusal | None:
    """Why nothing can be drawn at that instant; None when something can."""
    if pool.status != PrizePool.Status.OPEN:
        return PoolClosed(_("These prizes are not drawn at the moment. Choose another reward."))
    prizes = prizes_of(pool)
    return out_of_stock() if len(out_of(prizes, at=at)) == len(prizes) else None


def draw(ticket: Redemption, *, at: datetime, actor: str) -> PoolDraw:
    """Draw the next number for a redemption, in its transaction, and give what it won. Raises PoolClosed, OutOfStock."""
    held = PrizePool.objects.select_for_update(no_key=True, of=("self",)).select_related("promise", "program")
    pool = held.get(pk=pool_of(ticket.reward).pk)
    if refusal := undrawable(pool, at=at):
        raise refusal
    seed, prizes = opened(pool.promise.sealed_seed, purpose=SEED), prizes_of(pool)
    drawn = PoolDraw(prize_pool=pool, number=pool.numbers + 1, member=ticket.member, ticket=ticket, drawn_at=at)
    gone = out_of(prizes, at=at)
    while True:
        drawn.prize = _prize(pool, prizes, gone, seed, drawn.number)
        if drawn.prize is None or _given(drawn, at=at, actor=actor):
            break
        gone.add(prizes.index(drawn.prize) + 1)  # it went just now, or it cannot be given to this member
    drawn.out = sorted(gone)
    drawn.save(force_insert=True)
    if not PrizePool.objects.filter(pk=pool.pk, numbers=pool.numbers).update(numbers=drawn.number):
        raise AssertionError(f"a number of {pool} was drawn by somebody else under its lock")
    return drawn


def _prize(pool: PrizePool, prizes: list[PoolPrize], gone: set[int], seed: str, number: int) -> PoolPrize | None:
    """The prize a number draws while some are out; None when it wins nothing. Raises OutOfStock."""
    weights = [0 if place in gone else one.weight for place, one in enumerate(prizes, start=1)]
    if not any(weights):
        raise out_of_stock()
    found = fair.lot(seed, number, weights, one_in=pool.one_in, is_counted=pool.is_counted)
    return None if found is None else prizes[found]


def _given(drawn: PoolDraw, *, at: datetime, actor: str) -> bool:
    """Whether the prize could be given; nothing has changed when it could not."""
    prize, member, number = drawn.prize, drawn.member, drawn.number
    if prize is None:
        raise TypeError("a number without a prize gives nothing")
    try:
        with transaction.atomic():
            reference = f"pool:{drawn.prize_pool_id}:{number}"
            drawn.redemption, drawn.credit = hand_over(
                prize, member, at=at, actor=actor, reference=reference, why=str(drawn.prize_pool)
            )
            left = PoolPrize.objects.filter(pk=prize.pk)
            if prize.pieces is not None:
                left = left.filter(given__lt=F("pieces"))
            if not left.update(given=F("given") + 1):
                raise out_of_stock()
    except Refusal:
        drawn.redemption = drawn.credit = None
        return False
    return True


def drawn_for(ticket: Redemption) -> PoolDraw | None:
    """What a redemption drew."""
    found = PoolDraw.objects.filter(ticket=ticket)
    return found.select_related("prize__reward", "prize_pool__program", "redemption__voucher").first()
