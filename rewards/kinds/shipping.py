"""Delivery that costs nothing."""

from django.utils.translation import gettext_lazy as _

from rewards.kinds.base import Kind
from rewards.models import RewardKind


class Shipping(Kind):
    """Delivery that costs nothing."""

    kind = RewardKind.SHIPPING
    staff_words = _("Send the parcel at no charge, then mark the voucher as used.")
