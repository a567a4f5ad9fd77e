"""What members gave to causes with their points (DOMAIN 7.4): the totals that everybody may see, which name nobody.

A gift is written with its redemption and is final: it counts for its cause at the money of that moment.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count

from loyalty.common.bulk import insert_one
from loyalty.common.money import from_cents, sum_in_cents
from loyalty.ledger.models import Program
from rewards.models import Cause, Gift, Redemption


@dataclass(frozen=True, slots=True)
class Total:
    """What was given to a cause: how often, how much money, and how far it is to the goal in percent (100 at most)."""

    cause: Cause
    gifts: int
    money: Decimal
    percent: int | None


def give(redemption: Redemption) -> Gift | None:
    """Write the gift of a redemption, in its transaction; None for a reward without a cause."""
    reward = redemption.reward
    if reward.cause_id is None or reward.gift is None:
        return None
    gift = Gift(redemption=redemption, cause_id=reward.cause_id, money=reward.gift, given_at=redemption.redeemed_at)
    return insert_one(gift)


def gift_of(redemption: Redemption) -> Gift | None:
    """The gift of a redemption with its cause, if it is one."""
    return Gift.objects.filter(redemption=redemption).select_related("cause__program").first()


def totals(program: Program, *, only_public: bool = True) -> list[Total]:
    """The totals of a program's causes, the largest first. Two queries."""
    causes = Cause.objects.filter(program=program).select_related("program")
    causes = causes.filter(is_public=True) if only_public else causes
    rows = Gift.objects.filter(cause__program=program).order_by().values_list("cause")
    sums = {
        cause: (count, cents) for cause, count, cents in rows.annotate(count=Count("id"), cents=sum_in_cents("money"))
    }
    found = [_total(cause, *sums.get(cause.pk, (0, 0))) for cause in causes]
    return sorted(found, key=lambda total: (-total.money, total.cause.pk))


def total(cause: Cause) -> Total:
    """The total of one cause. One query."""
    told = Gift.objects.filter(cause=cause).aggregate(count=Count("id"), cents=sum_in_cents("money"))
    return _total(cause, told["count"], told["cents"])


def _total(cause: Cause, gifts: int, cents: int | None) -> Total:
    """A total with its part of the goal."""
    money = from_cents(cents)
    percent = min(100, int(money * 100 / cause.goal)) if cause.goal else None
    return Total(cause, gifts, money, percent)
