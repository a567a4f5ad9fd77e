"""The catalogue as one member sees it: every reward on offer, whether they can have it now, and if not, why.

What the catalogue says and what a redemption answers come from the same rule (`eligibility.judge`).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import statements
from loyalty.ledger.models import Program
from members.models import Member, MemberAccount
from rewards.eligibility import judge, judge_price
from rewards.models import Redemption, Reward


class RewardUnknown(Refusal):
    """The program has no such reward."""

    code = "reward_unknown"
    status = 404


@dataclass(frozen=True)
class Offer:
    """One reward and what it means for one member. `missing` is in the wallet's smallest unit."""

    reward: Reward
    can_redeem: bool
    refusal: Refusal | None
    missing: int
    left: int | None
    redeemed_by_member: int


def on_offer(program: Program, *, at: datetime) -> QuerySet[Reward]:
    """The rewards of a program that are switched on and whose offer has not ended; coming ones are included."""
    rewards = Reward.objects.filter(program=program, is_active=True)
    return rewards.exclude(offered_until__lte=at).select_related("wallet", "minimum_tier", "program")


_by_slug = Prepared(
    lambda: Reward.objects.filter(program=Given("program"), slug=Given("slug")).select_related(
        "wallet", "minimum_tier", "program"
    )
)


def find(program: Program, slug: str) -> Reward:
    """The reward of a program with this short name, offered or not. Raises RewardUnknown."""
    found = _by_slug.first(program=program.pk, slug=slug)
    if found is None:
        raise RewardUnknown(_("There is no such reward. Choose one from the catalogue."))
    return found


def offers(member: Member, *, at: datetime) -> list[Offer]:
    """Every reward on offer with this member's chances, in a constant number of queries."""
    available = _available_by_wallet(member, at)
    redeemed = _redeemed_by_reward(member)
    return [
        _offer(reward, member, at, available.get(reward.wallet_id, 0), redeemed.get(reward.pk, 0))
        for reward in on_offer(member.program, at=at)
    ]


def offer(member: Member, reward: Reward, *, at: datetime) -> Offer:
    """One reward with this member's chances: for the page that asks whether they are sure."""
    available = _available_by_wallet(member, at)
    redeemed = _redeemed_by_reward(member)
    return _offer(reward, member, at, available.get(reward.wallet_id, 0), redeemed.get(reward.pk, 0))


def _offer(reward: Reward, member: Member, at: datetime, available: int, redeemed: int) -> Offer:
    """Judge one reward; a reason that points cannot mend comes before a lack of points."""
    refusal = judge(reward, member, at=at, redeemed=redeemed) or judge_price(reward, available=available)
    return Offer(
        reward=reward,
        can_redeem=refusal is None,
        refusal=refusal,
        missing=max(0, reward.cost - available),
        left=reward.left,
        redeemed_by_member=redeemed,
    )


def _available_by_wallet(member: Member, at: datetime) -> dict[int, int]:
    """What the member can spend now, by wallet."""
    accounts = dict(MemberAccount.objects.filter(member=member).values_list("account_id", "wallet_id"))
    balances = statements.balances(list(accounts), at=at)
    return {wallet: balances[account].available for account, wallet in accounts.items() if account in balances}


def _redeemed_by_reward(member: Member) -> dict[int, int]:
    """How often the member has each reward, cancelled ones not counted."""
    counted = Redemption.objects.filter(~Q(status=Redemption.Status.CANCELLED), member=member)
    return dict(counted.order_by().values_list("reward").annotate(Count("id")))
