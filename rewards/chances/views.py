"""The pages of pools of prizes: a public one for each, and its record as a file."""

from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from members import memberships
from rewards.chances import proof, showing
from rewards.models import PoolDraw, PrizePool


def _found(program: str, slug: str) -> PrizePool:
    """A published pool; a draft does not exist here."""
    pool = showing.whole(program, slug)
    if pool is None:
        raise Http404
    return pool


@require_GET
@never_cache
def pool_page(request: HttpRequest, program: str, slug: str) -> HttpResponse:
    """Everything about a pool that anyone may know: odds, digest, numbers, and after the close the seed."""
    pool = _found(program, slug)
    member = memberships.current(request)
    if member is not None:
        request.member = member
    draws = PoolDraw.objects.none() if pool.keeps_count else PoolDraw.objects.filter(prize_pool=pool)
    draws = draws.select_related("prize").order_by("-number")
    shown = {
        "pool": pool,
        "chances": showing.chances(pool, at=timezone.now()),
        "page": Paginator(draws, showing.DRAWS_A_PAGE).get_page(request.GET.get("page")),
        "mine": member.pk if member else None,
    }
    with timezone.override(ZoneInfo(pool.program.time_zone)):
        return render(request, "rewards/pool.html", shown)


@require_GET
@never_cache
def pool_record(request: HttpRequest, program: str, slug: str) -> HttpResponse:
    """The record of a pool as a file, to keep and to check with (`manage.py verify_draw --file`)."""
    record = proof.record_of(_found(program, slug))
    headers = {"Content-Disposition": f'attachment; filename="prizes-{program}-{slug}.json"'}
    return JsonResponse(record, headers=headers)
