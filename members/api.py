"""The API's doors about members: enrolling, looking up, reading the history."""

from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Query, Router, Status
from pydantic import Field

from loyalty.common.errors import Refusal
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Day, Incoming, InstantOut, Outgoing, Reference
from members import history, lookup
from members.answers import MemberOut, TierHistoryOut, member_out, tier_history_out
from members.cursors import read_cursor, write_cursor
from members.enrolment import enrol, main_account
from members.tiers import buying

router = Router(tags=["Members"])
PAGE = 50


class EmailMalformed(Refusal):
    """The e-mail address cannot be one."""

    code = "email_malformed"
    status = 422


class BirthdayAhead(Refusal):
    """Nobody is born in the future."""

    code = "birthday_in_future"
    status = 422


class LookupAmbiguous(Refusal):
    """A look-up needs exactly one way to find the member."""

    code = "lookup_ambiguous"
    status = 422


class EnrolIn(Incoming):
    """A customer who joins. `source` and `source_key` name the customer in the shop's own system."""

    name: str = Field("", max_length=120)
    email: str = Field("", max_length=254, examples=["ani@example.com"])
    phone: str = Field("", pattern=r"^(\+?[0-9][0-9 ()-]{4,22})?$", examples=["+62 812 3456 7890"])
    birthday: Day | None = None
    company: str = Field(
        "", max_length=120, description=gettext_noop("Of a business member; empty for a private person.")
    )
    language: Literal["en", "id", "ms"] = "en"
    source: str = Field("", max_length=32)
    source_key: str = Field("", max_length=80)
    referral_code: str = Field("", max_length=20, examples=["7K2M9QXA"])


class BuyTierIn(Incoming):
    """Which tier, by its short name."""

    tier: str = Field(min_length=1, max_length=50, examples=["gold"])
    reference: Reference


class EntryOut(Outgoing):
    """One line of the history. `after` is the balance once it was booked."""

    number: int = Field(examples=[2])
    kind: str = Field(examples=["accrual"])
    amount: int
    after: int
    title: str
    explanation: str
    effective_at: InstantOut
    recorded_at: InstantOut
    source: str
    reference: str
    reason: str


class EntriesOut(Outgoing):
    """A page of the history, newest first. `next` is the cursor of the following page."""

    entries: list[EntryOut]
    next: str | None


@router.post(
    "/members",
    response={201: MemberOut, 200: MemberOut},
    operation_id="enrol_member",
    summary=gettext_noop("Enrol a member"),
    description=gettext_noop(
        "The same customer of the same source is enrolled once: the first member is answered with 200."
    ),
)
@writes("members:write")
def enrol_member(request: HttpRequest, applicant: EnrolIn) -> Any:
    """The same customer of the same source is enrolled once: the first member is answered with 200."""
    at = timezone.now()
    _check_person(applicant, at.date())
    member = enrol(caller(request).program, at=at, actor=actor(request), **applicant.model_dump())
    return Status(201 if member.enrolled_at == at else 200, member_out(member, at=at))


@router.get(
    "/members",
    response=MemberOut,
    operation_id="find_member",
    summary=gettext_noop("Find a member"),
    description=gettext_noop("By e-mail address, or by the key a shop's own system knows the customer by."),
)
@reads("members:read")
def find_member(request: HttpRequest, email: str = "", source_key: str = "", source: str = "") -> Any:
    """By e-mail address, or by the key a shop's own system knows the customer by."""
    program = caller(request).program
    if bool(email) == bool(source_key):
        raise LookupAmbiguous(_("Send either email, or source_key with its source."))
    by_email = bool(email)
    member = lookup.by_email(program, email) if by_email else lookup.by_source_key(program, source, source_key)
    return member_out(member, at=timezone.now())


@router.get(
    "/members/{number}",
    response=MemberOut,
    operation_id="read_member",
    summary=gettext_noop("Read a member"),
    description=gettext_noop("Balance, tier and what is missing for the next one."),
)
@reads("members:read")
def read_member(request: HttpRequest, number: str) -> Any:
    """Balance, tier and what is missing for the next one."""
    return member_out(lookup.by_number(caller(request).program, number), at=timezone.now())


@router.get(
    "/members/{number}/tiers",
    response=TierHistoryOut,
    operation_id="read_tiers",
    summary=gettext_noop("Read a member's tier and its history"),
)
@reads("members:read")
def read_tiers(request: HttpRequest, number: str) -> Any:
    """What is missing to keep and to reach, by when, the tier at the present pace, and every tier there was."""
    return tier_history_out(lookup.by_number(caller(request).program, number), at=timezone.now())


@router.post(
    "/members/{number}/tiers",
    response={201: TierHistoryOut},
    operation_id="buy_tier",
    summary=gettext_noop("Buy a tier with a member's points"),
    description=gettext_noop("`reference` is yours: the same one never buys twice."),
)
@writes("redemptions:write")
def buy_tier(request: HttpRequest, number: str, wish: BuyTierIn) -> Any:
    """The tier, at once and until its own end. Refused when it is not for sale or points are missing."""
    at, program = timezone.now(), caller(request).program
    member = lookup.by_number(program, number)
    buying.buy(member, buying.find(program, wish.tier), at=at, reference=wish.reference, source="api", actor=actor(request))  # fmt: skip
    return Status(201, tier_history_out(member, at=at))


@router.get(
    "/members/{number}/entries",
    response=EntriesOut,
    operation_id="read_entries",
    summary=gettext_noop("Read a member's history"),
    description=gettext_noop("Newest first. Follow `next` for older lines; new lines do not move the pages."),
)
@reads("members:read")
def read_entries(request: HttpRequest, number: str, cursor: str = "", limit: int = Query(PAGE, ge=1, le=200)) -> Any:
    """Newest first. Follow `next` for older lines; new lines do not move the pages."""
    member = lookup.by_number(caller(request).program, number)
    page = history.page(main_account(member), before=read_cursor(cursor), size=limit)
    entries = [
        EntryOut(
            number=line.entry.number,
            kind=line.entry.kind,
            amount=line.points,
            after=line.after,
            title=line.title,
            explanation=line.explanation,
            effective_at=line.entry.effective_at,
            recorded_at=line.entry.recorded_at,
            source=line.entry.source,
            reference=line.entry.reference,
            reason=line.entry.reason,
        )
        for line in page.lines
    ]
    return EntriesOut(entries=entries, next=write_cursor(page.older))


def _check_person(applicant: EnrolIn, today: Any) -> None:
    """What a shape cannot say about a person."""
    if applicant.email:
        try:
            validate_email(applicant.email)
        except ValidationError:
            raise EmailMalformed(_("This is no e-mail address. Check it for typing errors."), field="email") from None
    if applicant.birthday and applicant.birthday > today:
        raise BirthdayAhead(_("This birthday lies in the future. Check the year."), field="birthday")
