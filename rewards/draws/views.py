"""The pages of draws: a public one for each, its record as a file, and the list a member sees."""

from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from members import memberships
from members.portal import member_page
from rewards.draws import proof, showing
from rewards.draws.wording import prize_in_words
from rewards.models import Draw, DrawEntry


def _found(program: str, slug: str) -> Draw:
    """A published draw; a draft does not exist here."""
    draw = showing.whole(program, slug)
    if draw is None:
        raise Http404
    return draw


@require_GET
@never_cache
def draw_page(request: HttpRequest, program: str, slug: str) -> HttpResponse:
    """Everything about a draw that anyone may know: digest, entries, and after the draw the seed and the winners."""
    draw, at = _found(program, slug), timezone.now()
    member = memberships.current(request)
    if member is not None:
        request.member = member
    wallet = draw.program.wallets.filter(is_main=True).first()
    entries = DrawEntry.objects.filter(draw=draw).select_related("withdrawal").order_by("number")
    shown: dict[str, Any] = {
        "draw": draw,
        "state": showing.state(draw, at=at),
        "prizes": [(prize, prize_in_words(prize, wallet)) for prize in draw.prizes.all()],
        "places": showing.winning_entries(draw) if draw.status == Draw.Status.DRAWN else [],
        "page": Paginator(entries, showing.ENTRIES_A_PAGE).get_page(request.GET.get("page")),
        "mine": list(entries.filter(member=member, withdrawal__isnull=True).values_list("number", flat=True)) if member else [],
    }  # fmt: skip
    with timezone.override(ZoneInfo(draw.program.time_zone)):
        return render(request, "rewards/draw.html", shown)


@require_GET
@never_cache
def draw_record(request: HttpRequest, program: str, slug: str) -> HttpResponse:
    """The record of a draw as a file, to keep and to check with (`manage.py verify_draw --file`)."""
    record = proof.record_of(_found(program, slug))
    headers = {"Content-Disposition": f'attachment; filename="draw-{program}-{slug}.json"'}
    return JsonResponse(record, headers=headers)


@require_GET
@member_page
def draws(request: HttpRequest) -> HttpResponse:
    """The draws of the program, with the member's numbers and prizes."""
    at = timezone.now()
    return render(request, "rewards/draws.html", {"standings": showing.of_member(request.member, at=at)})
