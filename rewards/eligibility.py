"""Who may redeem what, and why not.

One pure function judges a reward for a member; the catalogue shows its answer and a redemption obeys it, so that both
always say the same. A refusal has a stable code, the numbers behind it and a sentence with the next step (DOMAIN 7.1).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.common.clock import last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger.models import Wallet
from loyalty.ledger.posting import InsufficientPoints
from members.activity import MemberClosed
from members.models import Member
from members.segments import membership
from rewards.limits import CoolingDown, Had, LimitReached, judge_limits
from rewards.models import Reward, RewardPrice, in_season
from rewards.pricing import day_of_year
from rewards.stocks import OutOfStock, out_of_stock

__all__ = ["CoolingDown", "LimitReached", "OutOfStock"]

NOT_EARLY: Mapping[int, int] = MappingProxyType({})


class NotOffered(Refusal):
    """The reward is not offered now; `offered_from` and `offered_until` say when it is, where known."""

    code = "not_offered"


class TierTooLow(Refusal):
    """The reward starts at a higher tier (`tier`, its short name)."""

    code = "tier_too_low"


class NotForMember(Refusal):
    """The reward is kept for members of a segment that this member is not in."""

    code = "not_for_member"


class MemberTooNew(Refusal):
    """The reward is for members of some days' standing (`days`); `again_on` says from when."""

    code = "member_too_new"


class TierHeld(Refusal):
    """The member has this tier or a higher one, or the program has it no more."""

    code = "tier_held"


class BadgeHeld(Refusal):
    """The member has this badge."""

    code = "badge_held"


class OpenAlready(Refusal):
    """What the early access opens is open to everybody already, or has no first day."""

    code = "open_already"


class EarlyHeld(Refusal):
    """The member has this early access."""

    code = "early_held"


def show_amount(amount: int, wallet: Wallet) -> str:
    """Points with their name as the reader's language writes them, e.g. `1,200 points`."""
    return f"{show_points(amount, wallet.decimals)} {wallet.name_of(amount)}"


def judge(
    reward: Reward, member: Member, *, at: datetime, had: Had, segments: Collection[int],
    early: Mapping[int, int] = NOT_EARLY,
) -> Refusal | None:  # fmt: skip
    """Why this member cannot have this reward at that instant, whatever their points; None when they can.

    `had` is how often they have had it; `segments` are those the member is in, where the reward asks for one; `early` are the days by
    which rewards open earlier for them (`rewards.early`).
    """
    if member.status != Member.Status.ACTIVE:
        return MemberClosed(_("This membership is closed, so nothing can be redeemed on it."))
    zone = member.program.time_zone
    return (
        _judge_offer(reward, member, at, early.get(reward.pk, 0))
        or _judge_season(reward, at, zone)
        or _judge_tier(reward, member)
        or _judge_segment(reward, segments)
        or _judge_standing(reward, member, at)
        or judge_limits(reward, had, at=at, zone=zone)
        or _judge_stock(reward)
    )


def judge_opening(reward: Reward, *, at: datetime, is_had: bool) -> Refusal | None:
    """Why early access is no use: what it opens is open already, or the member has it. None for other kinds."""
    opened = reward.opens
    if opened is None:
        return None
    if opened.offered_from is None or at >= opened.offered_from:
        return OpenAlready(_("“%(reward)s” is open to everybody already.") % {"reward": opened}, reward=opened.slug)
    if is_had:
        return EarlyHeld(_("You have this early access already."), reward=opened.slug)
    return None


def judge_held(reward: Reward, member: Member, *, at: datetime, is_had: bool) -> Refusal | None:
    """Why a tier, a badge or early access is no use to this member; `is_had` says whether they have had the reward. None for other kinds."""
    if reward.tier is not None and reward.tier.rank <= member.tier.rank:
        message = _("You are %(tier)s already. Only a higher tier can be had.") % {"tier": member.tier}
        return TierHeld(message, tier=member.tier.slug)
    if reward.tier is not None and not reward.tier.is_on_ladder:
        return TierHeld(_("The program does not have this tier at present."), tier=reward.tier.slug)
    if reward.kind == Reward.Kind.BADGE and is_had:
        return BadgeHeld(_("You have this badge already. Choose another one."))
    return judge_opening(reward, at=at, is_had=is_had)


