"""Sessions of experiences: which can be booked, and their seats, of which never more are taken than there are.

A seat is taken as one of the last steps of a redemption, by a conditional update whose count is looked at, and is freed in
the transaction that cancels it. Members book and cancel until a session closes; both are facts of time.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from rewards.models import EventSession, Redemption, Reward, RewardKind, Seat


class SessionNeeded(Refusal):
    """The experience has several dates: say which one (`sessions` names those that can be booked)."""

    code = "session_needed"
    status = 422


class SessionUnknown(Refusal):
    """The experience has no such date."""

    code = "session_unknown"
    status = 404


class SessionFull(Refusal):
    """Every seat of this date is taken."""

    code = "session_full"


class SessionClosed(Refusal):
    """Booking and cancelling of this date have ended (`closed_at`), or the date was called off."""

    code = "session_closed"


class SessionBooked(Refusal):
    """Seats of this date are held (`taken`); their points are given back by a change first."""

    code = "session_booked"


def bookable(reward_ids: Iterable[int], *, at: datetime) -> dict[int, list[EventSession]]:
    """The dates of these experiences that can still be booked, full ones too, soonest first; one query."""
    found: dict[int, list[EventSession]] = defaultdict(list)
    asked = EventSession.objects.filter(reward__in=list(reward_ids), is_open=True, starts_at__gt=at)
    for one in asked.order_by("starts_at", "id"):
        if one.closes_at > at:
            found[one.reward_id].append(one)
    return found


def of_rewards(rewards: Iterable[Reward], *, at: datetime) -> dict[int, list[EventSession]]:
    """The dates of those that are experiences; no query where none is."""
    ids = [one.pk for one in rewards if one.kind == RewardKind.EXPERIENCE]
    return {pk: [] for pk in ids} | bookable(ids, at=at) if ids else {}


def find(program: Program, pk: int) -> EventSession:
    """A session of a program. Raises SessionUnknown."""
    related = EventSession.objects.select_related("reward__wallet__program", "reward__program")
    found = related.filter(reward__program=program, pk=pk).first()
    if found is None:
        raise _unknown()
    return found


def held_by(redemption: Redemption) -> EventSession | None:
    """The session a redemption has or had its seat in; no query for a reward that is no experience."""
    if redemption.reward.kind != RewardKind.EXPERIENCE:
        return None
    try:
        return redemption.seat.session
    except Seat.DoesNotExist:
        return None


def judge(reward: Reward, chosen: int | None, *, at: datetime) -> Refusal | None:
    """Why this date cannot be booked; None when it can."""
    if chosen is None:
        dates = [one.pk for one in bookable([reward.pk], at=at).get(reward.pk, [])]
        return SessionNeeded(_("Choose a date."), sessions=dates) if dates else full()
    session = EventSession.objects.filter(reward=reward, pk=chosen).first()
    if session is None:
        return _unknown()
    if not session.is_open or session.closes_at <= at:
        return closed(session)
    return full() if session.left <= 0 else None


def _unknown() -> SessionUnknown:
    return SessionUnknown(_("This experience has no such date. Choose another one."))


def full() -> SessionFull:
    """The refusal of a date without a free seat."""
    return SessionFull(_("Every seat of this date is taken. Choose another one."), left=0)


def closed(session: EventSession) -> SessionClosed:
    """The refusal of a date that is not booked any more."""
    return SessionClosed(
        _("This date cannot be booked any more. Choose another one."), closed_at=session.closes_at.isoformat()
    )


def take_seat(session_id: int, *, is_booking: bool = True) -> None:
    """Take one seat, in a statement that cannot take what is not there. Raises SessionFull."""
    free = EventSession.objects.filter(pk=session_id, taken__lt=F("capacity"), cancelled_at__isnull=True)
    if is_booking:
        free = free.filter(is_open=True)
    if not free.update(taken=F("taken") + 1):
        raise full()


def free_seat(redemption: Redemption, *, at: datetime) -> None:
    """Free the seat of a cancelled redemption, once."""
    seat = Seat.objects.filter(redemption=redemption).first()
    if seat and Seat.objects.filter(pk=seat.pk, freed_at__isnull=True).update(freed_at=at):
        EventSession.objects.filter(pk=seat.session_id, taken__gt=0).update(taken=F("taken") - 1)


@transaction.atomic
def close(session: EventSession, *, at: datetime, actor: str) -> EventSession:
    """Take no more bookings for a date; twice changes nothing."""
    EventSession.objects.filter(pk=session.pk).update(is_open=False)
    session.refresh_from_db()
    return session


@transaction.atomic
def open_again(session: EventSession, *, at: datetime, actor: str) -> EventSession:
    """Take bookings for a date again. Raises SessionClosed for one that was called off or has begun."""
    again = EventSession.objects.filter(pk=session.pk, cancelled_at__isnull=True, starts_at__gt=at)
    if not again.update(is_open=True):
        raise closed(session)
    session.refresh_from_db()
    return session


@transaction.atomic
def call_off(session: EventSession, *, at: datetime, actor: str) -> EventSession:
    """Call off a date of which no seat is held; twice changes nothing. Raises SessionBooked."""
    session = EventSession.objects.select_for_update(no_key=True).get(pk=session.pk)
    if session.cancelled_at is None and session.taken:
        raise SessionBooked(_("Seats are held for this date. Give their points back first."), taken=session.taken)
    if session.cancelled_at is None:
        EventSession.objects.filter(pk=session.pk).update(is_open=False, cancelled_at=at, cancelled_by=actor)
        session.refresh_from_db()
    return session


def holders(session: EventSession) -> QuerySet[Redemption]:
    """The redemptions that hold a seat of a date, ready to use or used, in the order of booking."""
    held = Redemption.objects.filter(seat__session=session, seat__freed_at__isnull=True)
    return held.select_related("member", "reward__wallet", "voucher", "seat").order_by("id")


def when(session: EventSession, zone: str) -> str:
    """The day and the hours of a date in the program clock, in the reader's language."""
    since, until = (instant.astimezone(ZoneInfo(zone)) for instant in (session.starts_at, session.ends_at))
    begins = f"{date_format(since, 'DATE_FORMAT')}, {time_format(since, 'TIME_FORMAT')}"
    if since.date() == until.date():
        return f"{begins}–{time_format(until, 'TIME_FORMAT')}"
    return f"{begins} – {date_format(until, 'DATE_FORMAT')}, {time_format(until, 'TIME_FORMAT')}"
