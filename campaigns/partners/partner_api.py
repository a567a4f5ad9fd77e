"""The API's doors for partners: post points, take them back, read one's own. Nothing of members is told."""

from datetime import date
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from campaigns.partners import posting, settlement, showing
from campaigns.partners.access import partner_of
from campaigns.partners.models import Partner, PartnerPosting, PartnerTakeBack
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.keys import PARTNER
from loyalty.pos.wire import Incoming, Instant, InstantOut, MoneyOut, Outgoing
from members import lookup

router = Router(tags=["Partners"])
MOST_POINTS = 10**12
REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"


class PostingIn(Incoming):
    """Points for a member. `reference` is yours: the same one never counts twice. `points` is in the smallest unit."""

    member: str = Field(min_length=1, max_length=20)
    points: int = Field(ge=1, le=MOST_POINTS)
    reference: str = Field(pattern=REFERENCE, examples=["card-2026-03-0042"])
    occurred_at: Instant
    words: str = Field("", max_length=120, examples=["Card payments in March"])


class TakeBackIn(Incoming):
    """What is taken back: all that is left without `points`."""

    reference: str = Field(pattern=REFERENCE, examples=["card-2026-03-0042-back"])
    points: int | None = Field(None, ge=1, le=MOST_POINTS)


class TakeBackOut(Outgoing):
    """A take-back. `points` is what moved: less than `asked` where points had expired or are written off.

    One `by` the program, not by you, says why in `reason`; its `reference` begins with #.
    """

    reference: str
    asked: int
    points: int
    recorded_at: InstantOut
    month: str = Field(examples=["2026-03"])
    by: Literal["partner", "program"]
    reason: str = Field(examples=["Posted twice by mistake"])


class PostingOut(Outgoing):
    """A posting of yours, and what you took back of it. It is settled in `month`."""

    reference: str
    member: str
    points: int
    occurred_at: InstantOut
    recorded_at: InstantOut
    month: str = Field(examples=["2026-03"])
    words: str
    left: int
    take_backs: list[TakeBackOut]


class PostingsOut(Outgoing):
    """Your postings of a month, oldest first. Ask on with `after` = `next`; without `next` that was all."""

    month: str
    postings: list[PostingOut]
    next: str | None


class PriceOut(Outgoing):
    """What was posted and taken back at one price per point."""

    price: MoneyOut
    postings: int
    posted: int
    take_backs: int
    taken_back: int
    owed: MoneyOut


class SharedOut(Outgoing):
    """A campaign you run together with the program: the percentage of its points' worth that you bear."""

    slug: str
    name: str
    percent: int
    points: int
    worth: MoneyOut
    owed: MoneyOut


class SettlementOut(Outgoing):
    """A month of yours: as it is known now, or as it was closed."""

    month: str
    is_closed: bool
    currency: str
    points: int
    owed: MoneyOut
    prices: list[PriceOut]
    campaigns: list[SharedOut]


@router.post(
    "/partner/postings",
    response={201: PostingOut, 200: PostingOut},
    operation_id="post_partner_points",
    summary=gettext_noop("Post points as a partner"),
    description=gettext_noop(
        "Gives a member points of yours. A reference used before is answered with its posting. Unknown numbers are counted as guesses."
    ),
)
@writes(PARTNER, guesses=True)
def post_partner_points(request: HttpRequest, wish: PostingIn) -> Any:
    """Gives a member points of yours. A reference used before is answered with its posting. Unknown numbers are counted as guesses."""
    at, partner = timezone.now(), partner_of(caller(request))
    posted = posting.post(
        partner, lookup.by_number(partner.program, wish.member), wish.points, reference=wish.reference,
        occurred_at=wish.occurred_at, at=at, actor=actor(request), words=wish.words,
    )  # fmt: skip
    return Status(201 if posted.recorded_at == at else 200, _one(partner, posted))


