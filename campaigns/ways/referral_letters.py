"""Letters to both sides of a referral: rewarded, or taken back because the goods were or staff found a reason (DOMAIN 11.1)."""

from datetime import datetime

from django.utils import translation

from campaigns.ways.models import Referral
from loyalty.common.money import show_points
from loyalty.ledger.models import Wallet
from loyalty.mail import outbox
from members.models import Member


def tell_rewarded(referral: Referral, *, at: datetime) -> None:
    """Write to whoever got points, once per round."""
    _tell_both(referral, "brought", "came", at=at)


def tell_taken_back(referral: Referral, *, at: datetime) -> None:
    """Write to whoever lost points because goods came back, once per round."""
    _tell_both(referral, "brought_back", "came_back", at=at)


def tell_revoked(referral: Referral, *, at: datetime) -> None:
    """Write to whoever lost points because staff took them back, once per round."""
    _tell_both(referral, "brought_revoked", "came_revoked", at=at)


def _tell_both(referral: Referral, to_referrer: str, to_friend: str, *, at: datetime) -> None:
    """A letter to each side that has points to read of."""
    wallet = Wallet.objects.get(program=referral.program_id, is_main=True)
    letters = [
        _letter(referral, referral.referrer, referral.friend, to_referrer, referral.points, wallet, at),
        _letter(referral, referral.friend, referral.referrer, to_friend, referral.friend_points, wallet, at),
    ]
    outbox.queue_many(one for one in letters if one.context["points"])


def _letter(
    referral: Referral, member: Member, other: Member, what: str, points: int, wallet: Wallet, at: datetime
) -> outbox.Letter:
    """One letter in the member's language. The other side is named by first name only."""
    with translation.override(member.language):
        shown = f"{show_points(points, wallet.decimals)} {wallet.name_of(points)}" if points else ""
        context = {
            "name": member.name,
            "program": str(referral.program),
            "other": other.name.split(" ")[0],
            "what": what,
            "points": shown,
        }
    return outbox.Letter(
        recipient=member.number, address=member.email, language=member.language, kind="referral",
        subject=f"referral:{referral.pk}:{referral.rounds}:{what}", context=context, at=at,
    )  # fmt: skip
