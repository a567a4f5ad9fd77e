"""The API's door about challenges: how far a member is, and what was won."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router

from campaigns.answers import member_of
from campaigns.challenges import showing
from campaigns.challenges.showing import Shown
from campaigns.models import Prize
from loyalty.pos.doors import reads
from loyalty.pos.wire import DayOut, InstantOut, Outgoing

router = Router(tags=["Challenges"])


class ChallengeOut(Outgoing):
    """A running challenge: `count` of `goal` is done in this round, through `until`; `rounds` says how often it was done."""

    challenge: str
    name: str
    kind: str
    goal_in_words: str
    sentence: str
    promise: str
    missing: str
    count: str
    goal: str
    rounds: int
    is_done: bool
    until: DayOut


class PrizeOut(Outgoing):
    """What was won. `status` is given, back (goods came back) or stands (its voucher was used before)."""

    challenge: str
    status: str
    won_at: InstantOut
    points: int
    badge: bool
    reward: str | None
    redemption: str | None


class ChallengesOut(Outgoing):
    """The challenges that run for a member, and the latest prizes."""

    member: str
    challenges: list[ChallengeOut]
    prizes: list[PrizeOut]


@router.get(
    "/members/{number}/challenges",
    response=ChallengesOut,
    operation_id="read_challenges",
    summary=gettext_noop("Read a member's challenges"),
    description=gettext_noop("What runs now and how far the member is, with what was won lately."),
)
@reads("members:read")
def read_challenges(request: HttpRequest, number: str) -> Any:
    """What runs now and how far the member is, with what was won lately."""
    member = member_of(request, number)
    shown = showing.of_member(member, at=timezone.now())
    return ChallengesOut(
        member=member.number,
        challenges=[_challenge(one) for one in shown],
        prizes=[_prize(one) for one in showing.prizes_of(member)],
    )


def _challenge(one: Shown) -> ChallengeOut:
    """A challenge as the API says it."""
    return ChallengeOut(
        challenge=one.challenge.slug,
        name=str(one.challenge),
        kind=one.challenge.kind,
        goal_in_words=one.goal_words,
        sentence=one.sentence,
        promise=one.promise,
        missing=one.missing,
        count=f"{one.count.normalize():f}",
        goal=f"{one.goal.normalize():f}",
        rounds=one.rounds,
        is_done=one.is_done,
        until=one.until,
    )


def _prize(one: Prize) -> PrizeOut:
    """A prize as the API says it."""
    return PrizeOut(
        challenge=one.challenge.slug,
        status=one.status,
        won_at=one.won_at,
        points=one.points,
        badge=one.is_badge,
        reward=one.reward or None,
        redemption=one.redemption.reference if one.redemption else None,
    )
