"""A reward that is given instead of paid for: as a prize, or as amends. It costs no points and has no entry in the books.

What is given was promised before, so neither the catalogue's dates nor tiers nor limits are asked again; only what is not there
cannot be given. The voucher is like any other. Taking it back is `rewards.redemption.cancel`, which gives no points back.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from loyalty.ledger.locking import lock
from members.models import Member, MemberAccount
from rewards import kinds
from rewards.accounts import NoAccount, no_account
from rewards.models import Redemption, Reward, StoreStock

__all__ = ["NoAccount", "grant"]


@transaction.atomic
def grant(member: Member, reward: Reward, *, at: datetime, reference: str, actor: str) -> Redemption:
    """Give a member a reward for nothing and issue its voucher; a known reference is answered with its first redemption.

    Raises OutOfStock and NoAccount; then nothing has changed. The caller writes the letter: it knows what for.
    """
    account_id = MemberAccount.objects.filter(member=member, wallet=reward.wallet_id).values_list("account_id", flat=True).first()  # fmt: skip
    if account_id is None:
        raise no_account()
    kind = kinds.of(reward)
    lock(account_id, *kind.also_locked(member, reward))
    first = Redemption.objects.filter(program=member.program_id, reference=reference).select_related("voucher").first()
    if first is not None:
        return first
    store_id = _fullest_store(reward)
    redemption = Redemption.objects.create(
        program_id=member.program_id, reward=reward, member=member, account_id=account_id, reference=reference, cost=0,
        redeemed_at=at, store_id=store_id, **kind.ended(at=at, actor=actor),
    )  # fmt: skip
    redemption.chosen = kind.unasked(reward, at=at)
    kind.issue(redemption, at=at)
    kind.complete(redemption, at=at, actor=actor)
    kind.take(redemption, at=at)
    return redemption


def _fullest_store(reward: Reward) -> int | None:
    """Of a reward that stores keep, the store that has most of it left; a prize is collected there."""
    stocks = StoreStock.objects.filter(reward=reward).order_by(F("stock") - F("taken"), "-pk")
    return stocks.values_list("store_id", flat=True).last()
