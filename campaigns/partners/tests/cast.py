"""Bank Biru and its neighbours, for the tests."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns.partners import access, posting
from campaigns.partners.models import Partner, PartnerPosting
from loyalty.ledger.models import Program
from loyalty.pos.testing import OPENED, Shop
from members.models import Member
from members.testing import OPENING


def make_partner(program: Program, slug: str = "biru", **more: Any) -> Partner:
    """A partner that pays 120 a point, since the opening."""
    told: dict[str, Any] = {"name": f"Bank {slug.title()}", "price_per_point": Decimal(120), "created_at": OPENING}
    return Partner.objects.create(program=program, slug=slug, **told | more)


class Bank(Shop):
    """A partner's own program that calls the API with its key."""

    def __init__(self, partner: Partner) -> None:
        """A new key of this partner."""
        super().__init__(partner.program, scopes=())
        self.key, self.secret = access.give_key(partner, at=OPENED, actor="test")


def post(
    partner: Partner, member: Member, points: int, at: datetime, *, reference: str = "", told_at: datetime | None = None
) -> PartnerPosting:
    """Post points that were given at an instant, by default told at that moment."""
    reference = reference or f"p{PartnerPosting.objects.count() + 1}"
    return posting.post(
        partner, member, points, reference=reference, occurred_at=at, at=told_at or at, actor="test", words=""
    )
