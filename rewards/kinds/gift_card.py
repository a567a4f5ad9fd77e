"""Money on a card, bought with points and spent in parts.

A card of our own keeps its balance with its voucher: every use pays a part, and the card ends when nothing is left, or when its
time is over. A partner's card is a code of the partner's pool; the partner alone knows what is left of it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.money import show_money
from rewards import cards
from rewards.kinds.base import Kind
from rewards.models import Redemption, Reward, RewardKind, Voucher

# More parts than any card is paid in: the balance is what ends a card.
MOST_USES = 32_767


class GiftCard(Kind):
    """Money on a card."""

    kind = RewardKind.GIFT_CARD
    asks = ("face_value",)
    counts_uses = False
    staff_words = _(
        "Take what the customer wants to pay with it off the bill and enter that amount. The rest stays on the card."
    )
    member_words = _(
        "Show this when you pay. What you do not spend stays on the card. Whoever knows the code can spend it."
    )

    def terms_of_voucher(self, reward: Reward) -> dict[str, Any]:
        """The balance of a card of our own; a partner keeps its own balances."""
        if reward.pool_id is not None:
            return {}
        return {"value": reward.face_value, "left": reward.face_value, "uses_allowed": MOST_USES}

    def issue(self, redemption: Redemption, *, at: datetime) -> Voucher:
        """A card, unless the month is signed off: money is not owed in it any more."""
        cards.refuse_signed(redemption.program_id, at=at)
        return super().issue(redemption, at=at)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """What the card is worth and what is left on it."""
        voucher, currency = redemption.voucher, redemption.program.currency
        if voucher.value is None or voucher.left is None:
            return [(gettext("Worth of the card"), show_money(redemption.reward.face_value or Decimal(0), currency))]
        return [
            (gettext("Left on the card"), show_money(voucher.left, currency)),
            (gettext("Worth at first"), show_money(voucher.value, currency)),
        ]
