"""What is left on gift cards is owed to their holders, as outstanding points are (DOMAIN 13.2).

A month that finance signed off keeps its figure: nothing of cards is recorded in it any more, and an end that is moved
later counts from when it was moved. Whoever moves money on a card locks the account it was bought from, so that a month
is signed before or after it, never meanwhile.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from loyalty.common.money import from_cents, sum_in_cents
from loyalty.ledger.besides import Owed
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Program, Wallet
from loyalty.ledger.writing import refuse_recording
from rewards.models import Redemption, Voucher, VoucherExtension, VoucherUse


def left_on_cards(program: Program, at: datetime) -> Decimal:
    """The money on our own cards that could be spent at an instant, as it was then: issued, not ended, less what was paid with them.

    What a partner's card holds is the partner's to pay.
    """
    gone = Q(redemption__status=Redemption.Status.CANCELLED, redemption__ended_at__lte=at)
    moved_later = VoucherExtension.objects.filter(voucher=OuterRef("pk"), made_at__gt=at).order_by("id")
    cards = Voucher.objects.filter(redemption__program=program, value__isnull=False, valid_from__lte=at)
    cards = cards.annotate(end_then=Coalesce(Subquery(moved_later.values("ended_at")[:1]), F("expires_at")))
    cards = cards.filter(end_then__gt=at).exclude(gone)
    uses = VoucherUse.objects.filter(voucher__in=cards.values("pk"), used_at__lte=at).exclude(released_at__lte=at)
    worth = cards.aggregate(cents=sum_in_cents("value"))["cents"]
    paid = uses.aggregate(cents=sum_in_cents("amount"))["cents"]
    return from_cents((worth or 0) - (paid or 0))


def hold(vouchers: Iterable[Voucher], *, at: datetime) -> None:
    """Lock the accounts of those that are cards of our own, before money on them moves. Raises MonthClosed when `at` is signed off."""
    held = [one.redemption for one in vouchers if one.value is not None]
    if held:
        lock(*(one.account_id for one in held))
        refuse_signed(held[0].program_id, at=at)


def refuse_signed(program_id: int, *, at: datetime) -> None:
    """Nothing of cards is recorded in a month that any wallet of the program signed; an account is locked. Raises MonthClosed."""
    refuse_recording(Wallet.objects.filter(program=program_id).values_list("pk", flat=True), at=at)


OWED = Owed(
    "gift_cards",
    _("Left on gift cards"),
    _("Money on cards of our own that could still be spent at the end of the month, or now while it runs. It is owed besides the points."),
    left_on_cards,
)  # fmt: skip
