"""The portal's pages about points and rewards: home, catalogue, redeeming, vouchers."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.common.errors import Refusal
from loyalty.ledger import statements
from loyalty.ledger.models import Account
from members import history, tiers, wording
from members.enrolment import main_account
from members.models import Member
from members.portal import member_page
from rewards import catalogue, holdings, redemption
from rewards.models import Redemption, Reward

SOON = timedelta(days=60)
LATEST_LINES = 5
REWARDS_AT_HOME = 4
FORM_SALT = "rewards.redeem"


@require_GET
@member_page
def home(request: HttpRequest) -> HttpResponse:
    """Balance, tier, what runs out soon, what can be had now, what happened last."""
    member, at = request.member, timezone.now()
    account = main_account(member)
    wallet = account.wallet
    wallet.program = member.program
    offers = _in_order(catalogue.offers(member, at=at))
    shown = {
        "wallet": wallet,
        "balance": statements.balance(account.id, at=at),
        "running_out": statements.expiring(account.id, at=at, until=at + SOON),
        "lines": history.latest(account, size=LATEST_LINES),
        "offers": [offer for offer in offers if offer.can_redeem][:REWARDS_AT_HOME],
        "next_offer": next((offer for offer in offers if not offer.can_redeem), None),
        "news": wording.news(member, at=at),
        "ready": holdings.of_member(member).filter(status=Redemption.Status.ISSUED, voucher__expires_at__gt=at).count(),
    }
    return render(request, "members/home.html", shown | _tier(member, at))


def _tier(member: Member, at: Any) -> dict[str, Any]:
    """The tier the member is in and the way to the next one, in numbers for the page."""
    standing = tiers.standing(member, at=at)
    goal = standing.next_tier.threshold if standing.next_tier else None
    done = min(100, int(standing.measured * 100 / goal)) if goal else 100
    return {"standing": standing, "percent": done, "counts_money": standing.metric == "spend"}


def _in_order(offers: list[catalogue.Offer]) -> list[catalogue.Offer]:
    """What can be had first, cheapest before dear; then what is nearest."""
    return sorted(
        offers, key=lambda offer: (not offer.can_redeem, _out_of_reach(offer), offer.missing, offer.reward.cost)
    )


def _out_of_reach(offer: catalogue.Offer) -> bool:
    """Whether more points alone would not help."""
    return offer.refusal is not None and offer.refusal.code != "insufficient_points"


@require_GET
@member_page
def show_rewards(request: HttpRequest) -> HttpResponse:
    """Every reward on offer: what it costs, what is missing, what is left."""
    at = timezone.now()
    offers = _in_order(catalogue.offers(request.member, at=at))
    account = main_account(request.member)
    shown = {
        "affordable": [offer for offer in offers if offer.can_redeem],
        "others": [offer for offer in offers if not offer.can_redeem],
        "balance": statements.balance(account.id, at=at),
        "wallet": account.wallet,
        "at": at,
    }
    return render(request, "rewards/rewards.html", shown)


@require_http_methods(["GET", "POST"])
@member_page
def redeem(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether the member is sure, showing the balance before and after; then redeem, once per form."""
    member, at = request.member, timezone.now()
    # A repeated form finds its voucher even when the offer has ended meanwhile.
    offered = Reward.objects.filter(program=member.program).select_related("wallet__program", "minimum_tier", "program")
    if request.method == "GET":
        offered = catalogue.on_offer(member.program, at=at)
    reward = get_object_or_404(offered, slug=slug)
    account = get_object_or_404(Account, wallet=reward.wallet_id, member_account__member=member)
    if request.method == "POST":
        answer = _redeem(request, member, reward, at)
        if answer:
            return answer
    offer = catalogue.offer(member, reward, at=at)
    available = statements.balance(account.id, at=at).available
    shown = {
        "offer": offer,
        "reward": reward,
        "wallet": reward.wallet,
        "before": available,
        "after": available - reward.cost,
        "ready": holdings.ready(member, reward, at=at),
        "token": signing.Signer(salt=FORM_SALT).sign(_reference(member, reward, account)),
    }
    return render(request, "rewards/redeem.html", shown, status=409 if request.method == "POST" else 200)


def _reference(member: Member, reward: Reward, account: Account) -> str:
    """What this form may redeem once: the same for two tabs, another one after anything moved on the account."""
    return f"portal:{member.number}:{reward.pk}:{account.last_number}"


def _redeem(request: HttpRequest, member: Member, reward: Reward, at: Any) -> HttpResponse | None:
    """Redeem for the signed reference of the form; None when the page must be shown again with the reason."""
    try:
        reference = signing.Signer(salt=FORM_SALT).unsign(request.POST.get("token", ""))
        if not reference.startswith(f"portal:{member.number}:{reward.pk}:"):
            raise signing.BadSignature
        made = redemption.redeem(
            member, reward, at=at, reference=reference, source="portal", actor=f"member:{member.number}"
        )
    except signing.BadSignature:
        messages.error(request, _("This form is out of date. Nothing was redeemed. Please look again and confirm."))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        return redirect("portal_voucher", made.pk)
    return None


@require_GET
@member_page
def vouchers(request: HttpRequest) -> HttpResponse:
    """The member's vouchers: ready to use first, then what became of the others."""
    found = holdings.by_state(request.member, at=timezone.now())
    others = sorted(
        (one for state, many in found.items() if state != "issued" for one in many), key=lambda one: -one.pk
    )
    return render(request, "rewards/vouchers.html", {"ready": found["issued"], "others": others})


def _held(request: HttpRequest, pk: int) -> Redemption:
    """One of the member's own redemptions; anybody else's does not exist here."""
    found = holdings.of_member(request.member).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@require_GET
@member_page
def voucher(request: HttpRequest, pk: int) -> HttpResponse:
    """One voucher: its QR code, its code in groups, how long it is valid, what can be done with it."""
    held = _held(request, pk)
    shown = {"redemption": held, "state": held.state(at=timezone.now()), "wallet": held.reward.wallet}
    return render(request, "rewards/voucher.html", shown)


@require_http_methods(["GET", "POST"])
@member_page
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether the member is sure, showing what comes back; then cancel."""
    held, at = _held(request, pk), timezone.now()
    if request.method == "POST":
        try:
            redemption.cancel(held, at=at, actor=f"member:{request.member.number}", by_member=True)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Cancelled. The points are back, with the days they had."))
        return redirect("portal_voucher", held.pk)
    state = held.state(at=at)
    if state != Redemption.Status.ISSUED:
        return redirect("portal_voucher", held.pk)
    held.member = request.member
    parts = holdings.returns(held, at=at)
    total = sum(part.points for part in parts if not part.is_lost)
    shown = {"redemption": held, "returns": parts, "total": total, "wallet": held.reward.wallet}
    return render(request, "rewards/cancel.html", shown)
