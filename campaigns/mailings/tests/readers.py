"""A small town of readers for the tests of mailings, and a mailing to all of them, made by the verbs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from campaigns.mailings import course, sending
from campaigns.mailings.models import Mailing
from loyalty.ledger.models import Program
from loyalty.mail import delivery
from members import consents
from members.models import Member
from members.segments.models import Segment
from members.segments.testing import all_of, make_segment
from members.testing import make_member

START = datetime(2026, 3, 2, 5, tzinfo=UTC)  # 12:00 in Jakarta
LEAVES = START + timedelta(minutes=10)
EVERYBODY = all_of({"about": "language", "is": ["en", "id", "ms"]})


def agree(member: Member, is_given: bool = True, *, at: datetime = START - timedelta(days=1)) -> None:
    """A yes or no to news by e-mail."""
    verb = consents.give if is_given else consents.withdraw
    verb(member, "email", "marketing", at=at, source="portal", actor="test")


def everybody(program: Program) -> Segment:
    """The segment of all members."""
    found = Segment.objects.filter(program=program, slug="all").first()
    return found or make_segment(program, "all", EVERYBODY, at=START - timedelta(days=1))


def townspeople(program: Program, count: int, *, agreeing: bool = True) -> list[Member]:
    """So many readers, all agreeing."""
    made = [make_member(program, f"Reader{number}") for number in range(count)]
    for member in made if agreeing else ():
        agree(member)
    return made


def write(program: Program, **more: Any) -> Mailing:
    """A draft to everybody."""
    told = {"name": "Harvest", "subject": "New harvest, {{ name }}", "text": "Hello {{ name }},\n\nSee {{ link }}"}
    terms = {"segment": everybody(program), "created_at": START, "created_by": "test"}
    return Mailing.objects.create(program=program, **(told | terms | more))


def send(mailing: Mailing, *, at: datetime = START, by: str = "staff:1") -> Mailing:
    """Ask for a mailing and let its start come."""
    course.ask(mailing, at=at, actor=by)
    look(at)
    mailing.refresh_from_db()
    return mailing


def look(at: datetime) -> Any:
    """What the nudge does for mailings and letters at an instant."""
    tally = sending.send_due(at=at)
    with time_machine.travel(at, tick=False):
        delivery.deliver_due(at=at)
    return tally
