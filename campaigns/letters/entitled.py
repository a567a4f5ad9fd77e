"""Who may have a reward, and at what price, asked of many members at once: what the catalogue says to one (`rewards.catalogue`)."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from loyalty.common.clock import day_start, local_day
from loyalty.ledger.models import Lot
from members.segments import membership
from rewards.limits import PERIODS, begin_of
from rewards.models import Redemption, Reward, RewardPrice, in_season
from rewards.pricing import day_of_year

MEMBER = "account__member_account__member"


def is_open(reward: Reward, *, at: datetime) -> bool:
    """Whether anybody can have it now: its first day has come, it is in season, what it gives is of use."""
    opened, tier = reward.opens, reward.tier
    is_of_use = opened is None or (opened.offered_from is not None and opened.offered_from > at)
    return (
        (reward.offered_from is None or reward.offered_from <= at)
        and in_season(day_of_year(at, reward.program.time_zone), reward.season_from, reward.season_until)
        and (tier is None or tier.is_on_ladder)
        and is_of_use
    )


def of_entitled(lots: QuerySet[Lot], reward: Reward, *, at: datetime) -> QuerySet[Lot]:
    """Lots of members who may have a reward, whatever their points: by tier, segment, standing and what they had of it."""
    zone = reward.program.time_zone
    if reward.minimum_member_days:
        joined = day_start(local_day(at, zone) - timedelta(days=reward.minimum_member_days - 1), zone)
        lots = lots.filter(**{f"{MEMBER}__enrolled_at__lt": joined})
    if reward.minimum_tier is not None:
        lots = lots.filter(**{f"{MEMBER}__tier__rank__gte": reward.minimum_tier.rank})
    if reward.tier is not None:
        lots = lots.filter(**{f"{MEMBER}__tier__rank__lt": reward.tier.rank})
    if reward.segment is not None:
        lots = lots.filter(**{f"{MEMBER}__in": membership.members_in(reward.segment, at).values("pk")})
    for had in _too_many(reward, at=at):
        lots = lots.exclude(Exists(had))
    return lots


def price(reward: Reward, *, at: datetime) -> Any:
    """What a reward costs the member of a lot, as an expression: the lowest price that holds."""
    day = day_of_year(at, reward.program.time_zone)
    others = reward.prices.filter(Q(since__isnull=True) | Q(since__lte=at), Q(until__isnull=True) | Q(until__gt=at))
    lower = others.filter(cost__lt=reward.cost).select_related("tier", "segment").order_by("cost", "id")
    held = [one for one in lower if in_season(day, one.season_from, one.season_until)]
    own = Value(reward.cost, BigIntegerField())
    return Case(*(When(_has(one, at), then=Value(one.cost, BigIntegerField())) for one in held), default=own)


def _has(price: RewardPrice, at: datetime) -> Q:
    """Whose price it is."""
    asked = Q(**{f"{MEMBER}__isnull": False})
    if price.tier is not None:
        asked &= Q(**{f"{MEMBER}__tier__rank__gte": price.tier.rank})
    if price.segment is not None:
        asked &= Q(**{f"{MEMBER}__in": membership.members_in(price.segment, at).values("pk")})
    return asked


def _too_many(reward: Reward, *, at: datetime) -> list[QuerySet[Redemption, Any]]:
    """What a member had of a reward that keeps them from another one."""
    had = Redemption.objects.filter(reward=reward, member=OuterRef(MEMBER))
    had = had.exclude(status=Redemption.Status.CANCELLED).order_by()
    found: list[QuerySet[Redemption, Any]] = []
    for period in ("lifetime", *PERIODS):
        if (limit := reward.limits[period]) is not None:
            begin = {} if period == "lifetime" else {"redeemed_at__gte": begin_of(period, at, reward.program.time_zone)}
            found.append(had.filter(**begin).values("member").annotate(times=Count("id")).filter(times__gte=limit))
    if reward.cooldown_days:
        found.append(had.filter(redeemed_at__gt=at - timedelta(days=reward.cooldown_days)))
    if reward.kind == Reward.Kind.BADGE or reward.opens_id is not None:
        found.append(had)
    return found
