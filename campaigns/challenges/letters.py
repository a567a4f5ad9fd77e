"""The letters about prizes: what was won, and what was taken back because goods came back (DOMAIN 6.3, 11.1).

What was won long ago and only learned of now, as with a first import, is read in the portal: nobody gets a letter about last year.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import translation

from campaigns.challenges.words import prize_in_words
from campaigns.models import Prize
from loyalty.common.clock import last_valid_day
from loyalty.ledger.models import Program, Wallet
from loyalty.mail import outbox
from members.models import Member

NEWS_FOR = timedelta(days=31)


def tell(program: Program, changed: Sequence[Prize], *, at: datetime) -> None:
    """Write to the members whose prizes were given or taken back just now, once per giving."""
    told = [prize for prize in changed if prize.won_at > at - NEWS_FOR]
    if not told:
        return
    members = Member.objects.select_related("program").in_bulk({prize.member_id for prize in told})
    wallet = Wallet.objects.get(program=program, is_main=True)
    outbox.queue_many(_letter(prize, members[prize.member_id], wallet, at) for prize in told)


def _letter(prize: Prize, member: Member, wallet: Wallet, at: datetime) -> outbox.Letter:
    """One letter, in the member's language."""
    is_given = prize.status == Prize.Status.GIVEN
    voucher = prize.redemption.voucher if prize.redemption and is_given else None
    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": str(member.program),
            "challenge": str(prize.challenge),
            "prize": prize_in_words(prize, wallet),
            "code": voucher.shown_code if voucher else "",
            "valid_until": last_valid_day(voucher.expires_at, member.program.time_zone).isoformat() if voucher else "",
            "owed": "yes" if prize.owed else "",
            "stands": "yes" if prize.status == Prize.Status.STANDS else "",
        }
    return outbox.Letter(
        recipient=member.number,
        address=member.email,
        language=member.language,
        kind="challenge_done" if is_given else "challenge_back",
        subject=f"prize:{prize.pk}",
        context=context,
        at=at,
        period=f"{prize.given_times}{'' if not prize.redemption_id or not is_given else f'v{prize.redemption_id}'}",
    )
