"""What the public page of a pool shows, and the page that asks whether a member wants a number of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.db.models import QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from loyalty.ledger.models import Wallet
from rewards.chances.terms import odds, out_of, prizes_of
from rewards.draws.wording import prize_in_words
from rewards.models import PoolPrize, PrizePool

DRAWS_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class Chance:
    """A prize in words, its chance in words, and how many are left where that is known."""

    words: str
    chance: str
    left: int | None
    is_out: bool


@dataclass(frozen=True, slots=True)
class Chances:
    """A pool's prizes with their chances now, and how one wins at all."""

    pool: PrizePool
    prizes: list[Chance]
    rule: str


def published() -> QuerySet[PrizePool]:
    """Pools that everybody may see."""
    return PrizePool.objects.exclude(status=PrizePool.Status.DRAFT).select_related("program", "promise", "result")


def whole(program: str, slug: str) -> PrizePool | None:
    """A published pool."""
    return published().filter(program__slug=program, slug=slug).first()


def chances(pool: PrizePool, *, at: datetime) -> Chances:
    """The prizes and their chances at that instant; what is out has none, and the others have its part."""
    prizes = prizes_of(pool)
    gone = out_of(prizes, at=at)
    wallet = Wallet.objects.filter(program=pool.program_id, is_main=True).first()
    shown = [
        _chance(prize, wallet, chance, is_out=place in gone)
        for place, (prize, chance) in enumerate(zip(prizes, odds(pool, prizes, gone), strict=True), start=1)
    ]
    return Chances(pool, shown, rule(pool))


def _chance(prize: PoolPrize, wallet: Wallet | None, chance: Fraction, *, is_out: bool) -> Chance:
    return Chance(prize_in_words(prize, wallet), percent(chance), prize.left, is_out)


def percent(chance: Fraction) -> str:
    """A chance in per cent, rounded half up: one digit after the point, two below 1 %; none where they are nothing."""
    told = Decimal(chance.numerator * 100) / chance.denominator
    rounded = told.quantize(Decimal("0.1") if told >= 1 else Decimal("0.01"), ROUND_HALF_UP)
    text = number_format(int(rounded) if rounded == int(rounded) else rounded)
    return _("%(number)s %%") % {"number": text}


def rule(pool: PrizePool) -> str:
    """How one wins at all, as a sentence."""
    if pool.always_wins:
        return _("Every number wins one of these.")
    if pool.is_counted:
        return _("Exactly one of every %(one_in)s numbers in a row wins one of these.") % {"one_in": pool.one_in}
    return _("One number in %(one_in)s wins one of these, by chance.") % {"one_in": pool.one_in}
