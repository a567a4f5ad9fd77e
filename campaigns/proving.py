"""The live rules replayed over purchases and events give the live ledger exactly; where they do not, each is named with the reason (DOMAIN 10.5)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models.functions import Abs

from campaigns.frozen import explanations_of, reference_of
from campaigns.replaying import Replayed, replay_live, with_events
from loyalty.common.tally import Progress, unwatched
from loyalty.ledger.models import Entry, Program
from members.models import Event, Purchase

MOST_NAMED = 200
FIRST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Difference:
    """A purchase or event that came out otherwise: what its record says, what the books hold, what the replay gives, and why.

    Of an event `receipt` is its key.
    """

    source: str
    receipt: str
    recorded: int
    booked: int
    replayed: int
    reason: str


@dataclass(slots=True)
class Proof:
    """What a replay of the live rules found; points are net of what was taken back."""

    purchases: int = 0
    events: int = 0
    points: int = 0
    booked: int = 0
    different: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        """Whether everything came out as the books have it."""
        return not self.different

    def add(self, found: Difference) -> None:
        """Count a difference, and name it as long as there is room."""
        self.different += 1
        if len(self.differences) < MOST_NAMED:
            self.differences.append(found)


def prove(program: Program, *, at: datetime, progress: Progress = unwatched) -> Proof:
    """Replay every purchase and event of a program until an instant and hold it against the books. Nothing is written."""
    replay, proof = replay_live(program, since=FIRST, until=at), Proof()
    for batch in with_events(program, replay.book, since=FIRST, until=at, wall=replay.steps.wall):
        replayed = replay.walk(batch)
        booked = booked_points([one.bought for one in replayed])
        unlike: list[Replayed] = []
        for one in replayed:
            net, reference = one.award.points - one.returned, reference_of(one.bought)
            is_event = isinstance(one.bought, Event)
            proof.events, proof.purchases = proof.events + is_event, proof.purchases + (not is_event)
            proof.points += net
            proof.booked += booked[reference]
            if booked[reference] != net or not _is_as_recorded(one):
                unlike.append(one)
        for difference in _named(unlike, booked):
            proof.add(difference)
        done = proof.purchases + proof.events
        if not progress(done, done, proof.different):
            break
    return proof


def _is_as_recorded(one: Replayed) -> bool:
    """Whether the record of a purchase or an event says what the replay gives."""
    bought = one.bought
    if isinstance(bought, Event):
        return bought.points == one.award.points
    recorded = (bought.points, bought.points_returned, bought.tier_id)
    return recorded == (one.award.points, one.returned, one.tier.pk)


def booked_points(bought: Sequence[Purchase | Event]) -> dict[str, int]:
    """What purchases and events stand for in the books, by reference: their credits less what was taken back of them. Two queries."""
    own = {_later(one): reference_of(one) for one in bought}
    booked = dict.fromkeys(own.values(), 0)
    members = sorted({one.member_id for one in bought})
    credits: dict[int, str] = {}
    entries = Entry.objects.filter(account__member_account__member__any_of=members, account__wallet__is_main=True)
    accruals = entries.filter(kind=Entry.Kind.ACCRUAL).order_by()
    for pk, reference, amount in accruals.values_list("pk", "reference", "amount"):
        whose = reference if reference in booked else own.get(":".join(reference.split(":", 2)[: _words(reference)]))
        if whose is not None:
            booked[whose] += amount
            credits[pk] = whose
    taken = entries.filter(kind=Entry.Kind.CLAW_BACK).order_by().annotate(size=Abs("amount"))
    for origin, explanation, size in taken.values_list("corrects", "explanation", "size"):
        if origin in credits:
            booked[credits[origin]] -= explanation.get("asked", size)
    return booked


def _later(bought: Purchase | Event) -> str:
    """What the references of its later credits begin with: "settled:12" or "event 12"."""
    return f"event {bought.pk}" if isinstance(bought, Event) else f"settled:{bought.pk}"


def _words(reference: str) -> int:
    """How many parts of a reference, cut at colons, tell whose later credit it is."""
    return 1 if reference.startswith("event ") else 2


def recorded_points(bought: Purchase | Event) -> int:
    """The points that the record of a purchase or an event says are left of it."""
    if isinstance(bought, Event):
        return 0 if bought.taken_back_at else bought.points
    return bought.points - bought.points_returned


def _named(unlike: Sequence[Replayed], booked: Mapping[str, int]) -> Iterator[Difference]:
    """Each difference with its reason: one query for all of them."""
    told = explanations_of([one.bought for one in unlike]) if unlike else {}
    for one in unlike:
        bought, reference = one.bought, reference_of(one.bought)
        reason = reason_of(one, told.get(reference, {}), booked[reference])
        net = one.award.points - one.returned
        name = bought.key if isinstance(bought, Event) else bought.receipt
        yield Difference(bought.source, name, recorded_points(bought), booked[reference], net, reason)


def reason_of(one: Replayed, told: Mapping[str, Any], booked: int) -> str:
    """Why a purchase or an event came out otherwise, as far as its explanation tells."""
    bought = one.bought
    if booked != recorded_points(bought):
        return "books: the credits of this purchase are not what its record says"
    if not isinstance(bought, Event) and one.tier.pk != bought.tier_id:
        return f"tier: recorded in another tier than {one.tier.slug}"
    then = {step["rule"]: step for step in told.get("steps", ())}
    now = dict(one.award.gave)
    if gone := sorted(then.keys() - now.keys()):
        return f"rules: {', '.join(gone)} counted when it was recorded and would not now"
    if come := sorted(now.keys() - then.keys()):
        return f"rules: {', '.join(come)} would count now and did not when it was recorded"
    if any("capped" in step for step in then.values()) or one.award.taken:
        return "caps: a cap or budget had another rest when it was recorded, as purchases came in another order"
    return "terms: the program's way of combining or rounding was another one"
