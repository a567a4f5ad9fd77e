"""What a basket would earn, computed where points are computed, and nothing written.

Caps and budgets are as they stand now; somebody else may take of a budget before the purchase is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from campaigns import rules
from campaigns.conditions import Facts
from campaigns.earning import Award, Basket
from campaigns.lasting import Lasting
from campaigns.models import Campaign
from campaigns.rating import Rating, basket_of, parts_of
from campaigns.unmet import unmet
from loyalty.ledger.models import Program
from members import tiers
from members.ladders import ladder
from members.models import Member, Tier
from members.sales import MemberClosed, PurchaseInFuture, Sale, earning_part, judge

FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sale would earn and why, in which tier, and which conditions kept out the campaign one asked about."""

    sale: Sale
    tier: Tier
    award: Award
    unmet: Sequence[str] = ()


def preview(program: Program, sale: Sale, *, at: datetime, about: Campaign | None = None) -> Preview:
    """What a sale would earn at its moment, past or up to a year ahead; where it is `about` a draft, as if that were live.

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
    is_draft = about is not None and about.status == Campaign.Status.DRAFT
    book = rules.with_draft(program, about) if about and is_draft else None
    rating = Rating(program, decimals=decimals, since=sale.occurred_at, until=sale.occurred_at, book=book)
    rating.read([member.pk], at=at, for_update=False)
    basket = basket_of(sale, parts_of(sale, earning_part(sale, program)))
    award = rating.award(member.pk, basket, tier.slug, sale.occurred_at)
    missed = _unmet(rating, about, member.pk, basket, tier.slug, sale.occurred_at) if about else ()
    told = Lasting(program.pk).told(award, sale.occurred_at)
    return Preview(sale, tier, replace(award, explanation=told), missed)


def _unmet(
    rating: Rating, about: Campaign, member_id: int, basket: Basket, tier: str, occurred_at: datetime
) -> Sequence[str]:
    """Which conditions of a campaign do not hold; "when" alone where it does not count at that moment."""
    terms = next((one for one in rating.book.at(occurred_at) if one.campaign_id == about.pk), None)
    if terms is None:
        return ("when",)
    known = rating.counters.known(member_id, occurred_at)
    eligible = sum(basket.lines, Decimal(0))
    return unmet(terms, Facts(basket, tier, occurred_at, eligible, rating.terms, known))
