"""The catalogue as one member sees it: every reward on offer, whether they can have it now, and if not, why.

What the catalogue says and what a redemption answers come from the same rule (`eligibility.judge`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import statements
from loyalty.ledger.models import Program, Wallet
from members import tiers
from members.models import Member, MemberAccount, Tier
from rewards import early, pools, sessions
from rewards.eligibility import judge, judge_held, judge_price, segments_asked
from rewards.limits import NEVER, Had, had
from rewards.models import Draw, EventSession, PrizePool, Reward, RewardPrice, StoreStock
from rewards.pricing import Price, price_of
from rewards.stocks import out_of_stock

HAS = {
    "has_prices": Exists(RewardPrice.objects.filter(reward=OuterRef("pk"))),
    "has_stores": Exists(StoreStock.objects.filter(reward=OuterRef("pk"))),
}


class RewardUnknown(Refusal):
    """The program has no such reward."""

    code = "reward_unknown"
    status = 404


@dataclass(frozen=True)
class Offer:
    """One reward and what it means for one member. `missing` is in the wallet's smallest unit.

    `stocks` are what the stores have, for a reward that stores keep; `sessions` the dates of an experience.
    """

    reward: Reward
    price: Price
    can_redeem: bool
    refusal: Refusal | None
    missing: int
    left: int | None
    redeemed_by_member: int
    stocks: list[StoreStock] = field(default_factory=list)
    sessions: list[EventSession] = field(default_factory=list)

    @property
    def cost(self) -> int:
        """What the member pays in points."""
        return self.price.cost

    @property
    def is_nearly_there(self) -> bool:
        """Whether only points are missing."""
        return self.refusal is not None and self.refusal.code == "insufficient_points"


@dataclass(slots=True)
class Shelf:
    """What judging rewards for a member needs, read once for all of them."""

    member: Member
    at: datetime
    available: dict[int, int]
    had: dict[int, Had]
    segments: set[int]
    prices: dict[int, list[RewardPrice]]
    stocks: dict[int, list[StoreStock]]
    codes: dict[int, int]
    sessions: dict[int, list[EventSession]]
    early: dict[int, int]

    def offer(self, reward: Reward) -> Offer:
        """Judge one reward; a reason that points cannot mend comes before a lack of points."""
        had, stocks = self.had.get(reward.pk, NEVER), self.stocks.get(reward.pk, [])
        prices = self.prices.get(reward.pk, ())
        price = price_of(reward, prices, self.member, at=self.at, segments=self.segments)
        available = self.available.get(reward.wallet_id, 0)
        refusal = judge(reward, self.member, at=self.at, had=had, segments=self.segments, early=self.early)
        refusal = refusal or judge_held(reward, self.member, at=self.at, is_had=had.total > 0)
        dates = self.sessions.get(reward.pk)
        left = left_of(reward, stocks, self.codes, dates)
        if refusal is None and left is not None and left <= 0:
            refusal = out_of_stock()
        refusal = refusal or judge_price(reward, cost=price.cost, available=available)
        missing = max(0, price.cost - available)
        return Offer(reward, price, refusal is None, refusal, missing, left, had.total, stocks, dates or [])


def left_of(
    reward: Reward, stocks: list[StoreStock], codes: dict[int, int], dates: list[EventSession] | None = None
) -> int | None:
    """How many can still be redeemed: of its stock, in all stores, of its partner's codes, seats; None when unlimited."""
    counts = [] if reward.left is None else [reward.left]
    if stocks:
        counts.append(sum(one.left for one in stocks))
    if reward.pool_id is not None:
        counts.append(codes.get(reward.pool_id, 0))
    if dates is not None:
        counts.append(sum(one.left for one in dates))
    return min(counts, default=None)


_POOL_OPEN = Q(prize_pool__isnull=True) | Q(prize_pool__status=PrizePool.Status.OPEN)


def left(rewards: Sequence[Reward], *, at: datetime) -> dict[int, int | None]:
    """How many of each reward can still be redeemed, by reward; None when unlimited."""
    stocks, codes = _stocks([one.pk for one in rewards]), codes_left(rewards)
    dates = sessions.of_rewards(rewards, at=at)
    return {one.pk: left_of(one, stocks[one.pk], codes, dates.get(one.pk)) for one in rewards}


