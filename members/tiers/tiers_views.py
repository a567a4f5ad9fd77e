"""The portal's page of the tier: the ladder, what one has, what is next, what is missing to keep and to reach, by when."""

import secrets

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.common.errors import Refusal
from loyalty.ledger import statements as positions
from members.enrolment import main_account
from members.ladders import ladder
from members.models import Tier
from members.portal import member_page
from members.tiers import buying
from members.tiers.benefits import lines_of
from members.tiers.standing import standing
from members.tiers.telling import in_words

FORM_SALT = "members.buy_tier"


@require_http_methods(["GET", "HEAD", "POST"])
@member_page
def buy_tier(request: HttpRequest, slug: str) -> HttpResponse:
    """Are you sure? Then the tier is bought; sending the same form again changes nothing."""
    member, at = request.member, timezone.now()
    tier = Tier.objects.filter(program=member.program, slug=slug, price__isnull=False).first()
    if tier is None:
        raise Http404
    if request.method == "POST":
        try:
            reference = signing.loads(request.POST.get("token", ""), salt=FORM_SALT, max_age=24 * 60 * 60)
            buying.buy(member, tier, at=at, reference=reference, source="portal", actor=f"member:{member.number}")
        except signing.BadSignature:
            messages.error(request, _("This page was open for too long. Please try again."))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("You are %(tier)s now.") % {"tier": tier})
            return redirect("portal_tier")
    account = main_account(member)
    shown = {
        "tier": tier, "wallet": account.wallet, "benefits": lines_of([tier])[tier.pk],
        "balance": positions.balance(account.pk, at=at), "until": buying.end_of(tier, member.program, at=at),
        "refusal": buying.refusal(member, tier), "token": signing.dumps(secrets.token_hex(12), salt=FORM_SALT),
    }  # fmt: skip
    shown["after"] = shown["balance"].available - tier.price
    return render(request, "members/tier_buy.html", shown)


@require_GET
@member_page
def show_tier(request: HttpRequest) -> HttpResponse:
    """Where the member stands on the ladder (DOMAIN 8.3)."""
    member, language = request.member, get_language() or "en"
    stands, steps = standing(member, at=timezone.now()), ladder(member.program)
    benefits = lines_of(steps.tiers)
    shown = {
        "wallet": main_account(member).wallet,
        "standing": stands,
        "missing": in_words(steps, member.program, stands.missing, language) if stands.missing is not None else "",
        "keep_missing": in_words(steps, member.program, stands.keep_missing, language) if stands.keep_missing else "",
        "waiting": in_words(steps, member.program, stands.waiting, language) if stands.waiting else "",
        "ladder": [
            (tier, in_words(steps, member.program, tier.threshold, language), benefits[tier.pk]) for tier in steps.tiers
        ],
    }
    return render(request, "members/tier.html", shown)
