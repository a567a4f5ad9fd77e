"""A seat that was given up when its date was called off is booked again, at the price it had: the undo of that change."""

from datetime import datetime

from django.db import transaction

from loyalty.common.bulk import insert_one
from loyalty.ledger import posting, statements
from loyalty.ledger.locking import lock
from rewards import kinds, sessions, telling
from rewards.models import EventSession, Redemption
from rewards.stocks import take_one


@transaction.atomic
def book_again(ended: Redemption, *, at: datetime, reference: str, actor: str) -> Redemption:
    """Take the points of a cancelled ticket again and issue a new one for the same date; a known reference gets its first answer.

    Booking stays closed. Raises InsufficientPoints, SessionFull.
    """
    lock(ended.account_id)
    first = Redemption.objects.filter(program=ended.program_id, reference=reference).first()
    if first is not None:
        return first
    kind, session = kinds.of(ended.reward), sessions.held_by(ended)
    entry = None
    if ended.cost:
        entry = posting.redeem(
            ended.account_id, ended.cost, at=at, reference=f"redemption:{reference}", source="desk", actor=actor,
            reason=ended.reward.name,
        )  # fmt: skip
    made = insert_one(
        Redemption(
            program_id=ended.program_id, reward=ended.reward, member=ended.member, account_id=ended.account_id, entry=entry,
            reference=reference, cost=ended.cost, to_pay=ended.to_pay, redeemed_at=at,
        )
    )  # fmt: skip
    made.chosen = {"session": session.pk if session else None}
    kind.issue(made, at=at)
    made.balance = statements.balance(made.account_id, at=at)
    telling.tell(made, at=at)
    if session is not None:
        EventSession.objects.filter(pk=session.pk).update(cancelled_at=None, cancelled_by="")
        sessions.take_seat(session.pk, is_booking=False)
    take_one(ended.reward)
    return made
