"""Letters about tiers: reached, kept, lost, and at risk with what is still missing (DOMAIN 8.3, 11.1).

Each stay remembers that its member was told of it and for which review they were warned, so no letter is written twice and
nobody is looked at twice. What happened long ago (an import of old purchases) is not told any more.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import ngettext

from loyalty.common.bulk import update_rows
from loyalty.common.clock import last_valid_day
from loyalty.common.languages import in_language
from loyalty.common.money import show_money, show_points
from loyalty.ledger.models import Program, Wallet
from loyalty.mail import outbox
from members.ladders import INSTANT, Ladder, ladder
from members.models import Member, TierPolicy, TierStay
from members.tiers.benefits import lines_of
from members.tiers.reading import ENROLMENT, trails
from members.tiers.stays import ENDED, REVIEW

CHUNK = 1000
NEWS_FOR = timedelta(days=7)
UP, KEPT, DOWN, AT_RISK = "tier_up", "tier_kept", "tier_down", "tier_at_risk"


@transaction.atomic
def tell_chunk(program: Program, *, at: datetime) -> tuple[int, int]:
    """Letters about the next stays that nobody was told of; returns stays looked at and letters written."""
    untold = TierStay.objects.filter(member__program=program, until__isnull=True, told_at__isnull=True)
    stays = list(untold.select_related("member", "tier").order_by("id")[:CHUNK])
    steps, letters = ladder(program), []
    for stay in stays:
        kind, when = _news(stay)
        if kind and when >= at - NEWS_FOR and stay.member.status == Member.Status.ACTIVE:
            letters.append(_letter(kind, stay, steps, program, at=at))
    outbox.queue_many(letters)
    update_rows(TierStay, "id", ("told_at",), [(stay.pk, at) for stay in stays])
    return len(stays), len(letters)


@transaction.atomic
def warn_chunk(program: Program, *, at: datetime) -> tuple[int, int]:
    """Letters to the next members whose review comes soon and who would not pass it; returns stays looked at, letters."""
    steps = ladder(program)
    days = steps.policy.warn_days
    soon = TierStay.objects.filter(
        member__program=program, until__isnull=True, review_at__gt=at, review_at__lte=at + timedelta(days=days)
    )
    if not days:
        return 0, 0
    unheard = soon.filter(Q(warned_for__isnull=True) | ~Q(warned_for=F("review_at")))
    stays = list(unheard.select_related("member", "tier").order_by("review_at", "id")[:CHUNK])
    walked = trails(steps, {stay.member_id for stay in stays}, earliest=at)
    letters = []
    for stay in stays:
        trail = walked[stay.member_id]
        held = trail.held(at)
        missing = steps.keep(stay.tier) - trail.between(trail.review_window(held), at + INSTANT)
        if missing > 0 and stay.member.status == Member.Status.ACTIVE:
            letters.append(_letter(AT_RISK, stay, steps, program, at=at, missing=missing))
    outbox.queue_many(letters)
    update_rows(TierStay, "id", ("warned_for",), [(stay.pk, stay.review_at) for stay in stays])
    return len(stays), len(letters)


def _news(stay: TierStay) -> tuple[str, datetime]:
    """Which letter a stay is worth, and of when its news is; no letter for what everybody begins with."""
    if stay.renewed_at is not None:
        return KEPT, stay.renewed_at
    if stay.cause.startswith((REVIEW, ENDED)):
        return DOWN, stay.since
    return ("" if stay.cause == ENROLMENT or not stay.tier.rank else UP), stay.since


def _letter(
    kind: str, stay: TierStay, steps: Ladder, program: Program, *, at: datetime, missing: int = 0
) -> outbox.Letter:
    member, zone = stay.member, program.time_zone
    language = member.language
    told: dict[str, Any] = {
        "program": in_language(program, "name", language),
        "name": member.name,
        "tier": in_language(stay.tier, "name", language),
        "benefits": _benefits(steps, language)[stay.tier_id],
    }
    if stay.review_at is not None:
        told["until"] = last_valid_day(stay.review_at, zone).isoformat()
        told["decided"] = last_valid_day(steps.decided(stay.review_at), zone).isoformat()
    if missing:
        told["missing"] = in_words(steps, program, steps.shown(missing), language)
    when = stay.review_at if kind == AT_RISK else stay.renewed_at or stay.since
    period = when.date().isoformat() if when else ""
    return outbox.Letter(member.number, member.email, language, kind, stay.tier.slug, told, at, period)


def in_words(steps: Ladder, program: Program, amount: Decimal, language: str) -> str:
    """An amount of what is counted, as a letter in a language writes it; a part of a point or visit is a whole one."""
    with translation.override(language):
        if steps.metric == TierPolicy.Metric.SPEND:
            return show_money(amount, program.currency)
        whole = -int(-amount // 1)
        if steps.metric == TierPolicy.Metric.VISITS:
            return ngettext("%(count)d visit", "%(count)d visits", whole) % {"count": whole}
        wallet = _wallet(steps, program)
        points = whole * 10**wallet.decimals
        return f"{show_points(points, wallet.decimals)} {wallet.name_of(points, language)}"


def _benefits(steps: Ladder, language: str) -> dict[int, list[str]]:
    """What each tier gives in a language; asked once for a ladder."""
    known: dict[str, dict[int, list[str]]] = vars(steps).setdefault("benefits", {})
    if language not in known:
        known[language] = lines_of(steps.tiers, language)
    return known[language]


def _wallet(steps: Ladder, program: Program) -> Wallet:
    """The wallet whose points are counted; looked up once for a ladder."""
    found: Wallet | None = vars(steps).get("wallet")
    if found is None:
        found = program.wallets.get(pk=steps.wallet_id) if steps.wallet_id else program.wallets.get(is_main=True)
        vars(steps)["wallet"] = found
    return found
