"""The purchases that are settled again, as they are recorded: with their lines, refunds and explanations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from campaigns import qualifying
from campaigns.earning import Award
from campaigns.frozen import explanations_of, reference_of
from campaigns.recounting import StillGiven
from members.ladders import Ladder
from members.models import Purchase, PurchaseLine, QualifyingPart, Refund


@dataclass(slots=True)
class Account:
    """One purchase as it is recorded, and as it comes out now. `award` is set where it came out another one."""

    bought: Purchase
    lines: list[PurchaseLine] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    explanation: dict[str, Any] | None = None
    was: tuple[Any, ...] = ()
    tier_was: int = 0
    award: Award | None = None
    kept: Award | None = None
    moved: set[int] = field(default_factory=set)
    still_given: list[tuple[datetime, StillGiven]] = field(default_factory=list)
    later: list[QualifyingPart] = field(default_factory=list)

    @property
    def whose(self) -> tuple[int, str]:
        """Its member, and how the books refer to it."""
        return self.bought.member_id, reference_of(self.bought)

    @property
    def key(self) -> tuple[Any, ...]:
        """The order of purchases in time; at one instant by receipt, whatever came first."""
        return self.bought.occurred_at, 0, self.bought.source, self.bought.receipt


def read(ladders: Sequence[Ladder], since: Mapping[int, datetime], earliest: datetime) -> dict[int, Account]:
    """The purchases that count or may change, with their lines, refunds and explanations: four queries, and one where some count later.

    Those that count are in the windows of an earliest instant and of all that come after it.
    """
    starts = [steps.since(earliest) for steps in ladders]
    start = None if None in starts else min(one for one in starts if one is not None)
    found = Purchase.objects.filter(member__any_of=list(since)).select_related("tier", "store")
    if start is not None:
        counted = Q(occurred_at__gte=min(start, earliest)) | Q(refunded__gt=0)
        if ladders[-1].has_parts:
            counts_now = QualifyingPart.objects.filter(purchase=OuterRef("pk"), counts_at__gte=min(start, earliest))
            counted = counted | Q(Exists(counts_now))
        found = found.filter(counted)
    accounts = {one.pk: Account(one) for one in found}
    for account in accounts.values():
        account.tier_was = account.bought.tier_id
        account.was = figures_of(account.bought)
    for refund in Refund.objects.filter(purchase__any_of=_refunded(accounts.values()), status=Refund.Status.APPLIED):
        if refund.purchase_id:
            accounts[refund.purchase_id].refunds.append(refund)
    open_again = [
        one for one in accounts.values() if one.refunds or one.bought.occurred_at >= since[one.bought.member_id]
    ]
    for line in PurchaseLine.objects.filter(purchase__any_of=[one.bought.pk for one in open_again]).order_by("number"):
        accounts[line.purchase_id].lines.append(line)
    if ladders[-1].has_parts:
        for purchase_id, parts in qualifying.recorded(accounts).items():
            accounts[purchase_id].later = parts
    told = explanations_of([one.bought for one in open_again])
    for one in open_again:
        one.refunds.sort(key=in_order)
        one.explanation = told.get(reference_of(one.bought))
    return accounts


def _refunded(accounts: Iterable[Account]) -> list[int]:
    return [one.bought.pk for one in accounts if one.bought.refunded]


def in_order(refund: Refund) -> tuple[Any, ...]:
    """The order of refunds in time."""
    return refund.occurred_at, refund.number


def figures_of(bought: Purchase) -> tuple[Any, ...]:
    """What may change of a purchase, as PURCHASE_COLUMNS."""
    return bought.tier_id, bought.points, bought.qualifying_points, bought.points_returned
