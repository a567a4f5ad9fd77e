"""What is left on gift cards is owed to their holders, as outstanding points are (DOMAIN 13.2)."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _

from loyalty.common.money import from_cents, show_money, sum_in_cents
from loyalty.desk.panels import Stat
from loyalty.ledger.models import Program
from rewards.models import Redemption, Voucher, VoucherUse


def left_on_cards(program: Program, *, at: datetime) -> Decimal:
    """The money on our own cards that could be spent at an instant, as it was then: issued, not ended, less what was paid with them.

    What a partner's card holds is the partner's to pay.
    """
    gone = Q(redemption__status=Redemption.Status.CANCELLED, redemption__ended_at__lte=at)
    cards = Voucher.objects.filter(
        redemption__program=program, value__isnull=False, valid_from__lte=at, expires_at__gt=at
    )
    cards = cards.exclude(gone)
    uses = VoucherUse.objects.filter(voucher__in=cards, used_at__lte=at).exclude(released_at__lte=at)
    worth = cards.aggregate(cents=sum_in_cents("value"))["cents"]
    paid = uses.aggregate(cents=sum_in_cents("amount"))["cents"]
    return from_cents((worth or 0) - (paid or 0))


def owed_stat(program: Program, at: datetime) -> Stat:
    """The line of the month's figures."""
    return Stat(
        _("Left on gift cards"), show_money(left_on_cards(program, at=at), program.currency),
        _("Money on cards of our own that could still be spent at the end of the month, or now while it runs. It is owed besides the points."),
    )  # fmt: skip
