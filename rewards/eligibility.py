"""Who may redeem what, and why not.

One pure function judges a reward for a member; the catalogue shows its answer and a redemption obeys it, so that both
always say the same. A refusal has a stable code, the numbers behind it and a sentence with the next step (DOMAIN 7.1).
"""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.clock import last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger.models import Wallet
from loyalty.ledger.posting import InsufficientPoints
from members.activity import MemberClosed
from members.models import Member
from rewards.models import Reward


class OutOfStock(Refusal):
    """Nothing of this reward is left."""

    code = "out_of_stock"


class NotOffered(Refusal):
    """The reward is not offered now; `offered_from` and `offered_until` say when it is, where known."""

    code = "not_offered"


class TierTooLow(Refusal):
    """The reward starts at a higher tier (`tier`, its short name)."""

    code = "tier_too_low"


class LimitReached(Refusal):
    """The member has had this reward as often as one member may (`limit`)."""

    code = "limit_reached"


def show_amount(amount: int, wallet: Wallet) -> str:
    """Points with their name as the reader's language writes them, e.g. `1,200 points`."""
    return f"{show_points(amount, wallet.decimals)} {wallet.name_of(amount)}"


def judge(reward: Reward, member: Member, *, at: datetime, redeemed: int) -> Refusal | None:
    """Why this member cannot have this reward now, apart from the price; None when they can.

    `redeemed` is how often the member already has it, cancelled ones not counted.
    """
    if member.status != Member.Status.ACTIVE:
        return MemberClosed(_("This membership is closed, so nothing can be redeemed on it."))
    return (
        _judge_offer(reward, member, at)
        or _judge_tier(reward, member)
        or _judge_limit(reward, redeemed)
        or _judge_stock(reward)
    )


def judge_price(reward: Reward, *, available: int) -> Refusal | None:
    """Why the points do not suffice, with the number missing; None when they do."""
    missing = reward.cost - available
    if missing <= 0:
        return None
    message = _("Missing: %(missing)s. This reward costs %(cost)s, and %(available)s can be spent now.") % {
        "missing": show_amount(missing, reward.wallet),
        "cost": show_amount(reward.cost, reward.wallet),
        "available": show_amount(available, reward.wallet),
    }
    return InsufficientPoints(message, missing=missing, available=available)


def _judge_offer(reward: Reward, member: Member, at: datetime) -> Refusal | None:
    """Whether the reward belongs to the member's program, is switched on and within its dates."""
    zone = member.program.time_zone
    if reward.program_id != member.program_id or not reward.is_active:
        return NotOffered(_("This reward is not offered at the moment. Please choose another one."))
    if reward.offered_from and at < reward.offered_from:
        day = local_day(reward.offered_from, zone)
        message = _("This reward is offered from %(day)s on. Please come back then.") % {"day": date_format(day)}
        return NotOffered(message, offered_from=reward.offered_from.isoformat())
    if reward.offered_until and at >= reward.offered_until:
        day = last_valid_day(reward.offered_until, zone)
        message = _("This reward was offered until %(day)s. Please choose another one.") % {"day": date_format(day)}
        return NotOffered(message, offered_until=reward.offered_until.isoformat())
    return None


def _judge_tier(reward: Reward, member: Member) -> Refusal | None:
    """Whether the member's tier is high enough."""
    needed = reward.minimum_tier
    if needed is None or member.tier.rank >= needed.rank:
        return None
    message = _("This reward is for members from tier %(tier)s on; the tier now is %(current)s.")
    return TierTooLow(message % {"tier": needed, "current": member.tier}, tier=needed.slug)


def _judge_limit(reward: Reward, redeemed: int) -> Refusal | None:
    """Whether the member may have another one."""
    limit = reward.limit_per_member
    if limit is None or redeemed < limit:
        return None
    message = ngettext(
        "Each member can have this reward %(limit)d time, and that has been reached.",
        "Each member can have this reward %(limit)d times, and that has been reached.",
        limit,
    )
    return LimitReached(message % {"limit": limit}, limit=limit)


def _judge_stock(reward: Reward) -> Refusal | None:
    """Whether anything is left."""
    return out_of_stock() if reward.left is not None and reward.left <= 0 else None


def out_of_stock() -> OutOfStock:
    """The refusal of a reward of which nothing is left."""
    return OutOfStock(_("This reward is sold out. Please choose another one."), left=0)
