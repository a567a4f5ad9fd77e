"""What is left of caps and budgets: read for a whole batch, taken with the awards, and given back (DOMAIN 3.4, 6.3).

The members' accounts are locked before (one member's caps move in turn); campaigns with a budget right after them, all at once in id
order and before any lot or reward, so that what was read as left is still left when it is taken (RELIABILITY R-8, decision 0013).
The table's constraints stand behind it. Money is added in Python, where it is exact on every engine, to the row as it stands under
its lock; what a budget has spent in money is at every moment the sum of what its awards still take (`worth_of`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

from campaigns.models import Campaign, RuleUse
from campaigns.terms import WALLET, Limit, Taken
from loyalty.common.bulk import insert_rows, update_rows
from loyalty.ledger.models import Program, Wallet

FIELDS = ("rule", "member", "reference", "occurred_at", "points", "money", "points_back")
MILLIONTH = Decimal("0.000001")


def worth_of(points: int, unit: Decimal) -> Decimal:
    """What points are worth to the millionth, rounded down so that no award takes more than its budget has."""
    return (points * unit).quantize(MILLIONTH, ROUND_DOWN)


def still_taken(points: int, money: Decimal, left: int) -> Decimal:
    """What is still taken of a budget in money by `left` of the points that took it: all of it, down to nothing."""
    return money if left == points else (money * left / points).quantize(MILLIONTH, ROUND_DOWN)


class Budgets:
    """What is left of some campaigns' budgets, held in memory while a batch takes from them."""

    def __init__(self, campaigns: Iterable[Campaign], worth: Decimal, decimals: int) -> None:
        """`worth` is the money value of one whole point."""
        self.campaigns = {campaign.slug: campaign for campaign in campaigns}
        self.by_id = {campaign.pk: campaign for campaign in self.campaigns.values()}
        self.unit, self.scale = worth / 10**decimals, 10**decimals
        self.taken: dict[int, int] = defaultdict(int)
        self.money: dict[int, Decimal] = defaultdict(Decimal)

    def left(self) -> dict[str, Limit]:
        """What is left now, by campaign, in points."""
        return {slug: self._left(campaign) for slug, campaign in self.campaigns.items()}

    def take(self, taken: Taken) -> None:
        """An award took so much."""
        if taken.terms.campaign_id in self.by_id:
            self.move(taken.terms.campaign_id, taken.points, worth_of(taken.points, self.unit))

    def move(self, campaign_id: int, points: int, money: Decimal) -> None:
        """A campaign gave so much more, or with a minus less."""
        self.taken[campaign_id] += points
        self.money[campaign_id] += money

    def write(self) -> None:
        """Add what was taken to the campaigns' rows."""
        _add({pk: (points, self.money[pk]) for pk, points in self.taken.items()})

    def _left(self, campaign: Campaign) -> Limit:
        """The tighter of what is left in points and in money."""
        spent = campaign.spent_points + self.taken[campaign.pk]
        lefts = []
        if campaign.budget_points is not None:
            lefts.append((campaign.budget_points - spent, campaign.budget_points))
        if campaign.budget_money is not None and self.unit:
            money = campaign.budget_money - campaign.spent_money - self.money[campaign.pk]
            lefts.append((int(money // self.unit), int(campaign.budget_money // self.unit)))
        left, most = min(lefts, default=(10**15, 10**15))
        return Limit("budget", Fraction(most, self.scale), Fraction(max(0, left), self.scale))


def read_budgets(program: Program, campaign_ids: Iterable[int], *, decimals: int, for_update: bool) -> Budgets:
    """What is left of these campaigns' budgets; locked until the transaction ends when it is to be taken."""
    ids = sorted(set(campaign_ids))
    rows = Campaign.objects.filter(pk__in=ids).order_by("pk")
    worth = Wallet.objects.filter(program=program, is_main=True).values_list("money_per_unit", flat=True).first()
    return Budgets(rows.select_for_update() if for_update else rows, worth or Decimal(0), decimals)


def write_uses(rows: Iterable[tuple[Taken, int, str, datetime]], unit: Decimal) -> None:
    """Keep what awards took: (taken, member, reference, occurred at)."""
    insert_rows(
        RuleUse,
        FIELDS,
        [
            (
                taken.terms.rule_id or None,
                member_id,
                reference,
                occurred_at,
                taken.points,
                worth_of(taken.points, unit),
                0,
            )
            for taken, member_id, reference, occurred_at in rows
        ],
    )


def settle_uses(kept: Mapping[tuple[int, str], Mapping[int, int]]) -> None:
    """Make the uses of some activities what their awards come to now, and give the difference back to the budgets.

    `kept` maps (member, reference) to the points each rule id still gives; a rule that is not named gives nothing any more. What was
    given back is never taken again: an award that grew is another one. Saying the same again changes nothing. The caller
    holds the members' locks and the transaction; campaigns are locked here, last.
    """
    members, references = {member for member, _ in kept}, [reference for _, reference in kept]
    uses = list(
        RuleUse.objects.filter(member__in=members, reference__any_of=references)
        .select_related("rule__campaign")
        .order_by("id")
    )
    changed: list[tuple[int, int]] = []
    moved: dict[int, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for use in uses:
        gives = kept.get((use.member_id, use.reference))
        if gives is None:
            continue
        points_back = use.points - gives.get(use.rule_id or WALLET.rule_id, 0)
        if points_back <= use.points_back:
            continue
        changed.append((use.pk, points_back))
        campaign = use.rule.campaign if use.rule else None
        if campaign is not None and campaign.has_budget:
            points, money = moved[campaign.pk]
            before, now = (
                still_taken(use.points, use.money, use.points - one) for one in (use.points_back, points_back)
            )
            moved[campaign.pk] = points - (points_back - use.points_back), money + now - before
    update_rows(RuleUse, "id", ("points_back",), changed)
    _add(moved)


def _add(moved: Mapping[int, tuple[int, Decimal]]) -> None:
    """Add points and their worth to what campaigns gave, never below nothing: one statement, and one for each that moves."""
    moving = [pk for pk, moves in moved.items() if any(moves)]
    rows = Campaign.objects.select_for_update().filter(pk__in=moving).order_by("pk") if moving else ()
    for campaign in rows:
        points, money = moved[campaign.pk]
        Campaign.objects.filter(pk=campaign.pk).update(
            spent_points=max(0, campaign.spent_points + points),
            spent_money=max(Decimal(0), campaign.spent_money + money),
        )


def give_back(member_id: int, reference: str) -> None:
    """A cancelled award gives all it took back to its caps and budgets."""
    settle_uses({(member_id, reference): {}})
