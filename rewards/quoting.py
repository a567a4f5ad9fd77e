"""What a member's points can pay of a bill: the terms of the wallet, the arithmetic, and the reasons why not (DOMAIN 7.4)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.money import show_money
from loyalty.ledger import statements
from loyalty.ledger.drawing import InsufficientPoints
from loyalty.ledger.models import Account, Program, Wallet
from members.models import Member
from members.passing import account_in
from members.sales import LARGEST_AMOUNT, AmountRefused, MemberClosed
from rewards.eligibility import show_amount
from rewards.models import PointsTerms
from rewards.payable import Payable


class NotPayable(Refusal):
    """The points of this wallet do not pay at the till."""

    code = "points_do_not_pay"


class PointsRefused(Refusal):
    """This bill does not take these points; `least`, `most` and `step` say how many it takes."""

    code = "points_refused"
    status = 422


class BasketTooSmall(Refusal):
    """Points pay bills of `smallest` and more."""

    code = "basket_too_small"
    status = 422


@dataclass(frozen=True, slots=True)
class Quote:
    """What a member's points can pay of a bill: from `least` to `most` in steps; both 0 when none can, with the reason."""

    account: Account
    terms: PointsTerms
    basket: Decimal
    available: int
    least: int
    most: int
    worth: Decimal
    refusal: Refusal | None


def payable(terms: PointsTerms) -> Payable:
    """Terms as the arithmetic reads them."""
    each = terms.value.scaleb(-terms.wallet.decimals)
    return Payable(each, terms.minimum, terms.step, terms.maximum, terms.share)


def offered(program: Program) -> list[PointsTerms]:
    """The terms on which points pay in a program, the main wallet's first."""
    found = PointsTerms.objects.filter(wallet__program=program, is_active=True).select_related("wallet__program")
    return list(found.order_by("-wallet__is_main", "wallet_id"))


def quote(member: Member, basket: Decimal, *, at: datetime, wallet: str = "") -> Quote:
    """What a member's points can pay of a bill now; nothing is written.

    Raises NotPayable, WalletUnknown, MemberClosed, AmountRefused.
    """
    if basket >= LARGEST_AMOUNT:
        message = _("%(field)s: write a plain amount below %(largest)s with at most two decimals.")
        raise AmountRefused(message % {"field": "basket", "largest": LARGEST_AMOUNT}, field="basket")
    account = account_in(member, wallet)
    terms = _terms(member, account.wallet)
    available = statements.balance(account.pk, at=at).available
    rule = payable(terms)
    most = rule.most(basket, available)
    refusal = None if most else _why_not(terms, rule, basket, available)
    least = rule.least if most else 0
    return Quote(account, terms, basket, available, least, most, rule.worth(most), refusal)


def _terms(member: Member, wallet: Wallet) -> PointsTerms:
    """The terms of a wallet in force. Raises NotPayable and MemberClosed."""
    if member.status != Member.Status.ACTIVE:
        raise MemberClosed(_("This member has left the program."))
    found = PointsTerms.objects.select_related("wallet__program").filter(wallet=wallet, is_active=True).first()
    if found is None:
        raise NotPayable(_("These points do not pay at the till. They can be redeemed for rewards."))
    return found


def _why_not(terms: PointsTerms, rule: Payable, basket: Decimal, available: int) -> Refusal:
    """Why not even the least number of points pays this bill."""
    wallet, smallest = terms.wallet, rule.smallest_basket()
    if basket < smallest:
        message = _("Points pay bills of %(smallest)s and more.")
        shown = {"smallest": show_money(smallest, wallet.program.currency)}
        return BasketTooSmall(message % shown, field="basket", smallest=str(smallest))
    missing = rule.least - available
    shown = {"missing": show_amount(missing, wallet), "least": show_amount(rule.least, wallet)}
    message = _("Missing: %(missing)s. At least %(least)s pay at the till.") % shown
    return InsufficientPoints(message, missing=missing, available=available)


def judge(told: Quote, points: int) -> None:
    """Raise why these points do not pay this bill."""
    if told.refusal:
        raise told.refusal
    wallet, step = told.terms.wallet, told.terms.step
    if told.least <= points <= told.most and points % step == 0:
        return
    if points > told.available:
        missing = points - told.available
        message = _("Missing: %(missing)s. %(available)s can be spent now.")
        shown = {"missing": show_amount(missing, wallet), "available": show_amount(told.available, wallet)}
        raise InsufficientPoints(message % shown, missing=missing, available=told.available)
    message = _("This bill takes from %(least)s to %(most)s, in steps of %(step)s.")
    numbers = {"least": told.least, "most": told.most, "step": step}
    raise PointsRefused(
        message % {name: show_amount(n, wallet) for name, n in numbers.items()}, field="points", **numbers
    )
