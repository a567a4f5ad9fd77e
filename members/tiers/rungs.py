"""Which tiers stand on the ladder: a new one waits beside it until an edit brings it in, and one that leaves keeps its history.

While nobody is a member there is nothing to preview, so a new tier stands on the ladder at once (DOMAIN 8.4).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.ladders import Ladder
from members.models import Member, Tier, TierGrant
from members.tiers.uses import uses_of


class TierMisplaced(Refusal):
    """A new tier cannot be reached from this, or its short name is taken."""

    code = "tier_misplaced"


class TierHeldByHand(Refusal):
    """The tier was given or sold to members until a day that is still to come, so it cannot leave the ladder."""

    code = "tier_held_by_hand"


@transaction.atomic
def add(tier: Tier) -> Tier:
    """Write a new tier in its place by its threshold; the ranks of those above move on. Raises TierMisplaced."""
    others = list(Tier.objects.select_for_update().filter(program=tier.program).order_by("rank"))
    judge(tier, others)
    place = sum(other.threshold < tier.threshold for other in others)
    for other in reversed(others[place:]):
        Tier.objects.filter(pk=other.pk).update(rank=other.rank + 1)
    tier.rank, tier.is_on_ladder = place, not has_members(tier.program)
    tier.save(force_insert=True)
    return tier


def judge(tier: Tier, others: Iterable[Tier]) -> None:
    """Whether a new tier has a place among the others. Raises TierMisplaced."""
    if any(other.slug == tier.slug for other in others):
        raise TierMisplaced(_("A tier with this short name is there already."))
    if any(other.threshold == tier.threshold for other in others):
        raise TierMisplaced(_("Another tier has this threshold. Each tier needs another one."))
    if not others and tier.threshold != Decimal(0):
        raise TierMisplaced(_("The first tier is everybody's: it is reached from 0."))
    if not others and tier.price is not None:
        raise TierMisplaced(_("The first tier is everybody's: it is not for sale."))


def has_members(program: Program) -> bool:
    """Whether anybody could move."""
    return Member.objects.filter(program=program).exists()


def may_be_deleted(tier: Tier) -> bool:
    """Only one that waits beside the ladder, or any while nobody is a member."""
    return not tier.is_on_ladder or not has_members(tier.program)


def judge_leaving(program: Program, steps: Ladder, *, at: datetime) -> None:
    """Whether the tiers that an edited ladder does not have may leave now. Raises TierHeldByHand."""
    leaving = [tier for tier in steps.by_id.values() if not tier.is_on_ladder]
    held = TierGrant.objects.filter(tier__in=leaving, member__program=program, until__gt=at).order_by("-until")
    last = held.select_related("tier").first()
    if last is not None:
        count = held.values("member").distinct().count()
        words = ngettext(
            "%(count)d member to whom %(tier)s was given or sold holds it until its own end. Withdraw it there first, or wait.",
            "%(count)d members to whom %(tier)s was given or sold hold it until its own end. Withdraw it there first, or wait.",
            count,
        )
        raise TierHeldByHand(words % {"tier": last.tier, "count": count}, tier=last.tier.slug, members=count)


def in_words(steps: Ladder, before: Iterable[str]) -> list[str]:
    """Which tiers come and which leave, for whoever decides; `before` are the short names of those on the ladder now."""
    stood = set(before)
    said = [_("New on the ladder: %(tier)s.") % {"tier": tier} for tier in steps.tiers if tier.slug not in stood]
    leaving = [tier for tier in steps.by_id.values() if tier.slug in stood and not tier.is_on_ladder]
    for tier in leaving:
        said.append(_("%(tier)s leaves the ladder. Who is in it goes to the tier below, or to a higher one that is reached.") % {"tier": tier})  # fmt: skip
        if named := uses_of(tier):
            said.append(_("Still named by %(uses)s. Nobody reaches %(tier)s any more: change these, too.") % {"tier": tier, "uses": "; ".join(named)})  # fmt: skip
    return said
