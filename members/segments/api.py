"""The API's doors about segments: which there are, and which a member is in."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router
from pydantic import Field

from loyalty.pos.doors import caller, reads
from loyalty.pos.wire import DayOut, InstantOut, Outgoing
from members import lookup
from members.segments.models import Segment, SegmentStay
from members.segments.reading import in_words, names_of
from members.segments.scoring import score_of

router = Router(tags=["Segments"])


class SegmentOut(Outgoing):
    """A segment, with how many members were in it when it was last refreshed."""

    segment: str = Field(examples=["champions"])
    name: str
    note: str
    described: str
    members: int
    refreshed_at: InstantOut | None


class SegmentsOut(Outgoing):
    """The segments of the program that are not archived, by name."""

    segments: list[SegmentOut]


class StayOut(Outgoing):
    """A segment a member is in, and since when."""

    segment: str = Field(examples=["champions"])
    name: str
    since: InstantOut


class ScoreOut(Outgoing):
    """How a member buys: scores from 1 to 5, empty when nothing was bought within the days looked at."""

    recency: int | None
    frequency: int | None
    money: int | None
    buys_like: str = Field(examples=["loyal"])
    since: DayOut
    scored_on: DayOut


class MemberSegmentsOut(Outgoing):
    """The segments a member is in as last refreshed, and the score; `score` is empty for who never bought."""

    segments: list[StayOut]
    score: ScoreOut | None


@router.get(
    "/segments",
    response=SegmentsOut,
    operation_id="list_segments",
    summary=gettext_noop("List segments"),
    description=gettext_noop(
        "The program's segments that are not archived, by name, with their size as last refreshed."
    ),
)
@reads("members:read")
def list_segments(request: HttpRequest) -> Any:
    """The program's segments that are not archived, by name, with their size as last refreshed."""
    program = caller(request).program
    names = names_of(program)
    return SegmentsOut(
        segments=[
            SegmentOut(
                segment=segment.slug,
                name=str(segment),
                note=segment.note,
                described=in_words(segment.definition, currency=program.currency, names=names),
                members=segment.members_count,
                refreshed_at=segment.refreshed_at,
            )
            for segment in Segment.objects.filter(program=program, archived_at__isnull=True).order_by("name", "pk")
        ]
    )


@router.get(
    "/members/{number}/segments",
    response=MemberSegmentsOut,
    operation_id="read_member_segments",
    summary=gettext_noop("List a member's segments"),
    description=gettext_noop("Those the member is in as last refreshed, by name, and how the member buys."),
)
@reads("members:read")
def read_member_segments(request: HttpRequest, number: str) -> Any:
    """Those the member is in as last refreshed, by name, and how the member buys."""
    member = lookup.by_number(caller(request).program, number)
    stays = SegmentStay.objects.filter(member=member, until__isnull=True, since__lte=timezone.now())
    score = score_of(member)
    return MemberSegmentsOut(
        segments=[
            StayOut(segment=stay.segment.slug, name=str(stay.segment), since=stay.since)
            for stay in stays.select_related("segment").order_by("segment__name", "segment_id")
        ],
        score=ScoreOut(
            recency=score.recency,
            frequency=score.frequency,
            money=score.money,
            buys_like=score.class_name,
            since=score.class_since,
            scored_on=score.day,
        )
        if score
        else None,
    )
