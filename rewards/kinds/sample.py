"""A first taste of goods."""

from django.utils.translation import gettext_lazy as _

from rewards.kinds.goods import Goods
from rewards.models import RewardKind


class Sample(Goods):
    """A first taste of goods."""

    kind = RewardKind.SAMPLE
    staff_words = _("Hand the sample over, tell about the goods, then mark the voucher as used.")
