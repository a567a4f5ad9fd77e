"""Work that costs nothing."""

from django.utils.translation import gettext_lazy as _

from rewards.kinds.base import Kind
from rewards.models import RewardKind


class Service(Kind):
    """Work that costs nothing."""

    kind = RewardKind.SERVICE
    staff_words = _("Do the work at no charge, then mark the voucher as used.")
