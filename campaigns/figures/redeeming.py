"""Figures about rewards: which are redeemed and by whom, what they cost and bring, how soon they are used, and which nobody wants."""

from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.figures.catalogue import COUNT, MONEY, POINTS, REWARDS, SHARE, TEXT, TIMES, Column, Reading, figure
from campaigns.figures.people import TEN_THOUSANDTH
from loyalty.common.money import from_cents, sum_in_cents
from loyalty.ledger import finance
from loyalty.ledger.models import Wallet
from members.models import Tier
from members.segments.models import Segment
from rewards import cards, kinds
from rewards.models import Redemption, Reward

CENT = Decimal("0.01")
SEGMENT = "member__segment_stays__segment"
A_DAY = Decimal(86_400)
CANCELLED = Redemption.Status.CANCELLED
# What ends when it is redeemed is not used later: it says nothing about how soon rewards are used.
AT_ONCE = sorted(one.code for one in kinds.ALL if one.ends_at_once)


def _taken(asked: Reading) -> QuerySet[Redemption]:
    """The redemptions of the period that were not cancelled."""
    return Redemption.objects.filter(
        program=asked.program, redeemed_at__gte=asked.period.since, redeemed_at__lt=asked.end
    ).exclude(status=CANCELLED)


def _counts(asked: Reading) -> dict[str, Any]:
    """What is counted of a group of redemptions; an unused voucher past its end has run out, marked or not."""
    waited = Q(status=Redemption.Status.USED) & ~Q(reward__kind__in=AT_ONCE)
    over = Q(status=Redemption.Status.EXPIRED) | Q(status=Redemption.Status.ISSUED, voucher__expires_at__lte=asked.at)
    return {
        "found": Count("pk"),
        "points": Sum("cost"),
        "paid": sum_in_cents("to_pay"),
        "outlay": sum_in_cents("reward__unit_cost"),
        "unused": Count("pk", filter=over),
        "wait": Avg(F("ended_at") - F("redeemed_at"), filter=waited),
    }


def _days(wait: Any) -> Decimal | None:
    """A mean wait in days, to hundredths; None where nothing was used."""
    return None if wait is None else (Decimal(str(wait.total_seconds())) / A_DAY).quantize(CENT)


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(TEN_THOUSANDTH) if whole else None


@figure(
    _("Left on gift cards"),
    _(
        "Money on gift cards of our own that could still be spent at the end of the period; it is owed besides the points."
    ),
    group=REWARDS,
    unit=MONEY,
)
def left_on_gift_cards(asked: Reading) -> Decimal:
    """What the cards of the program held at the end of the period."""
    return cards.left_on_cards(asked.program, at=asked.instant)


@figure(
    _("Rewards redeemed"),
    _(
        "Redemptions of the period that were not cancelled, by reward: the points paid, what they are worth at the wallet's present worth of a point together with money paid besides, the cost at the reward's present cost to us, the margin (worth less cost), the mean days from redeeming to using, and vouchers that ran out unused, with their share."
    ),
    group=REWARDS,
    columns=[
        Column("reward", _("Reward"), TEXT),
        Column("redemptions", _("Redemptions"), COUNT),
        Column("points", _("Points"), POINTS),
        Column("worth", _("Worth"), MONEY),
        Column("cost", _("Cost"), MONEY),
        Column("margin", _("Margin"), MONEY),
        Column("days_to_use", _("Days to use"), TIMES),
        Column("unused", _("Ran out unused"), COUNT),
        Column("unused_share", _("Share unused"), SHARE),
    ],
)
def rewards_redeemed(asked: Reading) -> list[dict[str, Any]]:
    """One row per reward, the dearest for us first. Three queries."""
    rows: list[Any] = list(_taken(asked).order_by().values("reward").annotate(**_counts(asked)))
    rewards = Reward.objects.in_bulk([row["reward"] for row in rows])
    wallets = Wallet.objects.in_bulk({one.wallet_id for one in rewards.values()})
    told = []
    for row in rows:
        reward = rewards[row["reward"]]
        worth = (finance.worth(wallets[reward.wallet_id], row["points"]) + from_cents(row["paid"])).quantize(CENT)
        cost = from_cents(row["outlay"])
        told.append(
            {
                "reward": reward,
                "redemptions": row["found"],
                "points": row["points"],
                "worth": worth,
                "cost": cost,
                "margin": worth - cost,
                "days_to_use": _days(row["wait"]),
                "unused": row["unused"],
                "unused_share": _share(row["unused"], row["found"]),
            }
        )
    return sorted(told, key=lambda row: (-row["cost"], -row["redemptions"], row["reward"].pk))


