"""The till page: staff scan or type a code on a phone, see what it is and what to do, use it, and take it back within the day."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.backoffice import actor_of
from loyalty.common import guessing
from loyalty.common.clock import last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money
from loyalty.desk import programs
from loyalty.ledger.models import Program
from rewards import kinds, vouchers
from rewards.desk import state_badge
from rewards.models import Voucher
from rewards.till_forms import CodeForm, TillForm

TILL_COOKIE = "setia_till"


class TooManyGuesses(Refusal):
    """Somebody of the staff tried too many codes that do not exist."""

    code = "too_many_guesses"
    status = 429


def till_page(request: HttpRequest, frame: dict[str, Any]) -> HttpResponse:
    """Look a code up, use its voucher, or take a use of today back; the answer is the same page. `frame` is the desk's."""
    program = programs.chosen(request)
    if not request.user.has_perm("rewards.view_voucher") or program is None:
        raise PermissionDenied
    form, voucher = CodeForm(request.POST or None), None
    if form.is_valid():
        try:
            voucher = _found(program, form.cleaned_data["code"], who=f"staff:{request.user.pk}")
            if request.POST.get("act") in ("use", "release"):
                _act(request, voucher)
        except Refusal as refusal:
            messages.error(request, str(refusal))
    till = request.POST.get("till") or request.session.get(TILL_COOKIE, "desk")
    request.session[TILL_COOKIE] = till[:64]
    shown = _shown(program, voucher, till) if voucher else {}
    told = {"title": _("Check a voucher"), "form": CodeForm() if voucher else form}
    return TemplateResponse(request, "admin/desk/voucher_check.html", frame | told | shown)


def _found(program: Program, typed: str, *, who: str) -> Voucher:
    """The voucher of a typed code. Raises VoucherUnknown, or TooManyGuesses for somebody who tried too many that do not exist."""
    if guessing.is_guessing(who):
        message = _("Too many codes that do not exist were tried. Wait %(minutes)d minutes and try again.")
        raise TooManyGuesses(message % {"minutes": guessing.WITHIN_SECONDS // 60})
    try:
        return vouchers.find(program, typed)
    except vouchers.VoucherUnknown:
        guessing.count(who)
        raise


def _act(request: HttpRequest, voucher: Voucher) -> None:
    """Use the voucher, or take a use back. Raises what the verbs raise."""
    if not request.user.has_perm("rewards.change_redemption"):
        raise PermissionDenied
    form = TillForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say the till and the receipt."))
        return
    place = {"till": form.cleaned_data["till"], "receipt": form.cleaned_data["receipt"]}
    if request.POST["act"] == "use":
        vouchers.use(voucher, at=timezone.now(), actor=actor_of(request), amount=form.cleaned_data["amount"], **place)
        messages.success(request, _("The voucher is used."))
    else:
        vouchers.release(voucher, at=timezone.now(), actor=actor_of(request), **place)
        messages.success(request, _("Taken back. The voucher is as good as before."))


def _shown(program: Program, voucher: Voucher, till: str) -> dict[str, Any]:
    """What the page says about a voucher."""
    at, held = timezone.now(), voucher.redemption
    today = local_day(at, program.time_zone)
    uses = [
        one
        for one in voucher.times_used.filter(released_at__isnull=True).order_by("-id")[:20]
        if local_day(one.used_at, program.time_zone) == today
    ]
    for one in uses:
        one.shown_amount = show_money(one.amount, program.currency) if one.amount else ""  # type: ignore[attr-defined]
    use_form = TillForm(initial={"code": voucher.code, "till": till})
    if voucher.left is None:
        del use_form.fields["amount"]
    return {
        "voucher": voucher,
        "held": held,
        "kind": kinds.of(held.reward),
        "facts": kinds.of(held.reward).facts(held, at=at),
        "work": kinds.of(held.reward).work_for(held.reward),
        "state": state_badge(held, at),
        "refusal": vouchers.unusable(voucher, at=at),
        "last_day": last_valid_day(voucher.expires_at, program.time_zone),
        "to_pay": show_money(held.to_pay, program.currency) if held.to_pay else "",
        "use_form": use_form,
        "uses": uses,
        "left_over": voucher.uses_allowed - voucher.uses,
    }
