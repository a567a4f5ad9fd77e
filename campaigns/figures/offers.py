"""Figures about what members are offered: rewards, campaigns, and what they say of us."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.utils.translation import gettext_lazy as _

from campaigns import measuring
from campaigns.figures.catalogue import (
    CAMPAIGNS,
    COUNT,
    MONEY,
    POINTS,
    REWARDS,
    SCORE,
    SHARE,
    TEXT,
    Column,
    Estimate,
    Reading,
    figure,
)
from campaigns.figures.people import TEN_THOUSANDTH
from campaigns.models import Campaign
from campaigns.ways import surveys
from rewards.models import Redemption, Reward

MOST_CAMPAIGNS = 50
TENTH = Decimal("0.1")


@figure(
    _("Reward popularity"),
    _("Redemptions of the period that were not cancelled, by reward, the most wanted first."),
    group=REWARDS,
    columns=[
        Column("reward", _("Reward"), TEXT),
        Column("redemptions", _("Redemptions"), COUNT),
        Column("points", _("Points"), POINTS),
        Column("share", _("Share"), SHARE),
    ],
)
def reward_popularity(asked: Reading) -> list[dict[str, Any]]:
    """One row per reward that was redeemed, with its share of all redemptions. Two queries."""
    taken = Redemption.objects.filter(
        program=asked.program, redeemed_at__gte=asked.period.since, redeemed_at__lt=asked.end
    ).exclude(status=Redemption.Status.CANCELLED)
    rows = list(taken.order_by().values_list("reward").annotate(found=Count("pk"), points=Sum("cost")))
    rewards = Reward.objects.in_bulk([pk for pk, _found, _points in rows])
    everything = sum(found for _pk, found, _points in rows)
    return [
        {
            "reward": rewards[pk],
            "redemptions": found,
            "points": points,
            "share": (Decimal(found) / everything).quantize(TEN_THOUSANDTH),
        }
        for pk, found, points in sorted(rows, key=lambda row: (-row[1], row[0]))
    ]


def reports(asked: Reading) -> list[measuring.Report]:
    """The campaigns that counted in the period, the 50 that began last, each from its first moment on."""
    found = Campaign.objects.filter(program=asked.program, since__lt=asked.end, until__gt=asked.period.since).exclude(
        status=Campaign.Status.DRAFT
    )
    return measuring.reports(list(found.order_by("-since", "-pk")[:MOST_CAMPAIGNS]), at=asked.end)


@figure(
    _("Campaign cost"),
    _(
        "What the points are worth that the campaigns of the period gave from their first moment until its end, before goods came back."
    ),
    group=CAMPAIGNS,
    unit=MONEY,
    shown_in="campaigns",
)
def campaign_cost(asked: Reading) -> Decimal:
    """The cost of all of them together."""
    return sum((one.cost for one in asked.once(reports)), Decimal("0.00"))


@figure(
    _("Return on campaigns"),
    _(
        "Incremental sales less cost, divided by cost, of the campaigns of the period that keep a control group; with its 95 % interval, the draws of campaigns being independent of each other. Sales, not profit."
    ),
    group=CAMPAIGNS,
    unit=SHARE,
    shown_in="campaigns",
)
def campaign_return(asked: Reading) -> Estimate | None:
    """(Incremental revenue - cost) / cost; None where no campaign can be measured. The squares of the margins add up."""
    measured = [(one.lift, one.cost) for one in asked.once(reports) if one.lift is not None]
    brought = sum((lift.revenue for lift, _cost in measured), Decimal(0))
    margin = sum((((lift.revenue_high - lift.revenue_low) / 2) ** 2 for lift, _cost in measured), Decimal(0)).sqrt()
    cost = sum((cost for _lift, cost in measured), Decimal(0))
    middle = measuring.return_of(brought, cost)
    if middle is None:
        return None
    return Estimate(middle, measuring.return_of(brought - margin, cost), measuring.return_of(brought + margin, cost))


@figure(
    _("Campaigns"),
    _(
        "Each campaign of the period from its first moment until the end of the period: members reached, what its points cost, what a treated member spent more than one of the control group, with the interval at 95 %, and the return."
    ),
    group=CAMPAIGNS,
    columns=[
        Column("campaign", _("Campaign"), TEXT),
        Column("members", _("Members reached"), COUNT),
        Column("purchases", _("Purchases"), COUNT),
        Column("points", _("Points"), POINTS),
        Column("cost", _("Cost"), MONEY),
        Column("sales", _("Sales"), MONEY),
        Column("lift", _("Lift per member"), MONEY),
        Column("lift_low", _("at least"), MONEY),
        Column("lift_high", _("at most"), MONEY),
        Column("incremental", _("Incremental sales"), MONEY),
        Column("roi", _("Return"), SHARE),
    ],
)
def campaigns(asked: Reading) -> list[dict[str, Any]]:
    """One row per campaign, the newest first; what needs a control group is None without one."""
    return [
        {
            "campaign": one.campaign,
            "members": one.members,
            "purchases": one.purchases,
            "points": one.points,
            "cost": one.cost,
            "sales": one.revenue,
            "lift": one.lift and one.lift.difference,
            "lift_low": one.lift and one.lift.low,
            "lift_high": one.lift and one.lift.high,
            "incremental": one.lift and one.lift.revenue,
            "roi": one.roi,
        }
        for one in asked.once(reports)
    ]


@figure(
    _("Net promoter score"),
    _(
        "Promoters (9 and 10) less detractors (0 to 6) among the replies of the period to questions of surveys that ask for it, in percent; with its 95 % interval."
    ),
    group=REWARDS,
    unit=SCORE,
)
def net_promoter_score(asked: Reading) -> Estimate | None:
    """The score over all surveys, to tenths; None without replies."""
    found = surveys.program_nps(asked.program, since=asked.period.since, until=asked.end)
    if found is None:
        return None
    score, low, high = (Decimal(number).quantize(TENTH) for number in (found.score, found.low, found.high))
    return Estimate(score, low, high)
