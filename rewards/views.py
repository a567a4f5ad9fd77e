"""The portal's pages about points and rewards: home, catalogue, redeeming, vouchers."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.common.errors import Refusal
from loyalty.ledger import statements
from loyalty.ledger.models import Account
from loyalty.pos.models import Store
from members import history, inbox, memberships, tiers, wording
from members.enrolment import main_account
from members.models import Member
from members.portal import member_page
from members.tiers.telling import in_words
from rewards import browsing, catalogue, downloads, holdings, kinds, parcels, pictures, pools, redemption, stocks
from rewards.models import Picture, Redemption, Reward, RewardKind

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
    offers = browsing.in_order(catalogue.offers(member, at=at))
    shown = {
        "wallet": wallet,
        "balance": statements.balance(account.id, at=at),
        "running_out": statements.expiring(account.id, at=at, until=at + SOON),
        "are_kept_alive": account.has_idle_lots,
        "lines": history.latest(account, size=LATEST_LINES),
        "offers": [offer for offer in offers if offer.can_redeem][:REWARDS_AT_HOME],
        "next_offer": next((offer for offer in offers if not offer.can_redeem), None),
        "news": wording.news(member, at=at),
        "challenges": wording.challenges(member, at=at),
        "unread": inbox.unread(member),
    }
    shown |= _held_now(member, at) | {"cards": memberships.others(request, member)}
    return render(request, "members/home.html", shown | _tier(member, at))


def _held_now(member: Member, at: datetime) -> dict[str, Any]:
    """What the member can use: how many vouchers, and the benefits that stand on the card. One query."""
    held = holdings.usable(member, at=at)
    benefits = [one for one in held if kinds.of(one.reward).is_on_card]
    tills = [one for one in held if kinds.of(one.reward).shows_code(one.reward) or one.reward.pool_id is not None]
    return {"ready": len(tills) - len(benefits), "benefits": benefits}


def _tier(member: Member, at: Any) -> dict[str, Any]:
    """The tier the member is in and the way to the next one, in numbers for the page."""
    standing = tiers.standing(member, at=at)
    missing = standing.missing or Decimal(0)
    words = in_words(tiers.ladder(member.program), member.program, missing, get_language() or "en")
    return {"standing": standing, "missing": words, "counts_money": standing.metric == "spend"}


@require_GET
@member_page
def show_rewards(request: HttpRequest) -> HttpResponse:
    """The catalogue: what it costs, what is missing, what is left; filtered, searched and in pages."""
    at = timezone.now()
    found = browsing.browse(request.member, browsing.Wish.of(request.GET), at=at)
    account = main_account(request.member)
    shown = {
        "found": found,
        "wish": found.wish,
        "affordable": [offer for offer in found.offers if offer.can_redeem],
        "others": [offer for offer in found.offers if not offer.can_redeem],
        "balance": statements.balance(account.id, at=at),
        "wallet": account.wallet,
        "kinds": RewardKind.choices,
        "orders": [(browsing.NEAR, _("Nearest first")), (browsing.CHEAP, _("Cheapest first")), (browsing.DEAR, _("Dearest first")), (browsing.NEW, _("Newest first"))],
        "at": at,
    }  # fmt: skip
    return render(request, "rewards/rewards.html", shown)


@require_GET
def picture(request: HttpRequest, digest: str, size: str) -> HttpResponse:
    """A picture of a reward. Its address changes with it, so browsers may keep it for a year."""
    if size not in ("small", "large"):
        raise Http404
    kept = Picture.objects.filter(digest=digest).values_list(size, flat=True).first()
    if kept is None:
        raise Http404
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(bytes(kept), content_type=pictures.CONTENT_TYPE, headers=headers)


@require_http_methods(["GET", "POST"])
@member_page
def redeem(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether the member is sure, showing the balance before and after; then redeem, once per form."""
    member, at = request.member, timezone.now()
    # A repeated form finds its voucher even when the offer has ended meanwhile.
    offered = Reward.objects.filter(program=member.program).select_related(
        "wallet__program", "minimum_tier", "program", "category"
    )
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
        "kind": kinds.of(reward),
        "asked": kinds.of(reward).form(reward, at=at),
        "address": _address(request, member) if reward.is_sent else None,
        "before": available,
        "after": available - offer.cost,
        "chosen_store": request.POST.get("store", ""),
        "ready": holdings.ready(member, reward, at=at) if kinds.of(reward).is_for_tills else None,
        "token": signing.Signer(salt=FORM_SALT).sign(_reference(member, reward, account)),
    }
    return render(request, "rewards/redeem.html", shown, status=409 if request.method == "POST" else 200)


def _address(request: HttpRequest, member: Member) -> dict[str, str]:
    """What stands in the address of the form: what was typed, else where the last parcel went."""
    if request.method == "POST":
        return {name: request.POST.get(name, "") for name in parcels.ADDRESS}
    return parcels.last_address(member)


def _reference(member: Member, reward: Reward, account: Account) -> str:
    """What this form may redeem once: the same for two tabs, another one after anything moved on the account."""
    return f"portal:{member.number}:{reward.pk}:{account.last_number}"


def _chosen_store(request: HttpRequest, member: Member) -> Store | None:
    """Where the member wants to collect it; None when nothing was chosen."""
    code = request.POST.get("store", "")[:50].replace("\0", "")
    return stocks.find_store(member.program, code) if code else None


def _redeem(request: HttpRequest, member: Member, reward: Reward, at: Any) -> HttpResponse | None:
    """Redeem for the signed reference of the form; None when the page must be shown again with the reason."""
    try:
        reference = signing.Signer(salt=FORM_SALT).unsign(request.POST.get("token", ""))
        if not reference.startswith(f"portal:{member.number}:{reward.pk}:"):
            raise signing.BadSignature
        made = redemption.redeem(
            member, reward, at=at, reference=reference, source="portal", actor=f"member:{member.number}",
            store=_chosen_store(request, member), chosen=kinds.of(reward).chosen_in(request.POST),
        )  # fmt: skip
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
    held, at = _held(request, pk), timezone.now()
    shown = {"redemption": held, "state": held.state(at=at), "wallet": held.reward.wallet}
    shown |= {
        "kind": kinds.of(held.reward),
        "shows_code": kinds.of(held.reward).shows_code(held.reward),
        "words": kinds.of(held.reward).words_for(held.reward),
        "asks_address": held.reward.is_sent and held.parcel.status in parcels.BEFORE_PACKING,
        "facts": kinds.of(held.reward).facts(held, at=at),
        "cannot_cancel": kinds.of(held.reward).uncancellable(held, at=at, by_member=True),
        "more": kinds.of(held.reward).page(held),
        "more_words": kinds.of(held.reward).words_of_page(held),
        "partner_code": pools.shown(held) if held.reward.pool_id is not None and shown["state"] == "issued" else "",
        "file_token": downloads.link_token(held, at=at) if held.reward.file_id else "",
        "uses_left": held.voucher.uses_allowed - held.voucher.uses,
    }
    return render(request, "rewards/voucher.html", shown)


@require_http_methods(["GET", "POST"])
@member_page
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether the member is sure, showing what comes back; then cancel."""
    held, at = _held(request, pk), timezone.now()
    if held.entry_id is None:  # a prize: no points would come back
        return redirect("portal_voucher", held.pk)
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
