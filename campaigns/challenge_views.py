"""The portal's page of challenges, and the display name on leaderboards."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.challenges import boards, showing
from campaigns.challenges.words import prize_in_words
from loyalty.common.errors import Refusal
from members.enrolment import main_account
from members.portal import member_page
from rewards import holdings


@require_GET
@member_page
def show_challenges(request: HttpRequest) -> HttpResponse:
    """What runs, how far the member is, what was won, and the leaderboards."""
    member, at = request.member, timezone.now()
    shown = showing.of_member(member, at=at, with_boards=True)
    wallet = main_account(member).wallet
    won = [(prize, prize_in_words(prize, wallet)) for prize in showing.prizes_of(member)]
    told = {
        "challenges": [one for one in shown if not one.is_done],
        "done": [one for one in shown if one.is_done],
        "boards": [one for one in shown if one.challenge.has_board],
        "badges": showing.badges_of(member),
        "more_badges": holdings.badges(member),
        "won": won,
        "display_name": showing.display_name(member),
        "at": at,
    }
    return render(request, "campaigns/challenges.html", told)


@require_POST
@member_page
def save_display_name(request: HttpRequest) -> HttpResponse:
    """Join the leaderboards by a name, change it, or leave them."""
    member, at = request.member, timezone.now()
    actor = f"member:{member.number}"
    if "leave" in request.POST:
        boards.leave(member, at=at, actor=actor)
        messages.success(request, _("You are no longer on any leaderboard."))
        return redirect("portal_challenges")
    try:
        chosen = boards.choose_name(member, request.POST.get("name", ""), at=at, actor=actor)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("You are on the leaderboards as %(name)s.") % {"name": chosen.name})
    return redirect("portal_challenges")