def _group_row(row: dict[str, Any], everything: int) -> dict[str, Any]:
    """What is told of a group of members that redeemed something."""
    return {
        "members": row["members"],
        "redemptions": row["found"],
        "points": row["points"],
        "cost": from_cents(row["outlay"]),
        "share": _share(row["found"], everything),
        "unused": row["unused"],
    }


BY_WHOM = [
    Column("members", _("Members"), COUNT),
    Column("redemptions", _("Redemptions"), COUNT),
    Column("points", _("Points"), POINTS),
    Column("cost", _("Cost"), MONEY),
    Column("share", _("Share"), SHARE),
    Column("unused", _("Ran out unused"), COUNT),
]


@figure(
    _("Redemptions by tier"),
    _("Redemptions of the period that were not cancelled, by the tier the member is in now, with members, points, cost to us and vouchers that ran out unused."),
    group=REWARDS,
    columns=[Column("tier", _("Tier"), TEXT), *BY_WHOM],
)  # fmt: skip
def redemptions_by_tier(asked: Reading) -> list[dict[str, Any]]:
    """One row per tier in which somebody redeemed, the lowest first. Two queries."""
    rows: list[Any] = list(
        _taken(asked)
        .order_by()
        .values("member__tier")
        .annotate(**_counts(asked), members=Count("member", distinct=True))
    )
    tiers = Tier.objects.in_bulk([row["member__tier"] for row in rows])
    everything = sum(row["found"] for row in rows)
    return [
        {"tier": tiers[row["member__tier"]], **_group_row(row, everything)}
        for row in sorted(rows, key=lambda row: tiers[row["member__tier"]].rank)
    ]


@figure(
    _("Redemptions by segment"),
    _("Redemptions of the period that were not cancelled, of the members who are in each segment now. A member may be in several, so the shares need not add up."),
    group=REWARDS,
    columns=[Column("segment", _("Segment"), TEXT), *BY_WHOM],
)  # fmt: skip
def redemptions_by_segment(asked: Reading) -> list[dict[str, Any]]:
    """One row per segment whose members redeemed something, by name. Three queries."""
    taken = _taken(asked)
    inside = Q(member__segment_stays__until__isnull=True, member__segment_stays__isnull=False)
    rows: list[Any] = list(
        taken.filter(inside).order_by().values(SEGMENT).annotate(**_counts(asked), members=Count("member", distinct=True))
    )  # fmt: skip
    segments = Segment.objects.in_bulk([row[SEGMENT] for row in rows])
    everything = taken.count() if rows else 0
    told = [{"segment": segments[row[SEGMENT]], **_group_row(row, everything)} for row in rows]
    return sorted(told, key=lambda row: str(row["segment"]))


@figure(
    _("Rewards nobody wants"),
    _("Rewards that were switched on and offered for the whole period or a part of it, and that nobody redeemed in it, or whose every redemption was cancelled; with how often they were redeemed before."),
    group=REWARDS,
    columns=[
        Column("reward", _("Reward"), TEXT),
        Column("points", _("Price"), POINTS),
        Column("before", _("Redeemed before"), COUNT),
    ],
)  # fmt: skip
def rewards_unwanted(asked: Reading) -> list[dict[str, Any]]:
    """One row per reward, the dearest first. One query."""
    offered = Reward.objects.filter(program=asked.program, is_active=True)
    offered = offered.exclude(offered_until__lte=asked.period.since).exclude(offered_from__gte=asked.end)
    before = Q(redemptions__redeemed_at__lt=asked.period.since) & ~Q(redemptions__status=CANCELLED)
    unwanted = offered.exclude(pk__in=_taken(asked).values("reward")).annotate(
        before=Count("redemptions", filter=before)
    )
    return [{"reward": one, "points": one.cost, "before": one.before} for one in unwanted.order_by("-cost", "pk")]
