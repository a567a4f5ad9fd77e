"""The portal's page to pass points on or to move them: to another member, another kind of points, or another program."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from loyalty.ledger import statements as positions
from loyalty.ledger import transfers
from loyalty.ledger.models import Account, ExchangeRate
from members import passing
from members.models import Member
from members.portal import member_page

FORM_SALT = "members.pass_on"
WRONG_NUMBERS = 10
WRONG_NUMBERS_WITHIN = 600


class TooManyNumbers(Refusal):
    """Too many numbers of nobody were tried."""

    code = "too_many_guesses"
    status = 429


@require_http_methods(["GET", "POST"])
@member_page
def pass_on(request: HttpRequest) -> HttpResponse:
    """Ask for the receiver and the points, show what would happen, then do it once per form."""
    at, account = timezone.now(), passing.account_to_give(request.member)
    if account is None:
        return render(request, "members/pass_on_closed.html")
    balance = positions.balance(account.pk, at=at)
    free = max(0, balance.available - account.wallet.transfer_keep)
    left = min(free, transfers.left_to_pass(account, at=at))
    kinds = passing.kinds_to_become(account.wallet)
    shown: dict[str, Any] = {"wallet": account.wallet, "left": left, "balance": balance, "kinds": kinds}
    if request.method == "POST":
        told = {name: request.POST.get(name, "")[:40] for name in ("to", "points", "into")}
        shown |= {"to": told["to"], "typed": told["points"][:20], "into": told["into"]}
        shown["agreed"] = next((one for one in kinds if str(one.pk) == told["into"]), None)
        try:
            answer = _pass_on(request, account, shown, at)
        except Refusal as refusal:
            shown["error"] = str(refusal)
        else:
            return answer
    return render(request, "members/pass_on.html", shown, status=409 if shown.get("error") else 200)


def _pass_on(request: HttpRequest, account: Account, shown: dict[str, Any], at: Any) -> HttpResponse:
    """The preview of what was typed, or with the preview's token the transfer itself."""
    member, agreed = request.member, shown["agreed"]
    token = request.POST.get("token", "")
    points = _amount(shown["typed"], account.wallet.decimals)
    receiver = _receiver(request, shown["to"], agreed)
    into = agreed.to_wallet.slug if agreed else ""
    begins = f"portal:{member.number}:{receiver.number}:{points}:{agreed.pk if agreed else 0}:"
    if not token:
        told = passing.preview(account, receiver, points, at=at, to_wallet=into)
        shown["token"] = signing.Signer(salt=FORM_SALT).sign(f"{begins}{account.last_number}")
        shown |= {"passing": told, "masked": passing.masked(receiver), "after": shown["balance"].available - points}
        zone = receiver.program.time_zone
        shown["ends"] = [(last_valid_day(end, zone) if end else None, part) for end, part in told.ends]
        return render(request, "members/pass_on_sure.html", shown)
    try:
        reference = signing.Signer(salt=FORM_SALT).unsign(token)
    except signing.BadSignature:
        reference = ""
    if not reference.startswith(begins):
        messages.error(request, _("This form is out of date. Nothing was passed on. Please look again and confirm."))
        return redirect("portal_pass_on")
    passed = passing.pass_on(
        account, receiver, points, at=at, reference=reference, source="portal", actor=f"member:{member.number}",
        to_wallet=into,
    )  # fmt: skip
    shown |= {"passing": passed, "masked": passing.masked(receiver), "balance": positions.balance(account.pk, at=at)}
    return render(request, "members/pass_on_done.html", shown)


def _receiver(request: HttpRequest, typed: str, agreed: ExchangeRate | None) -> Member:
    """Who receives: the member, where nobody else is named and other points of the program are wanted.

    After too many numbers of nobody no more can be tried for a while.
    """
    member = request.member
    program = agreed.to_wallet.program if agreed else member.program
    if not typed.strip() and agreed and program == member.program:
        return member
    counter = f"setia:wrong-numbers:{member.pk}"
    if cache.get(counter, 0) >= WRONG_NUMBERS:
        minutes = WRONG_NUMBERS_WITHIN // 60
        raise TooManyNumbers(
            _("Too many numbers that nobody has. Please wait %(n)d minutes and try again.") % {"n": minutes}
        )
    try:
        return passing.receiver(program, typed)
    except passing.ReceiverUnknown:
        cache.add(counter, 0, WRONG_NUMBERS_WITHIN)
        cache.incr(counter)
        raise


def _amount(typed: str, decimals: int) -> int:
    """Points as typed, in the wallet's smallest unit. Raises AmountMalformed."""
    try:
        amount = Decimal(typed.strip()).scaleb(decimals)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount != amount.to_integral_value() or not 0 < amount < 10**15:
        raise passing.AmountMalformed(_("Type how many points, with digits only, for example 100."), field="points")
    return int(amount)