@router.post(
    "/partner/postings/{reference}/take-backs",
    response={201: TakeBackOut, 200: TakeBackOut},
    operation_id="take_back_partner_points",
    summary=gettext_noop("Take a posting back"),
    description=gettext_noop("All of it or a part, within the days agreed. It is settled in the month it is told in."),
)
@writes(PARTNER)
def take_back_partner_points(request: HttpRequest, reference: str, wish: TakeBackIn) -> Any:
    """All of it or a part, within the days agreed. It is settled in the month it is told in."""
    at = timezone.now()
    posted = posting.find(partner_of(caller(request)), reference)
    taken = posting.take_back(posted, reference=wish.reference, points=wish.points, at=at, actor=actor(request))
    return Status(201 if taken.recorded_at == at else 200, _taken(taken))


@router.get(
    "/partner/postings/{reference}",
    response=PostingOut,
    operation_id="read_partner_posting",
    summary=gettext_noop("Read a posting"),
    description=gettext_noop("One of your own postings, with what was taken back of it."),
)
@reads(PARTNER)
def read_partner_posting(request: HttpRequest, reference: str) -> Any:
    """One of your own postings, with what was taken back of it."""
    partner = partner_of(caller(request))
    return _one(partner, posting.find(partner, reference))


@router.get(
    "/partner/postings",
    response=PostingsOut,
    operation_id="list_partner_postings",
    summary=gettext_noop("List your postings"),
    description=gettext_noop("Your own postings that are settled in a month, a page at a time."),
)
@reads(PARTNER)
def list_partner_postings(request: HttpRequest, month: str, after: str = "") -> Any:
    """Your own postings that are settled in a month, a page at a time."""
    partner = partner_of(caller(request))
    wanted = settlement.month_told(partner, month, at=timezone.now())
    rows, following = showing.page_of(partner, wanted, after)
    return PostingsOut(month=_month(wanted), postings=[_posting(row) for row in rows], next=following)


@router.get(
    "/partner/settlements/{month}",
    response=SettlementOut,
    operation_id="read_partner_settlement",
    summary=gettext_noop("Read a month's settlement"),
    description=gettext_noop("What you owe for a month: as it is known now, or as it was closed."),
)
@reads(PARTNER)
def read_partner_settlement(request: HttpRequest, month: str) -> Any:
    """What you owe for a month: as it is known now, or as it was closed."""
    partner = partner_of(caller(request))
    wanted = settlement.month_told(partner, month, at=timezone.now())
    figures, settled = settlement.figures_of(partner, wanted)
    told = figures.as_json()
    return SettlementOut(
        month=_month(wanted),
        is_closed=settled is not None,
        currency=told["currency"],
        points=told["points"],
        owed=figures.owed,
        prices=[PriceOut(**price) for price in told["prices"]],
        campaigns=[SharedOut(**campaign) for campaign in told["campaigns"]],
    )


def _one(partner: Partner, posted: PartnerPosting) -> PostingOut:
    """A posting with its take-backs."""
    return _posting(showing.complete(partner, posted))


def _posting(posted: PartnerPosting) -> PostingOut:
    taken = list(posted.take_backs.all())
    return PostingOut(
        reference=posted.reference,
        member=posted.member.number,
        points=posted.points,
        occurred_at=posted.occurred_at,
        recorded_at=posted.recorded_at,
        month=_month(posted.month),
        words=posted.words,
        left=posted.points - sum(one.asked for one in taken),
        take_backs=[_taken(one) for one in taken],
    )


def _taken(taken: PartnerTakeBack) -> TakeBackOut:
    return TakeBackOut(
        reference=taken.reference,
        asked=taken.asked,
        points=taken.points,
        recorded_at=taken.recorded_at,
        month=_month(taken.month),
        by="program" if taken.reason else "partner",
        reason=taken.reason,
    )


def _month(month: date) -> str:
    return f"{month:%Y-%m}"
