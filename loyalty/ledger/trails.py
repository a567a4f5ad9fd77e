"""When points end by inactivity, from the facts alone: what an account did, and what moved its lots' ends (DOMAIN 9.1, 2.5).

A lot first ends as its policy says from the day its points can be spent. In order of time, each activity before its end
moves it to the policy's whole time after that activity, never back; an activity after the end does nothing. An extension,
a reinstatement or days of grace move it too, the longest wins; an explicit re-dating sets it and may give it another
policy. So the end depends on what happened and when, not on the order in which it became known.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from loyalty.common.clock import day_start, local_day
from loyalty.ledger.models import Activity, Entry, ExpiryPolicy
from loyalty.ledger.policies import Terms, last_day
from loyalty.ledger.redating import REDATED_BY, policies_given, redated

EARN, REDEEM, TRANSFER = Activity.Kind.EARN, Activity.Kind.REDEEM, Activity.Kind.TRANSFER
BY_ENTRY: dict[str, str] = {Entry.Kind.ACCRUAL: EARN, Entry.Kind.REDEMPTION: REDEEM, Entry.Kind.TRANSFER: TRANSFER}
# Beside the explanation of a credit that a closed month moved on.
HAPPENED = "happened_at"
ACTIVE = Q(kind__in=["accrual", "redemption"]) | Q(kind="transfer", amount__gt=0)


@dataclass(frozen=True, slots=True)
class Act:
    """A member did something that may keep points alive: in which account, what, and when it happened."""

    account_id: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """An entry moved a lot's end: the longer counts, unless it re-dated the lot or took an extension back; then it is set.

    `policy_id` is the policy version that counts from then on, for a move that gave one.
    """

    lot_id: int
    at: datetime
    recorded_at: datetime
    before: datetime | None
    until: datetime | None
    policy_id: int | None = None
    policy_before: int | None = None
    is_set: bool = False
    has_policy: bool = False


@dataclass(slots=True)
class Trail:
    """What is known of an account: its activities and the moves of its lots' ends, each in order of time."""

    acts: list[Act]
    moves: dict[int, list[Move]]


def moved_on(explanation: Mapping[str, Any], effective_at: datetime) -> dict[str, Any]:
    """The explanation of a credit that would be true in a closed month and is true later: it says when it happened."""
    return {**explanation, HAPPENED: effective_at.isoformat()}


def happened_at(explanation: Mapping[str, Any], effective_at: datetime) -> datetime:
    """When what an entry tells of was done: when it is true from, or before that where a closed month moved it on (DOMAIN 13.2)."""
    told = explanation.get(HAPPENED)
    return datetime.fromisoformat(told) if told else effective_at


def end_after(policy: ExpiryPolicy, at: datetime, zone: str) -> datetime:
    """The end of points whose member was last active at an instant, under an inactivity policy."""
    last = last_day(policy, local_day(at, zone))
    assert last is not None
    return day_start(last + timedelta(days=1), zone)


def end_of(
    available_at: datetime,
    policy_id: int | None,
    trail: Trail,
    moves: Sequence[Move],
    terms: Terms,
    *,
    seen: Callable[[Move], bool] = bool,
) -> datetime | None:
    """The end of a lot from the facts alone, given the policy it has now and all the moves of its end; `seen` chooses those that count.

    Raises KeyError for a policy of another wallet.
    """
    given = next((move for move in moves if move.has_policy), None)
    first = given.policy_before if given else policy_id
    policy = terms.named[first] if first is not None else None
    if policy and (policy.is_idle or not moves):
        end = terms.expires_at(available_at, first)
    else:
        end = moves[0].before if moves else None
    return fold(end, policy, trail.acts, [move for move in moves if seen(move)], terms)


def fold(
    end: datetime | None,
    policy: ExpiryPolicy | None,
    acts: Iterable[Act],
    moves: Sequence[Move],
    terms: Terms,
) -> datetime | None:
    """The end of a lot that first was to end at `end` under `policy`, after everything that happened, in order of time."""
    steps: list[tuple[datetime, int, Any]] = [(act.at, 0, act) for act in acts]
    steps += [(move.at, number, move) for number, move in enumerate(moves, start=1)]
    for _at, _number, step in sorted(steps, key=lambda step: step[:2]):
        if isinstance(step, Move):
            end = step.until if step.is_set else longest(end, step.until)
            if step.has_policy:
                policy = terms.named[step.policy_id] if step.policy_id else None
        elif end is not None and step.at < end and policy and policy.is_idle and step.kind in policy.reset_by:
            end = longest(end, end_after(policy, step.at, terms.zone))
    return end


def longest(first: datetime | None, second: datetime | None) -> datetime | None:
    """The later of two ends; None is for ever."""
    return None if first is None or second is None else max(first, second)


def trails(
    account_ids: Iterable[int],
    *,
    since: datetime | None = None,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> dict[int, Trail]:
    """What is known of some accounts that keeps points alive, from an instant on: two queries.

    With `at` only activities that had happened by then; with `known_at` only those that had been recorded by then. What is said to happen
    later than it was recorded keeps nothing alive.
    """
    found = {account_id: Trail([], {}) for account_id in account_ids}
    entries = Entry.objects.filter(account__any_of=list(found))
    told = Activity.objects.filter(account__any_of=list(found), occurred_at__lte=F("recorded_at"))
    active = ACTIVE & Q(effective_at__lte=F("recorded_at"))
    moved = Q(kind__in=REDATED_BY) & ~Q(explanation={})
    if since is not None:
        active, told = active & Q(effective_at__gte=since), told.filter(occurred_at__gte=since)
    if at is not None:
        active, told = active & Q(effective_at__lte=at), told.filter(occurred_at__lte=at)
    if known_at is not None:
        active, told = active & Q(recorded_at__lte=known_at), told.filter(recorded_at__lte=known_at)
    rows = entries.filter(active | moved).order_by("account_id", "number")
    columns = ("account_id", "kind", "effective_at", "recorded_at", "explanation")
    for account_id, kind, effective_at, recorded_at, explanation in rows.values_list(*columns):
        if kind in BY_ENTRY:
            done_at = happened_at(explanation, effective_at)
            found[account_id].acts.append(Act(account_id, BY_ENTRY[kind], done_at))
            continue
        for move in moves_of(explanation, effective_at, recorded_at):
            found[account_id].moves.setdefault(move.lot_id, []).append(move)
    for account_id, kind, occurred_at in told.values_list("account_id", "kind", "occurred_at"):
        found[account_id].acts.append(Act(account_id, kind, occurred_at))
    return found


def moves_of(explanation: Mapping[str, Any], at: datetime, recorded_at: datetime) -> list[Move]:
    """The ends that an entry moved."""
    given = policies_given(explanation)
    return [
        Move(
            lot_id,
            at,
            recorded_at,
            before,
            until,
            *given.get(lot_id, (None, None)),
            is_set=lot_id in given or longest(before, until) != until,
            has_policy=lot_id in given,
        )
        for lot_id, before, until in redated(explanation)
    ]
