"""The till page for paying with points: who and the bill, how many points, then the receipt. Made for a phone."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.backoffice import actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money
from loyalty.desk import programs
from loyalty.ledger import holds
from loyalty.ledger.models import Program
from members import lookup
from rewards import paying, quoting
from rewards.eligibility import show_amount
from rewards.models import PointsPayment
from rewards.paying_forms import BillForm, HoldForm, ReceiptForm

TILL_COOKIE = "setia_till"
PAGE = "admin:rewards_pointspayment_till"


def till_page(request: HttpRequest, frame: dict[str, Any]) -> HttpResponse:
    """Compute, set aside, take or release; `?payment=` shows one that is begun. `frame` is the desk's."""
    program = programs.chosen(request)
    if not request.user.has_perm("rewards.view_pointspayment") or program is None:
        raise PermissionDenied
    shown: dict[str, Any] = {"title": _("Pay with points"), "form": BillForm(), "offered": quoting.offered(program)}
    try:
        if request.method == "POST":
            if not request.user.has_perm("rewards.change_pointspayment"):
                raise PermissionDenied
            act = {"hold": _hold, "capture": _capture, "release": _release}.get(request.POST.get("act", ""), _compute)
            answer = act(request, program)
            if isinstance(answer, HttpResponse):
                return answer
            shown |= answer
        elif wanted := request.GET.get("payment"):
            shown |= _begun(_found(program, wanted))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return TemplateResponse(request, "admin/desk/pay_with_points.html", frame | shown)


def _compute(request: HttpRequest, program: Program) -> dict[str, Any]:
    """What the member's points can pay of the bill."""
    form = BillForm(request.POST)
    if not form.is_valid():
        return {"form": form}
    wallets = [terms.wallet.slug for terms in quoting.offered(program)]
    wallet = request.POST.get("wallet", "")
    member = lookup.by_number(program, form.cleaned_data["code"])
    told = quoting.quote(
        member,
        form.cleaned_data["basket"],
        at=timezone.now(),
        wallet=wallet if wallet in wallets else (wallets or [""])[0],
    )
    if told.refusal:
        messages.error(request, str(told.refusal))
        return {"form": form}
    kind = told.account.wallet
    wish = HoldForm(
        initial={"points": told.most, "code": member.number, "basket": told.basket, "wallet": kind.slug, "reference": f"desk:{uuid4().hex}"}
    )  # fmt: skip
    shown = {name: show_amount(getattr(told, name), kind) for name in ("least", "most", "available")}
    bill, worth = (show_money(amount, program.currency) for amount in (told.basket, told.worth))
    return {
        "form": form,
        "wish": wish,
        "who": member,
        "bill": bill,
        "worth": worth,
        "step": show_amount(told.terms.step, kind),
    } | shown


def _hold(request: HttpRequest, program: Program) -> Any:
    """Set the points aside; the page of the payment follows."""
    form = HoldForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say how many points, as a whole number."))
        return _compute(request, program)
    told = form.cleaned_data
    made = paying.hold(
        lookup.by_number(program, told["code"]), told["points"], basket=told["basket"], at=timezone.now(),
        reference=told["reference"], actor=actor_of(request), wallet=told["wallet"],
        till=request.session.get(TILL_COOKIE, "desk"),
    )  # fmt: skip
    return _to(made)


def _capture(request: HttpRequest, program: Program) -> Any:
    """Take the points for the receipt."""
    made, form = _found(program, request.POST.get("payment", "")), ReceiptForm(request.POST)
    if not form.is_valid():
        return _begun(made) | {"receipt_form": form}
    try:
        paying.capture(made, at=timezone.now(), actor=actor_of(request), **form.cleaned_data)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return _begun(made) | {"receipt_form": form}
    return _to(made)


def _release(request: HttpRequest, program: Program) -> Any:
    """Give the points free."""
    said = _("The points are free again.")
    made = paying.release(_found(program, request.POST.get("payment", "")), at=timezone.now())
    admin.site.get_model_admin(PointsPayment).log_change(request, made, said)
    messages.success(request, said)
    return _to(made)


def _found(program: Program, reference: str) -> PointsPayment:
    """The payment a page names. Raises PaymentUnknown, for what no database keeps too."""
    return paying.find(program, reference[:120].replace("\0", "\ufffd"))


def _to(made: PointsPayment) -> HttpResponse:
    """To the page of a payment, so that reloading repeats nothing."""
    return HttpResponseRedirect(f"{reverse(PAGE)}?payment={made.reference}")


def _begun(made: PointsPayment) -> dict[str, Any]:
    """A payment as the page shows it."""
    state, _ended = holds.state(made.hold, at=timezone.now())
    currency = made.program.currency
    return {
        "payment": made,
        "state": state,
        "points": show_amount(made.points, made.account.wallet),
        "money": show_money(made.money, currency),
        "rest": show_money(made.basket - made.money, currency),
        "receipt_form": ReceiptForm(),
    }
