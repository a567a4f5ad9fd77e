"""The letter after points lapsed that waited for an event which did not happen in time (DOMAIN 4.1): how many, and for what.

It is queued in the transaction that records the lapse, once per lapse.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import translation

from campaigns import explanations
from loyalty.common.clock import local_day
from loyalty.common.money import show_points
from loyalty.ledger.models import Allocation
from loyalty.mail import outbox
from members.models import MemberAccount

INSTANT = timedelta(microseconds=1)


def tell(entry_ids: Sequence[int], *, at: datetime) -> None:
    """Write to the members whose points lapsed by these entries; those without an address read it in the portal. Two queries."""
    drawn = Allocation.objects.filter(entry__any_of=list(entry_ids)).select_related("entry", "lot__entry")
    lapsed = list(drawn.order_by("entry_id"))
    accounts = {one.lot.account_id for one in lapsed}
    pairs = MemberAccount.objects.filter(account__any_of=list(accounts)).select_related("wallet", "member__program")
    held = {pair.account_id: pair for pair in pairs}
    outbox.queue_many(_letter(one, held[one.lot.account_id], at) for one in lapsed if one.lot.account_id in held)


def _letter(lapsed: Allocation, pair: MemberAccount, at: datetime) -> outbox.Letter:
    """One letter, in the member's language."""
    member, wallet, lot = pair.member, pair.wallet, lapsed.lot
    zone = member.program.time_zone
    until = lot.confirm_by or lapsed.entry.effective_at
    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": str(member.program),
            "points": f"{show_points(lapsed.amount, wallet.decimals)} {wallet.name_of(lapsed.amount)}",
            "earned": local_day(lot.granted_at, zone).isoformat(),
            "until": local_day(until - INSTANT, zone).isoformat(),
            "why": explanations.sentence(lot.entry.explanation) or lot.entry.reason,
        }
    return outbox.Letter(
        recipient=member.number,
        address=member.email,
        language=member.language,
        kind="points_lapsed",
        subject=f"lapse:{lapsed.entry_id}",
        context=context,
        at=at,
    )
