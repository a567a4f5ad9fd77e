"""Events that are settled again beside the member's purchases, in one order of time (DOMAIN 2.5, 3.1).

An event earns by the tier it meets and by what counted events, caps, budgets and the wallet's limits know at its turn. One that is told late
moves what came after it; a late purchase moves the events after it; and one that is taken back gives back, from that day on, what it took.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Q

from campaigns import rules
from campaigns.frozen import Frozen, explanations_of, reference_of
from campaigns.rating import Rating, rules_between
from campaigns.recounting import Recounting, is_counting
from campaigns.rules import RuleBook
from campaigns.terms import PURCHASE, Award, RuleTerms
from loyalty.ledger.models import Program
from members import retracing
from members.models import Event, Purchase, Refund


@dataclass(frozen=True, slots=True)
class TakenBack:
    """That an event is taken back now: the reference of what moves, when it is true, and why. It stands where a refund would."""

    event_id: int
    occurred_at: datetime
    reason: str
    source: str

    @property
    def reference(self) -> str:
        """How the references of its claw-backs begin."""
        return f"event back:{self.event_id}"


@dataclass(slots=True)
class Done:
    """One event as it is recorded, and as it comes out now. `award` is set where it came out another one, and it `ends` when it is taken back now."""

    event: Event
    explanation: dict[str, Any] | None = None
    was: int = 0
    ends: bool = False
    award: Award | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """The order of events in time: after a purchase of the same instant, among themselves by source and key."""
        return self.event.occurred_at, 1, self.event.source, self.event.key

    @property
    def whose(self) -> tuple[int, str]:
        """Its member, and how the books refer to it."""
        return self.event.member_id, reference_of(self.event)

    @property
    def left(self) -> int:
        """What it stands for in the books."""
        return 0 if self.event.taken_back_at else self.event.points


def follows_purchases(terms: RuleTerms) -> bool:
    """Whether what a rule of events gives depends on what its member bought."""
    return terms.activity != PURCHASE and bool(terms.tiers or terms.by_tier or terms.has_budget)


def after_purchases(book: RuleBook, bought: Sequence[tuple[int, datetime]], *, until: datetime) -> dict[int, datetime]:
    """Members who did something after what they bought, that may earn otherwise now, and from when on: no query where no rule asks.

    `bought` are (member, instant) of what is new, in order of time.
    """
    earliest = min(when for _member, when in bought)
    of_events = [terms for terms in rules_between(book.all, earliest, until) if terms.activity != PURCHASE]
    if not of_events or not (any(map(follows_purchases, of_events)) or book.ceilings.hold_between(earliest, until)):
        return {}
    last = _last_event({one for one, _ in bought}, earliest)
    found: dict[int, datetime] = {}
    for member_id, when in bought:
        if member_id in last and when <= last[member_id]:
            found.setdefault(member_id, when)
    return found


def late(book: RuleBook, kind: str, happened: Sequence[tuple[int, datetime]], *, at: datetime) -> dict[int, datetime]:
    """Members of whom something is recorded that this kind of event may have moved, and from when on: three queries at most.

    `happened` are (member, instant) of what is new, in order of time.
    """
    told = [(member_id, when) for member_id, when in happened if when < at]
    if not told:
        return {}
    earliest = told[0][1]
    mine = [terms for terms in rules_between(book.all, earliest, at) if terms.activity == kind]
    shared = any(terms.has_budget for terms in mine) or book.ceilings.hold_between(earliest, at)
    if not mine or not (shared or any(map(is_counting, mine))):
        return {}
    last = _last_known({member_id for member_id, _ in told}, earliest, "" if shared else kind)
    found: dict[int, datetime] = {}
    for member_id, when in told:
        if member_id in last and when <= last[member_id]:
            found.setdefault(member_id, when)
    return found


def rating_of(
    program: Program, kind: str, happened: Sequence[tuple[int, datetime]], *, decimals: int, at: datetime
) -> tuple[Rating, dict[int, datetime]]:
    """The arithmetic for new events of one kind, in order of time, and whose are `late`."""
    book = rules.book(program)
    found = late(book, kind, happened, at=at)
    until = at if found else happened[-1][1]
    rating = Rating(
        program, decimals=decimals, since=happened[0][1], until=until, activity=kind, book=book, is_late=bool(found)
    )
    return rating.read({member_id for member_id, _ in happened}, at=at), found


def _last_known(member_ids: Iterable[int], earliest: datetime, kind: str) -> dict[int, datetime]:
    """The last instant at which members are known to have done something since, or lost it; of one kind of event, or of all there is."""
    ids = sorted(member_ids)
    whens = list(_last_event(ids, earliest, kind).items())
    if not kind:
        bought = Purchase.objects.filter(member__any_of=ids, occurred_at__gt=earliest).order_by()
        back = Refund.objects.filter(purchase__member__any_of=ids, occurred_at__gt=earliest).order_by()
        whens += bought.values_list("member_id").annotate(last=Max("occurred_at"))
        whens += back.values_list("purchase__member_id").annotate(last=Max("occurred_at"))
    found: dict[int, datetime] = {}
    for member_id, when in whens:
        found[member_id] = max(when, found.get(member_id, when))
    return found


def _last_event(member_ids: Iterable[int], earliest: datetime, kind: str = "") -> dict[int, datetime]:
    """The last instant since an earliest one at which members' events, of one kind or of all, happened or were taken back: one query."""
    events = Event.objects.filter(
        Q(occurred_at__gte=earliest) | Q(taken_back_at__gte=earliest), member__any_of=sorted(member_ids)
    )
    events = events.filter(kind=kind) if kind else events
    last = events.order_by().values_list("member_id").annotate(done=Max("occurred_at"), back=Max("taken_back_at"))
    return {member_id: max(done, back or done) for member_id, done, back in last}


