"""Corrections of what purchases earned: the difference between what is in the books and what it came to be.

More points are another credit, true from the purchase on and with the end its first points have; fewer are a claw-back
from the credits of that purchase. What falls into a closed month is posted in the open one (DOMAIN 13.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from campaigns.events_again import TakenBack
from campaigns.frozen import reference_of
from campaigns.lasting import Lasting
from loyalty.ledger import locking, posting
from loyalty.ledger.clawback import claw_back
from loyalty.ledger.models import Account, Entry
from members.activity import members_of
from members.models import Event, Purchase, Refund

SOURCE = "settling"
SETTLED = "settled:"


@dataclass(frozen=True, slots=True)
class Difference:
    """By how many points (more, or with a minus fewer) a purchase or an event earns otherwise than the books say, and why.

    `cause` is the refund, or the taking back, that takes them; without one, something that came late. `parts` says for an award whose rules name expiry policies
    how many points of each it comes to.
    """

    bought: Purchase | Event
    points: int
    cause: Refund | TakenBack | None
    explanation: dict[str, Any]
    parts: Mapping[str, int] = field(default_factory=dict)


def post(differences: Sequence[Difference], *, at: datetime, actor: str) -> None:
    """Post what differs. Credits go together; each claw-back is one of its own. The caller has locked the members."""
    if not differences:
        return
    program = differences[0].bought.program
    members = members_of(program, {one.bought.member_id for one in differences})
    accounts = locking.lock(*(account_id for _, account_id in members.values()))
    lasting = Lasting(program.pk)
    moves = [move for one in differences for move in _moves(one, members[one.bought.member_id][1], lasting)]
    credits = [
        _credit(move, accounts[members[move.one.bought.member_id][1]], count, actor)
        for count, move in enumerate((move for move in moves if move.points > 0), start=1)
    ]
    posting.accrue_many(credits, recorded_at=at, locked=accounts)
    for move in moves:
        if move.points < 0:
            _take_back(move, members[move.one.bought.member_id][1], at=at, actor=actor)


@dataclass(frozen=True, slots=True)
class _Move:
    """The part of a difference that lies with one expiry policy, and the credits it is about (None: all of the purchase)."""

    one: Difference
    points: int
    policy_id: int | None = None
    credits: list[Entry] | None = None


def _moves(one: Difference, account_id: int, lasting: Lasting) -> list[_Move]:
    """A difference by expiry policy: what each comes to, less what the credits of that policy still stand for."""
    if not one.parts:
        return [_Move(one, one.points)]
    by_policy: dict[str, list[Entry]] = {policy: [] for policy in one.parts}
    for credit in credits_of(one.bought, account_id):
        policy_id = _policy_of(credit)
        by_policy.setdefault(lasting.terms.named[policy_id].name if policy_id else "", []).append(credit)
    moves = []
    for policy, credits in by_policy.items():
        points = one.parts.get(policy, 0) - sum(credit.amount - _asked(credit) for credit in credits)
        policy_id = _policy_of(credits[0]) if credits else lasting.policy_id(policy)
        moves.append(_Move(one, points, policy_id, credits))
    return moves


def _policy_of(credit: Entry) -> int | None:
    """The version of the named expiry policy that a credit was given; None for the wallet's own."""
    found: int | None = credit.explanation.get("lot", {}).get("policy")
    return found


def _asked(credit: Entry) -> int:
    """How many points of a credit were asked back."""
    return sum(entry.explanation["asked"] for entry in credit.corrections.filter(kind=Entry.Kind.CLAW_BACK))


def _credit(move: _Move, account: Account, count: int, actor: str) -> posting.Accrual:
    """Points that a purchase earns in addition."""
    one = move.one
    again = one.explanation.get("settled_again") or one.explanation.get("event_again") or {}
    award = again.get("award") or {}
    versions = ",".join(f"{step['rule']}@{step['version']}" for step in award.get("steps", ()))
    reference = f"{_settled(one.bought)}{account.last_number + count}"
    return posting.Accrual(
        account.id, move.points, one.bought.occurred_at, reference, SOURCE, actor, one.explanation, versions,
        expiry_policy_id=move.policy_id, **_waiting_as(move, account.id),
    )  # fmt: skip


def _waiting_as(move: _Move, account_id: int) -> dict[str, Any]:
    """Until when more points wait: as the first ones of the purchase do; where there are none, as their policy says now."""
    earlier = credits_of(move.one.bought, account_id) if move.credits is None else move.credits
    if not earlier:
        return {} if isinstance(move.one.bought, Event) else {"waits": True}
    until = earlier[0].explanation.get("lot", {}).get("confirm_by")
    return {"confirm_by": datetime.fromisoformat(until)} if until else {}


def _take_back(move: _Move, account_id: int, *, at: datetime, actor: str) -> None:
    """Points that a purchase earns no more, from its credits in the order in which they were posted."""
    one, missing = move.one, -move.points
    for origin in credits_of(one.bought, account_id) if move.credits is None else move.credits:
        points = min(missing, origin.amount - _asked(origin))
        if not points:
            continue
        missing -= points
        number = origin.account.last_number
        claw_back(
            origin,
            points,
            at=at,
            reference=f"{one.cause.reference if one.cause else _settled(one.bought).rstrip(': ')}:{origin.pk}:{number}",
            source=one.cause.source if one.cause else SOURCE,
            actor=actor,
            reason=one.cause.reason if one.cause else "",
            effective_at=max(one.cause.occurred_at, one.bought.occurred_at) if one.cause else one.bought.occurred_at,
            explanation=one.explanation,
        )
    if missing:
        raise AssertionError(f"{missing} points of {one.bought} are in no credit")


def credits_of(bought: Purchase | Event, account_id: int) -> list[Entry]:
    """The credits of a purchase or an event, the first one first."""
    own = Q(reference=reference_of(bought)) | Q(reference__startswith=_settled(bought))
    credits = Entry.objects.filter(own, account=account_id, kind=Entry.Kind.ACCRUAL)
    return list(credits.select_related("account").order_by("number"))


def _settled(bought: Purchase | Event) -> str:
    """How the references of later credits begin; no receipt and no key can be mistaken for one."""
    if isinstance(bought, Event):
        return f"event {bought.pk}: "
    return f"{SETTLED}{bought.pk}:"
