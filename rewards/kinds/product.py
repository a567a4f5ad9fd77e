"""Goods that cost nothing."""

from django.utils.translation import gettext_lazy as _

from rewards.kinds.goods import Goods
from rewards.models import RewardKind


class Product(Goods):
    """Goods that cost nothing."""

    kind = RewardKind.PRODUCT
    staff_words = _("Hand the goods over at no charge, then mark the voucher as used.")
