"""Many events of one kind at once, with a constant number of statements; and taking one back.

The key of an event is its natural one, so the same occasion is recorded once for ever, whatever is repeated. What it earns is the
matter of the rules of its kind at the moment it happened (DOMAIN 3.1); without such a rule nothing is recorded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from django.db import transaction

from campaigns import events_again, rules, settling
from campaigns.challenges import following
from campaigns.earning import Basket
from campaigns.events_again import TakenBack
from campaigns.frozen import reference_of
from campaigns.lasting import Lasting
from campaigns.rating import Rating
from loyalty.ledger import locking, posting
from loyalty.ledger.models import Account, Program
from members import liveliness, tiers
from members.ladders import ladder
from members.models import Event, Member

SOURCE = "setia"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something one member did, or that happened to them. `key` is unique among the program's own events."""

    member_id: int
    key: str
    occurred_at: datetime


def is_rewarded(program: Program, kind: str, *, at: Iterable[datetime]) -> bool:
    """Whether some rule gives points for this kind of event at one of these instants: the rules are read once."""
    book = rules.book(program)
    return any(terms.activity == kind for instant in at for terms in book.at(instant))


def preview(program: Program, member: Member, kind: str, *, at: datetime) -> int:
    """What an event of this kind would earn this member now; nothing is written."""
    rating = Rating(program, decimals=ladder(program).decimals, since=at, until=at, activity=kind)
    rating.read([member.pk], at=at, for_update=False)
    return rating.award(member.pk, Basket(activity=kind), tiers.tier_at(member, at).slug, at).points


@transaction.atomic
def record(
    program: Program, kind: str, happenings: Sequence[Happening], *, at: datetime, actor: str
) -> dict[str, Event]:
    """Record what happened to active members and credit what it earns; by key, of the new and the known.

    All in one transaction. Members who left are passed over.
    """
    members, alive = liveliness.present(program, {one.member_id for one in happenings})
    locked = locking.lock(*(account for _, account in members.values()), *chain.from_iterable(alive.values()))
    known = known_events(program, (one.key for one in happenings))
    new = {one.key: one for one in happenings if one.key not in known and _is_active(members, one.member_id)}
    if not new:
        return known
    made = _write(program, kind, list(new.values()), members, locked, at=at, actor=actor)
    whens = [(one.member_id, one.occurred_at) for one in new.values()]
    liveliness.note(whens, "event", alive, locked, recorded_at=at)
    following.follow(program, dict(sorted(whens, key=lambda one: one[1], reverse=True)), at=at, actor=actor)
    return known | made


def known_events(program: Program, keys: Iterable[str]) -> dict[str, Event]:
    """The events of ours that are recorded, by key: one query."""
    return {one.key: one for one in Event.objects.filter(program=program, source=SOURCE, key__in=list(keys))}


def take_back(event: Event, *, at: datetime, actor: str, reason: str, since: datetime | None = None) -> int:
    """As `take_back_many`, of one event."""
    return take_back_many([event], at=at, actor=actor, reason=reason, since=since)


def take_back_many(
    events: Iterable[Event], *, at: datetime, actor: str, reason: str, since: datetime | None = None
) -> int:
    """Take back what events of a program earned, from an instant on (default: now); returns the points asked. Repeating does nothing more.

    Caps and budgets get their part back from then on, and what came after is settled again. The caller holds the locks of the members'
    accounts.
    """
    left = list(Event.objects.filter(pk__in=[one.pk for one in events], taken_back_at=None).select_related("program"))
    if not left:
        return 0
    whens = {one.pk: max(since or at, one.occurred_at) for one in left}
    begins: dict[int, datetime] = {}
    for one in left:
        begins[one.member_id] = min(whens[one.pk], begins.get(one.member_id, whens[one.pk]))
    taken = [TakenBack(one.pk, whens[one.pk], reason, SOURCE) for one in left]
    settling.settle(left[0].program, begins, at=at, actor=actor, taken=taken)
    return sum(one.points for one in left)


def _is_active(members: dict[int, tuple[str, int]], member_id: int) -> bool:
    return member_id in members and members[member_id][0] == Member.Status.ACTIVE


def _write(
    program: Program, kind: str, new: list[Happening], members: dict[int, tuple[str, int]], locked: dict[int, Account],
    *, at: datetime, actor: str,
) -> dict[str, Event]:  # fmt: skip
    """Rate in order of time; write events, credits and what they took of caps."""
    new.sort(key=lambda one: (one.occurred_at, one.key))
    steps, happened = ladder(program), [(one.member_id, one.occurred_at) for one in new]
    rating, late = events_again.rating_of(program, kind, happened, decimals=steps.decimals, at=at)
    trails = tiers.trails(steps, {one.member_id for one in new}, earliest=new[0].occurred_at)
    basket, lasting = Basket(activity=kind), Lasting(program.pk)
    awards = [
        rating.award(
            one.member_id, basket, trails[one.member_id].tier_at(one.occurred_at).slug, one.occurred_at,
            reference=f"event:{SOURCE}:{one.key}",
        )
        for one in new
    ]  # fmt: skip
    rows = [
        Event(
            program=program, member_id=one.member_id, source=SOURCE, key=one.key, kind=kind,
            occurred_at=one.occurred_at, recorded_at=at, points=award.points,
            explanation=None if award.points else lasting.told(award, one.occurred_at),
        )
        for one, award in zip(new, awards, strict=True)
    ]  # fmt: skip
    made = Event.objects.bulk_create(rows)
    first, later = [], []
    for event, award in zip(made, awards, strict=True):
        if award.points:
            told = lasting.told(award, event.occurred_at)
            credit = posting.Accrual(
                members[event.member_id][1], award.points, event.occurred_at, reference_of(event), SOURCE, actor, told,
                award.rule_version,
            )  # fmt: skip
            whole, *parts = lasting.credits(credit)
            first.append(whole)
            later += [replace(part, reference=f"event {event.pk}: {part.reference}") for part in parts]
    if first:
        posting.accrue_many([*first, *later], recorded_at=at, locked=locked)
    rating.write()
    if late:
        settling.settle(program, late, at=at, actor=actor)
        return known_events(program, [event.key for event in made])
    return {event.key: event for event in made}