def on_offer(program: Program, *, at: datetime) -> QuerySet[Reward]:
    """The rewards of a program that are switched on and whose offer has not ended; coming ones are included.

    Entries of a draw are offered while it takes some, prizes by chance while their pool is open.
    """
    rewards = Reward.objects.filter(program=program, is_active=True).exclude(_draw_elsewhen(at)).filter(_POOL_OPEN)
    return rewards.exclude(offered_until__lte=at).select_related("wallet", "minimum_tier", "program", "category")


def _draw_elsewhen(at: datetime) -> Q:
    """Rewards whose draw takes no entries at that instant."""
    closed = ~Q(draw__status=Draw.Status.OPEN) | Q(draw__opens_at__gt=at) | Q(draw__closes_at__lte=at)
    return Q(draw__isnull=False) & closed


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


def offers(member: Member, *, at: datetime, wanted: Q | None = None) -> list[Offer]:
    """Every reward on offer with this member's chances, in a constant number of queries; `wanted` narrows it down.

    What is kept for a segment shows to its members only.
    """
    asked = on_offer(member.program, at=at).filter(wanted or Q())
    rewards = list(asked.select_related(None).select_related("minimum_tier", "tier", "opens").annotate(**HAS))
    shelf = _shelf(member, rewards, at)
    return [
        shelf.offer(reward) for reward in rewards if reward.segment_id is None or reward.segment_id in shelf.segments
    ]


def offer(member: Member, reward: Reward, *, at: datetime) -> Offer:
    """One reward with this member's chances: for the page that asks whether they are sure."""
    asked = (
        Reward.objects.filter(pk=reward.pk).select_related("minimum_tier", "tier", "opens", "category").annotate(**HAS)
    )
    rewards = list(asked)
    return _shelf(member, rewards, at).offer(rewards[0])


def _shelf(member: Member, rewards: list[Any], at: datetime) -> Shelf:
    """Read what judging these rewards for the member needs; prices and stocks only where there are any."""
    accounts = MemberAccount.objects.filter(member=member).select_related("wallet")
    accounts = accounts.annotate(tier_is_due=tiers.is_due(OuterRef("member"), at))
    wallets = {one.wallet_id: one.wallet for one in accounts}
    if any(one.tier_is_due for one in accounts):
        member.tier = tiers.tier_at(member, at)
    if strange := {one.wallet_id for one in rewards} - set(wallets):
        wallets |= Wallet.objects.in_bulk(strange)
    for one in rewards:
        one.program, one.wallet = member.program, wallets[one.wallet_id]
    prices = _prices([one.pk for one in rewards if one.has_prices])
    stocks = _stocks([one.pk for one in rewards if one.has_stores])
    return Shelf(
        member,
        at,
        _available({one.account_id: one.wallet_id for one in accounts}, at),
        had(member, at=at, rewards=rewards if len(rewards) == 1 else None),
        segments_asked(rewards, member, at=at, prices=[one for many in prices.values() for one in many]),
        prices,
        stocks,
        codes_left(rewards),
        sessions.of_rewards(rewards, at=at),
        early.days_of(member, rewards, at=at),
    )


def codes_left(rewards: Iterable[Reward]) -> dict[int, int]:
    """What the pools of these rewards can still give out; one query, none where no reward has a pool."""
    asked = {reward.pool_id for reward in rewards if reward.pool_id is not None}
    return pools.left(asked) if asked else {}


def _prices(reward_ids: list[int]) -> dict[int, list[RewardPrice]]:
    """The other prices of these rewards; one query, none for none."""
    found: dict[int, list[RewardPrice]] = defaultdict(list)
    if reward_ids:
        for one in RewardPrice.objects.filter(reward__any_of=reward_ids):
            found[one.reward_id].append(one)
    prices = [one for many in found.values() for one in many if one.tier_id]
    tiers = Tier.objects.in_bulk({one.tier_id for one in prices}) if prices else {}
    for one in prices:
        one.tier = tiers[one.tier_id]
    return found


def _stocks(reward_ids: list[int]) -> dict[int, list[StoreStock]]:
    """What the stores have of these rewards; one query, none for none."""
    found: dict[int, list[StoreStock]] = defaultdict(list)
    if reward_ids:
        for one in StoreStock.objects.filter(reward__any_of=reward_ids).select_related("store"):
            found[one.reward_id].append(one)
    return found


def _available(accounts: dict[int, int], at: datetime) -> dict[int, int]:
    """What can be spent now, by wallet; `accounts` are wallets by account."""
    balances = statements.balances(list(accounts), at=at)
    return {wallet: balances[account].available for account, wallet in accounts.items() if account in balances}
