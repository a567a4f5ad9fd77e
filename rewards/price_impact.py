"""What other prices of a reward would mean: who can pay for it, and what a year of redemptions would have cost (DOMAIN 8.4).

Both sides are judged alike, by the balances, tiers and segments of now: what differs are the prices alone. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.money import show_money
from loyalty.ledger import finance
from members.models import Member, MemberAccount
from members.segments import membership
from members.segments.models import Segment
from rewards.eligibility import show_amount
from rewards.models import Redemption, Reward, RewardPrice
from rewards.pricing import price_of

MONTHS = 12
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Side:
    """A reward with the prices of one side of the comparison."""

    reward: Reward
    prices: Sequence[RewardPrice]

    def cost(self, member: Member, at: datetime, segments: set[int]) -> tuple[int, Decimal]:
        """Points and money for a member at an instant."""
        price = price_of(self.reward, self.prices, member, at=at, segments=segments)
        return price.cost, price.money


def worth_of(now: Side, then: Side, *, at: datetime) -> dict[str, Any]:
    """The impact as plain JSON: {"can_now", "can_then", "moved", "redeemed", "points", "money"}.

    `moved` is how many members can pay on one side only; `points` and `money` what the redemptions of the last months would have cost
    more (below 0: less). Three queries, and one for each segment that a price or the reward names.
    """
    inside = _inside([now, then], at=at)
    counted = {"can_now": 0, "can_then": 0, "moved": 0}
    for member, available in _holders(now.reward):
        segments = {pk for pk, members in inside.items() if member.pk in members}
        before, after = (side.cost(member, at, segments)[0] <= available for side in (now, then))
        counted["can_now"] += before
        counted["can_then"] += after
        counted["moved"] += before != after
    redeemed, points, money = 0, 0, Decimal(0)
    for one in _redeemed(now.reward, at=at):
        segments = {pk for pk, members in inside.items() if one.member_id in members}
        costs = [side.cost(one.member, one.redeemed_at, segments) for side in (now, then)]
        redeemed, points, money = redeemed + 1, points + costs[1][0] - costs[0][0], money + costs[1][1] - costs[0][1]
    return counted | {"redeemed": redeemed, "points": points, "money": str(money)}


def in_words(reward: Reward, worth: dict[str, Any]) -> list[str]:
    """The impact for whoever decides."""
    if not worth:
        return []
    can = _("%(now)d members have enough points for it now, %(then)d would have them then.")
    said = [can % {"now": worth["can_now"], "then": worth["can_then"]}]
    if not worth["redeemed"]:
        return [*said, _("Nobody redeemed it in the last 12 months.")]
    points, money = worth["points"], Decimal(worth["money"])
    told = {
        "count": worth["redeemed"],
        "points": show_amount(abs(points), reward.wallet),
        "worth": show_money(finance.worth(reward.wallet, abs(points)), reward.program.currency),
    }
    if points > 0:
        words = ngettext("The %(count)d redemption of the last 12 months would have cost %(points)s more, worth %(worth)s.", "The %(count)d redemptions of the last 12 months would have cost %(points)s more, worth %(worth)s.", worth["redeemed"])  # fmt: skip
    elif points < 0:
        words = ngettext("The %(count)d redemption of the last 12 months would have cost %(points)s less, worth %(worth)s.", "The %(count)d redemptions of the last 12 months would have cost %(points)s less, worth %(worth)s.", worth["redeemed"])  # fmt: skip
    else:
        words = ngettext("The %(count)d redemption of the last 12 months would have cost as many points.", "The %(count)d redemptions of the last 12 months would have cost as many points.", worth["redeemed"])  # fmt: skip
    said.append(words % told)
    besides = {"money": show_money(abs(money), reward.program.currency)}
    if money > 0:
        said.append(_("Members would have paid %(money)s more besides.") % besides)
    elif money < 0:
        said.append(_("Members would have paid %(money)s less besides.") % besides)
    return said


def _inside(sides: Sequence[Side], *, at: datetime) -> dict[int, set[int]]:
    """The members of each segment that a price names."""
    named = {one.segment_id for side in sides for one in side.prices if one.segment_id}
    found = Segment.objects.filter(pk__in=named).order_by("pk")
    return {one.pk: set(membership.members_in(one, at).values_list("pk", flat=True)) for one in found}


def _holders(reward: Reward) -> Iterator[tuple[Member, int]]:
    """The members whom the reward is for, each with what they have to spend, row by row."""
    held = MemberAccount.objects.filter(wallet=reward.wallet_id, member__status=Member.Status.ACTIVE)
    if reward.minimum_tier:
        held = held.filter(member__tier__rank__gte=reward.minimum_tier.rank)
    if reward.segment_id:
        held = held.filter(member__segment_stays__segment=reward.segment_id, member__segment_stays__until__isnull=True)
    for one in held.select_related("member__tier", "account").order_by().iterator(chunk_size=CHUNK):
        one.member.program = reward.program
        yield one.member, one.account.available


def _redeemed(reward: Reward, *, at: datetime) -> Iterator[Redemption]:
    """What was paid with points and kept in the last months, row by row."""
    zone = reward.program.time_zone
    since = day_start(add_months(local_day(at, zone), -MONTHS), zone)
    kept = reward.redemptions.filter(entry__isnull=False, redeemed_at__gte=since, redeemed_at__lt=at)
    kept = kept.exclude(status=Redemption.Status.CANCELLED).select_related("member__tier").order_by()
    for one in kept.iterator(chunk_size=CHUNK):
        one.member.program = reward.program
        yield one
