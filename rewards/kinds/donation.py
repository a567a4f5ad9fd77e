"""A gift to others, counted for its cause at once."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.money import show_money
from rewards import giving
from rewards.kinds.base import Kind
from rewards.models import Redemption, RewardKind


class Donation(Kind):
    """A gift to others."""

    kind = RewardKind.DONATION
    ends_at_once = True
    asks = ("cause", "gift")
    staff_words = _("Nothing at the till: the gift counts for its cause. Pass the total on as you told the members.")
    member_words = _("Thank you. Your gift counts for the cause, and the total is public.")

    def complete(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Write the gift."""
        giving.give(redemption)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """To whom, and how much."""
        gift = giving.gift_of(redemption)
        if gift is None:
            return []
        money = show_money(gift.money, redemption.program.currency)
        return [(gettext("Given to"), str(gift.cause)), (gettext("Given in money"), money)]

    def page(self, redemption: Redemption) -> str:
        """The public totals."""
        gift = giving.gift_of(redemption)
        return gift.cause.get_absolute_url() if gift and gift.cause.is_public else ""

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to them says."""
        return _("See what members gave together")