def judge_price(reward: Reward, *, cost: int, available: int) -> Refusal | None:
    """Why the points do not suffice, with the number missing; None when they do."""
    missing = cost - available
    if missing <= 0:
        return None
    message = _("Missing: %(missing)s. This reward costs %(cost)s, and %(available)s can be spent now.") % {
        "missing": show_amount(missing, reward.wallet),
        "cost": show_amount(cost, reward.wallet),
        "available": show_amount(available, reward.wallet),
    }
    return InsufficientPoints(message, missing=missing, available=available)


def _judge_offer(reward: Reward, member: Member, at: datetime, early_days: int) -> Refusal | None:
    """Whether the reward belongs to the member's program, is switched on and within its dates."""
    zone = member.program.time_zone
    if reward.program_id != member.program_id or not reward.is_active:
        return NotOffered(_("This reward is not offered at the moment. Please choose another one."))
    if reward.offered_from and at < reward.offered_from - timedelta(
        days=max(member.tier.early_access_days, early_days)
    ):
        day = local_day(reward.offered_from, zone)
        message = _("This reward is offered from %(day)s on. Please come back then.") % {"day": date_format(day)}
        return NotOffered(message, offered_from=reward.offered_from.isoformat())
    if reward.offered_until and at >= reward.offered_until:
        day = last_valid_day(reward.offered_until, zone)
        message = _("This reward was offered until %(day)s. Please choose another one.") % {"day": date_format(day)}
        return NotOffered(message, offered_until=reward.offered_until.isoformat())
    return None


def _judge_season(reward: Reward, at: datetime, zone: str) -> Refusal | None:
    """Whether it is the season of the reward."""
    if in_season(day_of_year(at, zone), reward.season_from, reward.season_until):
        return None
    since, until = show_day(reward.season_from), show_day(reward.season_until)
    message = _("This reward comes every year from %(since)s to %(until)s.") % {"since": since, "until": until}
    return NotOffered(message, season_from=reward.season_from, season_until=reward.season_until)


def show_day(day: str) -> str:
    """A day of the year in the reader's language."""
    month, number = day.split("-")
    return date_format(date(2000, int(month), int(number)), "MONTH_DAY_FORMAT")


def _judge_standing(reward: Reward, member: Member, at: datetime) -> Refusal | None:
    """Whether the member has been one for long enough."""
    if not reward.minimum_member_days:
        return None
    zone = member.program.time_zone
    again = local_day(member.enrolled_at, zone) + timedelta(days=reward.minimum_member_days)
    if local_day(at, zone) >= again:
        return None
    message = _("This reward is for longer-standing members. You can have it from %(day)s on.")
    numbers = {"days": reward.minimum_member_days, "again_on": again.isoformat()}
    return MemberTooNew(message % {"day": date_format(again)}, **numbers)


def _judge_tier(reward: Reward, member: Member) -> Refusal | None:
    """Whether the member's tier is high enough."""
    needed = reward.minimum_tier
    if needed is None or member.tier.rank >= needed.rank:
        return None
    message = _("This reward is for members from tier %(tier)s on; the tier now is %(current)s.")
    return TierTooLow(message % {"tier": needed, "current": member.tier}, tier=needed.slug)


def _judge_segment(reward: Reward, segments: Collection[int]) -> Refusal | None:
    """Whether the member is in the segment it is kept for; which one that is, is not told to the member."""
    if reward.segment_id is None or reward.segment_id in segments:
        return None
    return NotForMember(_("This reward is kept for some members. Please choose another one."))


def segments_asked(
    rewards: Iterable[Reward], member: Member, *, at: datetime, prices: Iterable[RewardPrice] = ()
) -> set[int]:
    """The segments the member is in; one query, none where no reward and no price asks."""
    asked = [*(one.segment_id for one in rewards), *(one.segment_id for one in prices)]
    if not any(asked):
        return set()
    return {segment.pk for segment in membership.of_members([member.pk], at).get(member.pk, ())}


def _judge_stock(reward: Reward) -> Refusal | None:
    """Whether anything is left."""
    return out_of_stock() if reward.left is not None and reward.left <= 0 else None
