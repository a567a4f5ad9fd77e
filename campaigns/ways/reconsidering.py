"""Staff think again about a friend who was brought (DOMAIN 10.2): they hold one for review, or take given rewards back.

Holding undoes a decision, one that was made by itself too: families share phones. What was taken back can be held and approved, and is
then given once more.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.ways import referral_letters, rewarding
from campaigns.ways.models import Referral
from campaigns.ways.referral import ReasonMissing, locked
from loyalty.common.errors import Refusal

Status = Referral.Status
HOLDABLE = (Status.BOUND, Status.REFUSED, Status.TAKEN_BACK)


class NotHoldable(Refusal):
    """It was rewarded, or its time is over."""

    code = "referral_not_holdable"


class NotRewarded(Refusal):
    """There is no reward to take back."""

    code = "referral_not_rewarded"


@transaction.atomic
def hold(referral: Referral, *, at: datetime, actor: str, note: str) -> Referral:
    """Hold a referral for review, whatever was decided before, with words. Repeating returns it as it is.

    Raises ReasonMissing, NotHoldable, OwnAccount.
    """
    referral = locked(referral, actor=actor)
    if referral.status == Status.HELD:
        return referral
    if referral.status not in HOLDABLE:
        raise NotHoldable(_("This referral is rewarded or over. Rewards are taken back first; what is over stays."))
    return _noted(referral, Status.HELD, note=note)


@transaction.atomic
def revoke(referral: Referral, *, at: datetime, actor: str, note: str) -> Referral:
    """Take back what both got, with a milestone that rests on it, refuse the referral and write to both. Repeating returns it as it is.

    Raises ReasonMissing, NotRewarded, OwnAccount.
    """
    referral = locked(referral, actor=actor)
    if referral.status == Status.REFUSED and referral.rounds:
        return referral
    if referral.status != Status.REWARDED:
        raise NotRewarded(_("Nothing was given for this friend, so there is nothing to take back."))
    _noted(referral, Status.REFUSED, note=note, decided_at=at, decided_by=actor)
    rewarding.take_rewards(referral, at=at, actor=actor)
    referral_letters.tell_revoked(referral, at=at)
    return referral


def _noted(
    referral: Referral, status: str, *, note: str, decided_at: datetime | None = None, decided_by: str = ""
) -> Referral:
    """Write the status with why; by default nobody has decided."""
    if not note.strip():
        raise ReasonMissing(_("Say why: the member may ask."))
    referral.status, referral.note = status, note.strip()
    referral.decided_at, referral.decided_by = decided_at, decided_by
    referral.save(update_fields=["status", "note", "decided_at", "decided_by"])
    return referral
