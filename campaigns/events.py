"""Events: what members did that is no purchase, and the fixed points that the rules of their kind give (DOMAIN 3.1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import rules
from campaigns.earning import Award, Basket, rate
from loyalty.common.errors import Refusal
from loyalty.ledger import locking, posting
from loyalty.ledger.models import Entry, Program
from members import tiers
from members.activity import members_of, unknown_member
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
) -> RecordedEvent:
    """Record something a member did that is no purchase, and credit the fixed points of the rules for its kind.

    The same (source, key) returns the first result; for another member or kind it raises EventConflict. Raises
    MemberUnknown, MemberClosed.
    """
    members = members_of(program, {member.pk})
    if member.pk not in members:
        raise unknown_member()
    status, account_id = members[member.pk]
    locking.lock(account_id)
    reference = f"event:{source}:{key}"
    known = Event.objects.filter(program=program, source=source, key=key).first()
    if known:
        return _first_answer(known, member, kind, account_id, reference)
    if status == Member.Status.CLOSED:
        raise MemberClosed(_("This member has left the program."))
    award = _award(program, member, kind, occurred_at)
    event = Event.objects.create(
        program=program, member=member, source=source, key=key, kind=kind, occurred_at=occurred_at, recorded_at=at,
        points=award.points,
    )  # fmt: skip
    entry = None
    if award.points:
        entry = posting.accrue(
            account_id, award.points, at=occurred_at, reference=reference, source=source, actor=actor,
            explanation=award.explanation, rule_version=award.rule_version, recorded_at=at,
        )  # fmt: skip
    return RecordedEvent(event, entry, award.points, award.explanation, is_repeat=False)


def _first_answer(known: Event, member: Member, kind: str, account_id: int, reference: str) -> RecordedEvent:
    """The first result of an event that is known."""
    if (known.member_id, known.kind) != (member.pk, kind):
        raise EventConflict(_("This event was recorded before, for another member or of another kind."))
    entry = Entry.objects.filter(account=account_id, reference=reference, kind=Entry.Kind.ACCRUAL).first()
    return RecordedEvent(known, entry, known.points, entry.explanation if entry else {}, is_repeat=True)


def _award(program: Program, member: Member, kind: str, occurred_at: datetime) -> Award:
    """What the rules in force give for an event of a kind."""
    terms = rules.program_terms(program, ladder(program).decimals)
    tier = tiers.tier_at(member, occurred_at)
    return rate(Basket(activity=kind), tier.slug, rules.in_force(program, occurred_at), occurred_at, terms)
