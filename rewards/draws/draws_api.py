"""The API's doors about prize draws. A member enters by redeeming the reward of a draw, and leaves by cancelling it."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Router
from pydantic import Field

from loyalty.common.errors import Refusal
from loyalty.pos.doors import caller, reads
from loyalty.pos.wire import InstantOut, Outgoing
from members import lookup
from rewards.draws import showing
from rewards.models import Draw

router = Router(tags=["Rewards and vouchers"])


class DrawUnknown(Refusal):
    """The program has no published draw of this name."""

    code = "draw_unknown"
    status = 404


class DrawPrizeOut(Outgoing):
    """A prize: so many win it."""

    name: str
    winners: int


class DrawOut(Outgoing):
    """A draw. `seed` is empty until it is drawn; `record` is the address of what everybody needs to check it."""

    draw: str
    name: str
    summary: str
    state: str = Field(examples=["open"])
    opens_at: InstantOut
    closes_at: InstantOut
    limit_per_member: int | None
    limit_in_all: int | None
    entries: int
    prizes: list[DrawPrizeOut]
    seed_digest: str
    seed: str
    winners: list[int]
    page: str = Field(examples=["/draws/kopi/bicycle/"])
    record: str = Field(examples=["/draws/kopi/bicycle/record.json"])


class DrawsOut(Outgoing):
    """The latest draws."""

    draws: list[DrawOut]


class WonOut(Outgoing):
    """A prize that a member's number won. `redemption` is its voucher's reference, where it is one."""

    number: int
    place: int
    prize: str
    is_given: bool
    redemption: str | None


class MemberDrawOut(Outgoing):
    """A draw with a member's numbers that take part, and what they won."""

    draw: str
    name: str
    state: str
    closes_at: InstantOut
    numbers: list[int]
    wins: list[WonOut]
    rewards: list[str]


class MemberDrawsOut(Outgoing):
    """A member's draws; what takes entries now comes first. `rewards` are those that enter it now."""

    member: str
    draws: list[MemberDrawOut]


def _draw(draw: Draw) -> DrawOut:
    """A draw as the API says it."""
    result = getattr(draw, "result", None)
    return DrawOut(
        draw=draw.slug,
        name=str(draw),
        summary=draw.shown_summary,
        state=showing.state(draw, at=timezone.now()),
        opens_at=draw.opens_at,
        closes_at=draw.closes_at,
        limit_per_member=draw.limit_per_member,
        limit_in_all=draw.limit_in_all,
        entries=draw.standing,
        prizes=[DrawPrizeOut(name=str(one), winners=one.winners) for one in draw.prizes.all()],
        seed_digest=draw.promise.seed_digest,
        seed=result.seed if result else "",
        winners=result.numbers if result else [],
        page=draw.get_absolute_url(),
        record=draw.get_absolute_url() + "record.json",
    )


@router.get(
    "/draws",
    response=DrawsOut,
    operation_id="list_draws",
    summary=gettext_noop("List the prize draws"),
    description=gettext_noop("The latest published draws, the one that closes last first."),
)
@reads("rewards:read")
def list_draws(request: HttpRequest) -> Any:
    """The latest published draws, the one that closes last first."""
    found = showing.published(caller(request).program).prefetch_related("prizes").order_by("-closes_at", "-id")
    return DrawsOut(draws=[_draw(draw) for draw in found[: showing.DRAWS_SHOWN]])


@router.get(
    "/draws/{slug}",
    response=DrawOut,
    operation_id="read_draw",
    summary=gettext_noop("Read a prize draw"),
    description=gettext_noop("Its terms and digest, and after the draw its seed and the winning numbers."),
)
@reads("rewards:read")
def read_draw(request: HttpRequest, slug: str) -> Any:
    """Its terms and digest, and after the draw its seed and the winning numbers."""
    draw = showing.whole(caller(request).program.slug, slug)
    if draw is None:
        raise DrawUnknown(_("There is no such draw. Please check its name."))
    return _draw(draw)


@router.get(
    "/members/{number}/draws",
    response=MemberDrawsOut,
    operation_id="read_member_draws",
    summary=gettext_noop("Read a member's prize draws"),
    description=gettext_noop("The numbers that take part, what they won, and which rewards enter a draw now."),
)
@reads("rewards:read")
def read_member_draws(request: HttpRequest, number: str) -> Any:
    """The numbers that take part, what they won, and which rewards enter a draw now."""
    member = lookup.by_number(caller(request).program, number)
    return MemberDrawsOut(
        member=member.number,
        draws=[_standing(one) for one in showing.of_member(member, at=timezone.now())],
    )


def _standing(one: showing.Standing) -> MemberDrawOut:
    """A member's draw as the API says it."""
    return MemberDrawOut(
        draw=one.draw.slug,
        name=str(one.draw),
        state=showing.state(one.draw, at=timezone.now()),
        closes_at=one.draw.closes_at,
        numbers=one.numbers,
        wins=[
            WonOut(
                number=win.entry.number,
                place=win.place,
                prize=str(win.prize),
                is_given=win.given_at is not None,
                redemption=win.redemption.reference if win.redemption else None,
            )
            for win in one.wins
        ],
        rewards=[ticket.slug for ticket in one.tickets],
    )
