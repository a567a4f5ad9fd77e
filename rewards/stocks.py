"""What is left of a reward, and taking one piece of it without ever taking what is not there.

The last step of a redemption, because everybody waits for that row: a conditional update whose count is looked at. A
reward that stores keep is taken from the store's pieces and counted on the reward as well.
"""

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.prepared import hot_cursor
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from rewards.models import Redemption, Reward, StoreStock

TAKE_ONE = 'UPDATE "rewards_reward" SET taken = taken + 1 WHERE id = %s AND (stock IS NULL OR taken < stock)'


class OutOfStock(Refusal):
    """Nothing of this reward is left."""

    code = "out_of_stock"


class StoreNeeded(Refusal):
    """Stores keep this reward: say at which one it is collected (`stores`)."""

    code = "store_needed"
    status = 422


class StoreUnknown(Refusal):
    """This store does not keep this reward (`stores` names those that do)."""

    code = "store_unknown"
    status = 404


def out_of_stock() -> OutOfStock:
    """The refusal of a reward of which nothing is left."""
    return OutOfStock(_("This reward is sold out. Please choose another one."), left=0)


def find_store(program: Program, code: str) -> Store:
    """The store of a program with this code. Raises StoreUnknown."""
    found = Store.objects.filter(program=program, code=code, is_active=True).first()
    if found is None:
        raise StoreUnknown(_("There is no such store. Please check its code."))
    return found


def judge_store(stocks: list[StoreStock], store: Store | None) -> Refusal | None:
    """Whether the reward can be collected at that store. `stocks` are what the stores have of it, with their stores."""
    codes = [one.store.code for one in stocks]
    if not stocks and store is None:
        return None
    if store is None:
        return StoreNeeded(_("Choose the store where you collect it."), stores=codes)
    kept = next((one for one in stocks if one.store_id == store.pk), None)
    if kept is None:
        return StoreUnknown(_("This store does not keep this reward. Choose another store."), stores=codes)
    if kept.left <= 0:
        message = _("It is sold out at %(store)s. Choose another store.") % {"store": kept.store}
        return OutOfStock(message, left=0, store=kept.store.code)
    return None


def take_one(reward: Reward, store_id: int | None = None) -> None:
    """Take one piece, in statements that cannot take what is not there. Raises OutOfStock."""
    if store_id is not None:
        there = StoreStock.objects.filter(reward=reward, store=store_id, taken__lt=F("stock"))
        if not there.update(taken=F("taken") + 1):
            raise out_of_stock()
    with hot_cursor() as cursor:
        cursor.execute(TAKE_ONE, [reward.pk])
        if not cursor.rowcount:
            raise out_of_stock()


def give_back(redemption: Redemption) -> None:
    """Put the piece of a cancelled redemption back."""
    if redemption.store_id is not None:
        kept = StoreStock.objects.filter(reward=redemption.reward_id, store=redemption.store_id, taken__gt=0)
        kept.update(taken=F("taken") - 1)
    Reward.objects.filter(pk=redemption.reward_id, taken__gt=0).update(taken=F("taken") - 1)


def running_low(program: Program) -> QuerySet[Reward]:
    """The rewards on offer of which a tenth of the stock is left, or nothing."""
    kept = Reward.objects.filter(program=program, is_active=True, stock__isnull=False)
    return kept.filter(stock__lte=F("taken") + F("stock") * 0.1).order_by("position", "id")
