"""How much a voucher pays of a bill: a part of what is left on a gift card, nothing of any other."""

from decimal import Decimal

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.money import show_money
from loyalty.ledger.models import Program
from rewards.models import Voucher, VoucherUse


class AmountNeeded(Refusal):
    """A gift card pays a part of a bill: the amount has to be told, above zero; other vouchers take none."""

    code = "amount_needed"
    status = 422


class TooLittleLeft(Refusal):
    """Less is left on the gift card (`left`)."""

    code = "too_little_left"


class OtherAmount(Refusal):
    """The gift card paid another amount (`amount`) of this receipt."""

    code = "other_amount"


def unpayable(voucher: Voucher, amount: Decimal | None) -> Refusal | None:
    """Whether the amount is not one that this voucher pays: some of a gift card's, none of any other's."""
    if voucher.left is None:
        only_cards = _("Only gift cards pay an amount. Leave it empty.")
        return None if amount is None else AmountNeeded(only_cards, field="amount")
    if amount is None or amount <= 0:
        return AmountNeeded(_("Say how much of the gift card is paid."), field="amount")
    if amount > voucher.left:
        shown = {"left": show_money(voucher.left, voucher.redemption.program.currency)}
        return TooLittleLeft(_("Only %(left)s is left on this card.") % shown, field="amount", left=str(voucher.left))
    return None


def refuse_other_amount(known: VoucherUse | None, amount: Decimal | None, program: Program) -> None:
    """A repeated receipt pays what it paid before, or is not the same."""
    if known and known.amount is not None and known.amount != amount:
        paid = show_money(known.amount, program.currency)
        message = _("The card paid %(amount)s of this receipt before. Take that back first.") % {"amount": paid}
        raise OtherAmount(message, field="amount", amount=str(known.amount))
