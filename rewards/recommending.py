"""What a member is advised to look at, each with its reason: popular with members like them, theirs now, or nearly theirs.

Never what points alone cannot buy: nothing they have had as often as they may, nothing sold out or out of season.
"Members like them" are those of the same tier; a job counts nightly what these chose in the last ninety days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from members.models import Member
from rewards.catalogue import Offer
from rewards.eligibility import show_amount
from rewards.models import Redemption, RewardPopularity

WITHIN = timedelta(days=90)
LEAST_MEMBERS = 3
NEAR = 0.25
MOST = 4
POPULAR, NOW, NEARLY = "popular", "affordable", "nearly"


@dataclass(frozen=True, slots=True)
class Advice:
    """An offer with the reason why it is shown, as a code and in words."""

    offer: Offer
    reason: str
    words: str


def advise(member: Member, offers: Sequence[Offer], *, most: int = MOST) -> list[Advice]:
    """The offers to look at first, each once: two popular ones, then what can be had now and what nearly can."""
    possible = [one for one in offers if one.can_redeem or one.is_nearly_there]
    chosen = dict(RewardPopularity.objects.filter(tier=member.tier_id).values_list("reward", "members"))
    popular = [one for one in possible if chosen.get(one.reward.pk, 0) >= LEAST_MEMBERS and _is_near(one)]
    popular.sort(key=lambda one: -chosen[one.reward.pk])
    now = [one for one in possible if one.can_redeem]
    now.sort(key=lambda one: (not one.reward.is_featured, not one.price.is_reduced, -one.cost))
    nearly = sorted((one for one in possible if one.is_nearly_there and _is_near(one)), key=lambda one: one.missing)
    turns = [(popular, POPULAR, 2), (now, NOW, 1), (nearly, NEARLY, 1), (now, NOW, most), (nearly, NEARLY, most)]
    found: dict[int, Advice] = {}
    for many, reason, share in turns:
        fresh = [one for one in many if one.reward.pk not in found][: min(share, most - len(found))]
        found |= {one.reward.pk: Advice(one, reason, _words(member, one, reason)) for one in fresh}
    return list(found.values())


def _is_near(one: Offer) -> bool:
    """Whether it can be had, or a quarter of its price is missing at most."""
    return one.can_redeem or one.missing <= one.cost * NEAR


def _words(member: Member, one: Offer, reason: str) -> str:
    """The reason in words."""
    if reason == POPULAR:
        return _("Popular with %(tier)s members") % {"tier": member.tier}
    if reason == NEARLY:
        return _("Only %(amount)s more") % {"amount": show_amount(one.missing, one.reward.wallet)}
    return _("A lower price for you") if one.price.is_reduced else _("You can have it now")


def count_popularity(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Count what members of each tier chose in the last ninety days; the job `count_popularity`. May be repeated."""
    lately = Redemption.objects.filter(
        ~Q(status=Redemption.Status.CANCELLED),
        program=program,
        cost__gt=0,
        redeemed_at__gt=at - WITHIN,
        redeemed_at__lte=at,
    )
    counted = list(
        lately.order_by().values_list("reward", "member__tier").annotate(members=Count("member", distinct=True))
    )
    if not dry_run:
        _replace(program, counted)
    progress(len(counted), 0 if dry_run else len(counted), 0)
    return Tally(found=len(counted), done=0 if dry_run else len(counted))


@transaction.atomic
def _replace(program: Program, counted: Iterable[Any]) -> None:
    """Put the new counts in the place of the old ones; whoever counts at the same time waits."""
    Program.objects.select_for_update(no_key=True).get(pk=program.pk)
    RewardPopularity.objects.filter(reward__program=program).delete()
    RewardPopularity.objects.bulk_create(
        RewardPopularity(reward_id=reward, tier_id=tier, members=members) for reward, tier, members in counted
    )
