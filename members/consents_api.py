"""The API's doors about consent: what a member agreed to, and recording a yes or a no."""

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop
from ninja import Router, Status
from pydantic import Field

from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Instant, InstantOut, Outgoing
from members import consents, lookup

router = Router(tags=["Members"])
Channel = Literal["email", "sms", "whatsapp", "post"]
Purpose = Literal["marketing", "surveys", "partners"]


class ConsentIn(Incoming):
    """What a member said: `given` true for a yes. `at` is when they said it; left out, it is now."""

    channel: Channel
    purpose: Purpose
    given: bool
    at: Instant | None = None
    note: str = Field("", max_length=200, examples=["Ticked at the till"])


class ConsentOut(Outgoing):
    """What counts for one channel and purpose. A member who never said anything has not agreed, and `at` is null."""

    channel: str
    purpose: str
    given: bool
    at: InstantOut | None
    source: str
    terms_version: int | None


class ConsentsOut(Outgoing):
    """Every channel and purpose."""

    consents: list[ConsentOut]


@router.get(
    "/members/{number}/consents",
    response=ConsentsOut,
    operation_id="read_consents",
    summary=gettext_noop("Read what a member agreed to"),
)
@reads("members:read")
def read_consents(request: HttpRequest, number: str) -> Any:
    """Every channel and purpose, with what counts now."""
    member = lookup.by_number(caller(request).program, number)
    return ConsentsOut(consents=[_out(choice) for choice in consents.choices(member)])


@router.post(
    "/members/{number}/consents",
    response={201: ConsentOut},
    operation_id="record_consent",
    summary=gettext_noop("Record a consent or its withdrawal"),
    description=gettext_noop("Rows are only added; the latest by `at` counts. What holds already changes nothing."),
)
@writes("members:write")
def record_consent(request: HttpRequest, number: str, said: ConsentIn) -> Any:
    """A yes or a no, from when it was said."""
    member = lookup.by_number(caller(request).program, number)
    verb = consents.give if said.given else consents.withdraw
    verb(
        member, said.channel, said.purpose, at=timezone.now(), source=consents.Source.API, actor=actor(request), note=said.note,
        happened_at=said.at,
    )  # fmt: skip
    now = next(one for one in consents.choices(member) if (one.channel, one.purpose) == (said.channel, said.purpose))
    return Status(201, _out(now))


def _out(choice: consents.Choice) -> ConsentOut:
    latest = choice.latest
    return ConsentOut(
        channel=choice.channel,
        purpose=choice.purpose,
        given=choice.is_given,
        at=latest.at if latest else None,
        source=latest.source if latest else "",
        terms_version=latest.terms.number if latest and latest.terms else None,
    )
