"""What a basket would earn, computed where points are computed, and nothing written.

Caps and budgets are as they stand now; somebody else may take of a budget before the purchase is made.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from campaigns import rules
from campaigns.earning import Award
from campaigns.lasting import Lasting
from campaigns.models import Campaign
from campaigns.rating import Rating, basket_of, parts_of
from loyalty.ledger.models import Program
from members import tiers
from members.ladders import ladder
from members.models import Member, Tier
from members.sales import MemberClosed, PurchaseInFuture, Sale, earning_part, judge

FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sale would earn and why, in which tier."""

    sale: Sale
    tier: Tier
    award: Award


def preview(program: Program, sale: Sale, *, at: datetime, draft: Campaign | None = None) -> Preview:
    """What a sale would earn at its moment, past or up to a year ahead; with a draft, as if that were live.

    Raises the refusals of `members.sales.judge`, MemberClosed.
    """
    if sale.occurred_at.tzinfo is not None and sale.occurred_at > at + FARTHEST:
        raise PurchaseInFuture(_("occurred_at: at most a year ahead can be previewed."))
    judge(sale, program, at=max(at, sale.occurred_at) if sale.occurred_at.tzinfo is not None else at)
    member = sale.member or Member.objects.get(pk=sale.member_id)
    if member.status == Member.Status.CLOSED:
        raise MemberClosed(_("This member has left the program."))
    decimals = ladder(program).decimals
    tier = tiers.tier_at(member, sale.occurred_at)
    book = rules.with_draft(program, draft) if draft else None
    rating = Rating(program, decimals=decimals, since=sale.occurred_at, until=sale.occurred_at, book=book)
    rating.read([member.pk], at=at, for_update=False)
    basket = basket_of(sale, parts_of(sale, earning_part(sale, program)))
    award = rating.award(member.pk, basket, tier.slug, sale.occurred_at)
    return Preview(sale, tier, replace(award, explanation=Lasting(program.pk).told(award, sale.occurred_at)))
