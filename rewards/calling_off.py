"""A session of an experience is called off: everybody who holds a seat gets the points back (DOMAIN 12.4).

Booking is closed first, so that the lines stay what was shown. Each line cancels one redemption as staff would: points
return to their lots, with days of grace where those ran out. The undo books the seats again for whoever still has the points.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Plan, Row
from loyalty.common.errors import Refusal
from loyalty.ledger import statements
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Entry
from loyalty.mail import outbox
from rewards import booking_again, redemption, sessions
from rewards.eligibility import show_amount
from rewards.models import EventSession, Redemption

# Tickets nobody used; a change that waited past the end of its date finds them expired.
UNUSED = (Redemption.Status.ISSUED, Redemption.Status.EXPIRED)


class StillBooked(Refusal):
    """The date can still be booked, so the lines would not stay what they are."""

    code = "session_open"


class CallOffSession(ChangeKind):
    """Give the points of all seats of a session back. Parameters: session, its id."""

    name = "call_off_session"
    title = gettext_lazy("Call off a date of an experience")
    question = gettext_lazy("Which date does not take place? Everybody who holds a seat gets the points back.")
    form = "rewards.calling_off_form.CallOffForm"
    chunk = 100

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        session = sessions.find(asked.program, asked.parameters["session"])
        if session.is_open:
            raise StillBooked(_("This date can still be booked. Close its booking first."))
        held = sessions.holders(session).filter(status__in=UNUSED, voucher__uses=0)
        if only is not None:
            held = held.filter(pk__in=[int(row.key) for row in only])
        if locked:
            lock(*held.values_list("account_id", flat=True))
        made = Plan([_row(one) for one in held], session.reward.wallet)
        made.refusal = sessions.SessionUnknown(_("Nobody holds a seat for this date."))
        if only is None:
            made.left_out = [
                (one.member.shown_number, _("This ticket was used already."))
                for one in sessions.holders(session).exclude(status__in=UNUSED)
            ]
        return made

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        session = sessions.find(asked.program, asked.parameters["session"])
        held = sessions.holders(session).in_bulk([int(row.key) for row in rows])
        for row in rows:
            ended = redemption.cancel(held[int(row.key)], at=at, actor=actor, by_member=False, even_expired=True)
            _tell(ended, session, asked, at=at)

    def plan_undo(
        self, asked: Asked, done: Sequence[Row], *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None
    ) -> Plan:  # fmt: skip
        session = sessions.find(asked.program, asked.parameters["session"])
        keys = {row.key for row in only} if only is not None else {row.key for row in done}
        rows = [row for row in done if row.key in keys]
        accounts = sorted({row.account_id or 0 for row in rows})
        if locked:
            lock(*accounts)
        has = {account: balance.available for account, balance in statements.balances(accounts, at=at).items()}
        made = Plan([], session.reward.wallet)
        if at >= session.ends_at:
            raise sessions.closed(session)
        for row in rows:
            left = has.get(row.account_id or 0, 0)
            if left < row.amount:
                said = _("The points were spent meanwhile: %(points)s are there.")
                made.left_out.append((row.facts["number"], said % {"points": left}))
                continue
            has[row.account_id or 0] = left - row.amount
            made.rows.append(Row(row.key, row.account_id, Entry.Kind.REDEMPTION.value, -row.amount, row.facts))
        return made

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        for row in rows:
            ended = Redemption.objects.select_related("reward", "member__program").get(pk=int(row.key))
            booking_again.book_again(ended, at=at, reference=asked.reference(row), actor=actor)

    def words(self, asked: Asked, row: Row) -> str:
        return _("seat booked again") if row.amount < 0 else _("seat freed, ticket dead")

    def summary(self, asked: Asked) -> str:
        session = sessions.find(asked.program, asked.parameters["session"])
        return f"{session.reward}: {sessions.when(session, asked.program.time_zone)}"

    def finished(self, asked: Asked, *, at: datetime, actor: str) -> None:
        EventSession.objects.filter(pk=asked.parameters["session"], cancelled_at__isnull=True, is_open=False).update(
            cancelled_at=at, cancelled_by=actor
        )


def _row(held: Redemption) -> Row:
    """The line of one seat; `amount` is what comes back, 0 for a prize."""
    return Row(
        str(held.pk), held.account_id, Entry.Kind.REVERSAL.value, held.cost, {"number": held.member.shown_number}
    )


def _tell(ended: Redemption, session: EventSession, asked: Asked, *, at: datetime) -> None:
    """The letter to somebody whose date was called off, in their language."""
    member, reward = ended.member, ended.reward
    with translation.override(member.language):
        context: dict[str, Any] = {
            "name": member.name,
            "program": str(member.program),
            "reward": str(reward),
            "when": sessions.when(session, member.program.time_zone),
            "place": session.place,
            "points": show_amount(ended.cost, reward.wallet) if ended.cost else "",
        }
    outbox.queue(
        recipient=member.number, address=member.email, language=member.language, kind="session_off",
        subject=f"redemption:{ended.pk}", context=context, at=at,
    )  # fmt: skip
