"""A membership or benefit for a time: it stands on the member's card, and is used as often as wished until its last day."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from rewards.kinds.base import Kind
from rewards.kinds.gift_card import MOST_USES
from rewards.models import Reward, RewardKind


class Benefit(Kind):
    """Something that holds for so many days; each use at a till is a row, and none of them ends it."""

    kind = RewardKind.BENEFIT
    counts_uses = False
    is_on_card = True
    standing_words = _("Active now")
    staff_words = _(
        "Look at its last day, give the benefit, and mark it as used for this receipt. It stays until its last day."
    )
    member_words = _("It stands on your card. Show this at the till as often as you use it.")

    def terms_of_voucher(self, reward: Reward) -> dict[str, Any]:
        """As many uses as there may be: its days are what ends it."""
        return {"uses_allowed": MOST_USES}
