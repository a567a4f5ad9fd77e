"""Events: what members did that is no purchase, and the fixed points that the rules of their kind give (DOMAIN 3.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import events_again, settling
from campaigns.challenges import following
from campaigns.earning import Basket
from campaigns.lasting import Lasting
from campaigns.ways import kinds
from loyalty.common.errors import Refusal
from loyalty.ledger import locking, posting
from loyalty.ledger.models import Account, Entry, Program
from members import liveliness, tiers
from members.activity import unknown_member
from members.ladders import ladder
from members.models import Event, Member
from members.sales import MemberClosed


class EventConflict(Refusal):
    """The event was recorded before, with other content."""

    code = "event_conflict"


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A recorded event with what it earned. `entry` is None when it earned nothing."""

    event: Event
    entry: Entry | None
    points: int
    explanation: dict[str, Any]
    is_repeat: bool


@transaction.atomic
def record_event(
    program: Program,
    member: Member,
    *,
    kind: str,
    source: str,
    key: str,
    occurred_at: datetime,
    at: datetime,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> RecordedEvent:
    """Record something a member did that is no purchase, and credit the fixed points of the rules for its kind.

    The same (source, key) returns the first result; for another member or kind it raises EventConflict. Raises
    MemberUnknown, MemberClosed, and for described kinds EventTooOften and DetailsRefused.
    """
    members, alive = liveliness.present(program, [member.pk])
    if member.pk not in members:
        raise unknown_member()
    status, account_id = members[member.pk]
    locked = locking.lock(account_id, *alive.get(member.pk, ()))
    reference = f"event:{source}:{key}"
    if known := Event.objects.filter(program=program, source=source, key=key).first():
        return _first_answer(known, member, kind, account_id, reference)
    if status == Member.Status.CLOSED:
        raise MemberClosed(_("This member has left the program."))
    kinds.judge(program, member, kind, details or {}, occurred_at=occurred_at)
    steps = ladder(program)
    rating, late = events_again.rating_of(program, kind, [(member.pk, occurred_at)], decimals=steps.decimals, at=at)
    tier = tiers.trails(steps, [member.pk], earliest=occurred_at)[member.pk].tier_at(occurred_at)
    award = rating.award(member.pk, Basket(activity=kind, partner=source), tier.slug, occurred_at, reference=reference)
    entry, lasting = None, Lasting(program.pk)
    told = lasting.told(award, occurred_at)
    event = Event.objects.create(
        program=program, member=member, source=source, key=key, kind=kind, occurred_at=occurred_at, recorded_at=at,
        points=award.points, explanation=None if award.points else told,
    )  # fmt: skip
    kinds.keep(event, details or {})
    if award.points:
        credit = posting.Accrual(account_id, award.points, occurred_at, reference, source, actor, told, award.rule_version)  # fmt: skip
        entry = _credited(event, lasting.credits(credit), locked, at=at)
    rating.write()
    if late:
        settling.settle(program, late, at=at, actor=actor)
        event.refresh_from_db(fields=["points", "explanation"])
    liveliness.note([(member.pk, occurred_at)], "event", alive, locked, recorded_at=at)
    following.follow(program, {member.pk: occurred_at}, at=at, actor=actor)
    return RecordedEvent(event, entry, event.points, event.explanation or told, is_repeat=False)


def _credited(event: Event, credits: Sequence[posting.Accrual], locked: dict[int, Account], *, at: datetime) -> Entry:
    """Post the points of one event; returns the entry of the first credit, which carries the event's own reference."""
    others = [replace(other, reference=f"event {event.pk}: {other.reference}") for other in credits[1:]]
    entry_id = posting.accrue_many([credits[0], *others], recorded_at=at, locked=locked)[0]
    assert entry_id is not None
    return Entry.objects.get(pk=entry_id)


def _first_answer(known: Event, member: Member, kind: str, account_id: int, reference: str) -> RecordedEvent:
    """The first result of an event that is known."""
    if (known.member_id, known.kind) != (member.pk, kind):
        raise EventConflict(_("This event was recorded before, for another member or of another kind."))
    entry = Entry.objects.filter(account=account_id, reference=reference, kind=Entry.Kind.ACCRUAL).first()
    return RecordedEvent(known, entry, known.points, entry.explanation if entry else {}, is_repeat=True)
