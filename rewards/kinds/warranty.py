"""A longer warranty, or more days to bring goods back: the receipt it is used for says which goods."""

from datetime import datetime

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from rewards.kinds.base import Kind
from rewards.models import Redemption, RewardKind


class Warranty(Kind):
    """So many days longer than the goods of a receipt have anyway."""

    kind = RewardKind.WARRANTY
    asks = ("extra_days",)
    staff_words = _(
        "Mark it as used for the receipt of the goods. When they are brought in, look the code up: it tells the receipt and the days."
    )
    member_words = _("Show this when you buy, or later with the receipt. Keep it with the receipt: it proves the days.")

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """How many days, and for which receipts."""
        days = redemption.reward.extra_days or 0
        longer = ngettext("%(days)s day longer", "%(days)s days longer", days) % {"days": days}
        uses = redemption.voucher.times_used.filter(released_at__isnull=True).order_by("id")
        receipts = ", ".join(f"{one.till} / {one.receipt}" for one in uses)
        return [(gettext("It lasts"), longer), *([(gettext("For the receipt"), receipts)] if receipts else [])]
