"""The API's doors of ways to earn: codes of friends, registrations, reviews."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from campaigns.answers import member_of
from campaigns.ways import deeds, overview, referral
from campaigns.ways.models import Referral
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, InstantOut, Outgoing

router = Router(tags=["Ways to earn"])


class CodeOut(Outgoing):
    """A code that brings friends: by whom (first name), and what both get."""

    code: str
    first_name: str
    is_open: bool
    points: int
    friend_points: int


class FriendsOut(Outgoing):
    """A member's code, the link to share, and how many friends came by it."""

    member: str
    code: str
    link: str
    friends: int
    waiting: int
    rewarded: int
    points: int


class BindIn(Incoming):
    """The code of who brought this member."""

    code: str = Field(min_length=1, max_length=20, examples=["7K2M9QXA"])


class ReferralOut(Outgoing):
    """What became of a referral. `reasons` names what was found against it."""

    member: str
    status: str
    reasons: list[str]
    bound_at: InstantOut


class RegistrationIn(Incoming):
    """A piece a member bought. A serial number counts once for ever; case, spaces and dashes do not matter."""

    member: str = Field(min_length=1, max_length=20)
    product: str = Field(min_length=1, max_length=80)
    serial: str = Field(min_length=4, max_length=64)


class RegistrationOut(Outgoing):
    """A registered piece and what it earned."""

    member: str
    product: str
    serial: str
    registered_at: InstantOut
    points: int


class ReviewIn(Incoming):
    """Stars and words about a product the member bought."""

    member: str = Field(min_length=1, max_length=20)
    product: str = Field(min_length=1, max_length=80)
    rating: int = Field(ge=1, le=5)
    text: str = Field("", max_length=2000)


class ReviewOut(Outgoing):
    """A review: `waiting` earns when staff approve it."""

    member: str
    product: str
    rating: int
    status: str
    written_at: InstantOut
    points: int


@router.get(
    "/referral-codes/{code}",
    response=CodeOut,
    operation_id="read_referral_code",
    summary=gettext_noop("Look up a friend's code"),
    description=gettext_noop("Whose code it is, and what both sides get. Unknown codes are counted as guesses."),
)
@reads("members:read", guesses=True)
def read_referral_code(request: HttpRequest, code: str) -> Any:
    """Whose code it is, and what both sides get. Unknown codes are counted as guesses."""
    found = referral.find(caller(request).program, code)
    told = overview.promise(found.member, at=timezone.now())
    return CodeOut(
        code=found.code, first_name=found.member.name.split(" ")[0], is_open=told["terms"].referral_is_open,
        points=told["mine"], friend_points=told["theirs"],
    )  # fmt: skip


@router.get(
    "/members/{number}/friends",
    response=FriendsOut,
    operation_id="read_friends",
    summary=gettext_noop("Read a member's code and friends"),
    description=gettext_noop("The code is made when it is first asked for, and stays."),
)
@reads("members:read")
def read_friends(request: HttpRequest, number: str) -> Any:
    """The code is made when it is first asked for, and stays."""
    at = timezone.now()
    member = member_of(request, number)
    code = referral.code_of(member, at=at, actor=actor(request)).code
    counts = overview.friends(member, at=at)["counts"]
    return FriendsOut(
        member=member.number, code=code, link=settings.SITE_URL + reverse("portal_join", args=[code]),
        friends=counts["came"], waiting=counts["waiting"], rewarded=counts["rewarded"], points=counts["points"],
    )  # fmt: skip


@router.post(
    "/members/{number}/referral",
    response={200: ReferralOut},
    operation_id="bind_referral",
    summary=gettext_noop("Say who brought a new member"),
    description=gettext_noop("For a member who enrolled without the code; it is bound once for ever."),
)
@writes("members:write")
def bind_referral(request: HttpRequest, number: str, told: BindIn) -> Any:
    """For a member who enrolled without the code; it is bound once for ever."""
    friend = member_of(request, number)
    made: Referral = referral.bind(friend, told.code, at=timezone.now(), actor=actor(request))
    return ReferralOut(member=friend.number, status=made.status, reasons=made.reasons, bound_at=made.bound_at)


@router.post(
    "/registrations",
    response={201: RegistrationOut, 200: RegistrationOut},
    operation_id="register_product",
    summary=gettext_noop("Register a product"),
    description=gettext_noop("A serial number counts once: the same member again gets the first answer with 200."),
)
@writes("events:write")
def register_product(request: HttpRequest, told: RegistrationIn) -> Any:
    """A serial number counts once: the same member again gets the first answer with 200."""
    at = timezone.now()
    member = member_of(request, told.member)
    made = deeds.register(member, told.product, told.serial, at=at, actor=actor(request))
    answer = RegistrationOut(
        member=member.number, product=made.product, serial=made.serial, registered_at=made.registered_at,
        points=made.points,
    )  # fmt: skip
    return Status(201 if made.registered_at == at else 200, answer)


@router.post(
    "/reviews",
    response={201: ReviewOut, 200: ReviewOut},
    operation_id="write_review",
    summary=gettext_noop("Write a review"),
    description=gettext_noop("Once per product the member bought; the first review is answered with 200."),
)
@writes("events:write")
def write_review(request: HttpRequest, told: ReviewIn) -> Any:
    """Once per product the member bought; the first review is answered with 200."""
    at = timezone.now()
    member = member_of(request, told.member)
    made = deeds.write_review(member, told.product, told.rating, told.text, at=at, actor=actor(request))
    answer = ReviewOut(
        member=member.number, product=made.product, rating=made.rating, status=made.status, written_at=made.written_at,
        points=made.points,
    )  # fmt: skip
    return Status(201 if made.written_at == at else 200, answer)
