"""A discount for business members that grows with what they buy, or with the years they have been one (DOMAIN 7.4)."""

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from rewards import discounting
from rewards.kinds.benefit import Benefit
from rewards.models import Redemption, RewardKind


class BusinessDiscount(Benefit):
    """A subscription for so many days; how many per cent it is, is computed when the till asks."""

    kind = RewardKind.BUSINESS
    asks = ("measure",)
    staff_words = _(
        "Take the discount that stands here off the bill, and mark it as used for this receipt. It stays until its last day."
    )

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """The discount now, what it was computed from, and what comes next."""
        return discounting.in_words(discounting.standing(redemption, at=at))

    def percent(self, redemption: Redemption, *, at: datetime) -> Decimal | None:
        """The discount at that instant."""
        return discounting.standing(redemption, at=at).percent
