"""A tier given by hand, bought with points, or matched from another program: not lowered before its own end (DOMAIN 8.2)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.jobs.changes import people
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account
from members.models import Member, Tier, TierGrant
from members.tiers.reviewing import walk_on
from members.tiers.stays import GIVEN


class TierNotGiven(Refusal):
    """The tier cannot be given: it is lower than the one held, its end has passed, or the membership is closed."""

    code = "tier_not_given"


def give(
    member: Member,
    tier: Tier,
    *,
    until: datetime,
    reason: str,
    reference: str,
    at: datetime,
    actor: str,
    kind: str = TierGrant.Kind.HAND,
) -> TierGrant:
    """Give a tier from now on until its own end; the same reference gives the first answer.

    Rewards call it with kind `bought` inside their redemption. Raises TierNotGiven, and OwnAccount when staff would give it to themselves (law 19).
    """
    people.refuse_own(actor, member.member_accounts.values_list("account_id", flat=True))
    with transaction.atomic():
        lock_main(member)
        known = TierGrant.objects.filter(member=member, reference=reference).select_related("tier").first()
        if known is not None:
            return known
        walk_on(member.program, [member.pk], at=at)
        member.refresh_from_db()
        tier.refresh_from_db(fields=["is_on_ladder"])
        _judge(member, tier, until=until, reason=reason, at=at)
        made = TierGrant.objects.create(
            member=member, tier=tier, kind=kind, since=at, until=until, reference=reference, reason=reason.strip(),
            granted_by=actor,
        )  # fmt: skip
        walk_on(member.program, [member.pk], at=at)
        member.refresh_from_db()
    return made


def withdraw(grant: TierGrant, *, at: datetime, actor: str) -> TierGrant:
    """End a given tier now: its member falls to the tier that is reached. Once withdrawn or over, nothing happens."""
    with transaction.atomic():
        lock_main(grant.member)
        ending = TierGrant.objects.filter(pk=grant.pk, withdrawn_at__isnull=True, until__gt=at)
        if ending.update(until=at, withdrawn_at=at, withdrawn_by=actor):
            # The stay's own end was written with it; what is due now is found by it.
            grant.member.tier_stays.filter(cause=f"{GIVEN}{grant.pk}", until__isnull=True).update(review_at=at)
            walk_on(grant.member.program, [grant.member_id], at=at)
        grant.refresh_from_db()
    return grant


def lock_main(member: Member) -> None:
    """The one lock of whatever moves a member's points or tier."""
    lock(*Account.objects.filter(member_account__member=member, wallet__is_main=True).values_list("pk", flat=True))


def _judge(member: Member, tier: Tier, *, until: datetime, reason: str, at: datetime) -> None:
    if member.status != Member.Status.ACTIVE:
        raise TierNotGiven(_("This membership is closed, so no tier can be given."))
    if tier.program_id != member.program_id or tier.rank < member.tier.rank or not tier.rank:
        message = _("Choose a tier that is not below the present one, %(tier)s.") % {"tier": member.tier}
        raise TierNotGiven(message, tier=member.tier.slug)
    if not tier.is_on_ladder:
        raise TierNotGiven(_("%(tier)s is not on the ladder, so nobody can be in it.") % {"tier": tier}, tier=tier.slug)
    if until <= at:
        raise TierNotGiven(_("The end has passed. Choose a day in the future."))
    if not reason.strip():
        raise TierNotGiven(_("Say why the tier is given. The reason stays in the member's history."))