def read(book: RuleBook, since: Mapping[int, datetime], taken: Iterable[TakenBack], *, at: datetime) -> list[Done]:
    """The events since these instants that rules count, and those being taken back: two queries, none without such rules."""
    ends = {one.event_id: one.occurred_at for one in taken}
    earliest = min(since.values())
    kinds = {terms.activity for terms in rules_between(book.all, earliest, at)} - {PURCHASE}
    if not kinds and not ends:
        return []
    counted = Q(occurred_at__gte=earliest) | Q(taken_back_at__gte=earliest)
    found = Event.objects.filter(counted & Q(kind__in=kinds) | Q(pk__in=list(ends)), member__any_of=list(since))
    events = [one for one in found if one.pk in ends or _known_until(one) >= since[one.member_id]]
    told = explanations_of(events)
    done = [Done(one, told.get(reference_of(one))) for one in events]
    for one in done:
        one.was, one.ends = one.left, one.event.pk in ends
        one.event.taken_back_at = ends.get(one.event.pk, one.event.taken_back_at)
    return done


def _known_until(event: Event) -> datetime:
    """The last instant at which something is known of an event: that it happened, or that it was taken back."""
    return max(event.occurred_at, event.taken_back_at or event.occurred_at)


def walk(one: Done, way: retracing.Walk, since: datetime, rating: Frozen, counting: Recounting) -> None:
    """One event in its turn: its tier and award, and what it takes of caps and budgets until it is taken back."""
    event = one.event
    if event.occurred_at >= since:
        _rate_again(one, way, rating, counting)
    kept = [(max(event.taken_back_at, event.occurred_at), dict[int, int]())] if event.taken_back_at else None
    counting.turn(*one.whose, event.occurred_at, one.award, kept)


def _rate_again(one: Done, way: retracing.Walk, rating: Frozen, counting: Recounting) -> None:
    """The award of an event in the tier it meets and with what counts and caps know at its turn; kept only where it comes out another."""
    event, tier = one.event, way.tier_at(one.event.occurred_at)
    if tier.slug == (one.explanation or {}).get("tier") and not counting.is_asked:
        return
    terms = rating.rules_again(event, one.explanation, counting.budgets)
    known = counting.known(event.member_id, event.occurred_at, terms, event.kind)
    award = rating.rate_event_again(event, tier.slug, terms, one.explanation, known)
    is_same = award.points == event.points
    if not is_same or not counting.is_as_recorded(*one.whose, award):
        one.award, one.explanation = award, award.explanation
        event.points, event.explanation = award.points, award.explanation


def write(done: Iterable[Done]) -> None:
    """Store what came out otherwise than recorded: one statement."""
    changed = [one.event for one in done if one.award is not None or one.ends]
    Event.objects.bulk_update(changed, ["points", "taken_back_at", "explanation"])
