"""Money off a purchase."""

from django.utils.translation import gettext_lazy as _

from rewards.kinds.base import Kind
from rewards.models import RewardKind


class Discount(Kind):
    """Money off a purchase."""

    kind = RewardKind.DISCOUNT
    staff_words = _("Take it off the bill, then mark the voucher as used for this receipt.")
