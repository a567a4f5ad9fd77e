"""Who gets a letter now: asked when it is claimed, not when it was written (DOMAIN 11.2).

A letter is stopped for good when its reader does not agree to letters of its purpose, when the address is blocked, or when
the reader has none, or had enough news lately (`frequency`), or the mailing it belongs to was stopped (`halting`). It waits when
the reader's program keeps quiet hours, or its mailing is paused. Mail knows letters and addresses; who
reads them is asked of the floor named in `SETIA_READERS`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time

from django.conf import settings
from django.utils.module_loading import import_string

from loyalty.common.clock import end_of_quiet
from loyalty.mail import frequency, halting
from loyalty.mail.kinds import kind_of
from loyalty.mail.models import BlockedAddress, Message

# News are passed to another system for members who agreed to one of the ways it may take; the call says which.
PASSED_ON = ("sms", "whatsapp")
Stop, Status, Channel = Message.Stop, Message.Status, Message.Channel


@dataclass(frozen=True, slots=True)
class Quiet:
    """Daily hours in which only prompt letters go out, in a program clock."""

    begins: time
    ends: time
    zone: str


@dataclass(frozen=True, slots=True)
class Cap:
    """How many letters with news a reader gets in so many days."""

    most: int
    days: int


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a letter: the present address, and the (channel, purpose) pairs agreed to."""

    address: str
    name: str = ""
    phone: str = ""
    agrees: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    quiet: Quiet | None = None
    cap: Cap | None = None


def sift(letters: Sequence[Message], *, at: datetime) -> list[Message]:
    """The letters that may go out now. The others are marked: stopped with the reason, or waiting till quiet hours end.

    The letters must be locked by the caller, or be claimed by it. Takes three queries, and one for each reason or end; two more for
    letters of mailings and readers whose program limits news.
    """
    readers = readers_of(letters)
    _follow(letters, readers)
    blocked = _blocked(letters)
    halted = halting.halted(letters)
    stale: set[int] = import_string(settings.SETIA_STALE_LETTERS)(letters)
    free: list[Message] = []
    held: list[int] = []
    stopped: defaultdict[str, list[int]] = defaultdict(list)
    waiting: defaultdict[datetime, list[int]] = defaultdict(list)
    for letter in letters:
        reader = readers.get(letter.recipient)
        if halted.get(letter.subject) == Status.HELD:
            held.append(letter.pk)
        elif reason := halted.get(letter.subject) or (
            Stop.STALE if letter.pk in stale else _reason(letter, reader, blocked)
        ):
            stopped[reason].append(letter.pk)
        elif until := _quiet_until(letter, reader, at):
            waiting[until].append(letter.pk)
        else:
            free.append(letter)
    over = frequency.over_cap(free, readers, at=at)
    stopped[Stop.CAP] += over
    open_ones = Message.objects.filter(status__in=[Status.QUEUED, Status.SENDING])
    for why, ids in stopped.items():
        open_ones.filter(pk__in=ids).update(status=Status.STOPPED, stopped_for=why, claimed_at=None, error="")
    for until, ids in waiting.items():
        open_ones.filter(pk__in=ids).update(status=Status.QUEUED, due_at=until, claimed_at=None)
    open_ones.filter(pk__in=held).update(status=Status.HELD, claimed_at=None)
    return [letter for letter in free if letter.pk not in over]


def readers_of(letters: Sequence[Message]) -> dict[str, Reader]:
    """The members among the recipients, by number. Staff and partners are not among them."""
    numbers = {letter.recipient for letter in letters}
    asks = any(kind_of(letter.kind).purpose for letter in letters)
    found: dict[str, Reader] = import_string(settings.SETIA_READERS)(numbers, with_consents=asks)
    return found


def _follow(letters: Sequence[Message], readers: dict[str, Reader]) -> None:
    """A letter goes where its reader is reached now: the address may have been mended, or changed, since it was written."""
    moved = []
    for letter in letters:
        reader = readers.get(letter.recipient)
        if reader and reader.address and letter.channel == Channel.EMAIL and letter.address != reader.address:
            letter.address = reader.address
            moved.append(letter)
    if moved:
        Message.objects.bulk_update(moved, ["address"])


def _blocked(letters: Sequence[Message]) -> set[str]:
    addresses = {letter.address.lower() for letter in letters if letter.channel == Channel.EMAIL}
    blocks = BlockedAddress.objects.filter(address__in=addresses, lifted_at__isnull=True)
    return set(blocks.values_list("address", flat=True))


def _reason(letter: Message, reader: Reader | None, blocked: set[str]) -> str:
    purpose = kind_of(letter.kind).purpose
    ways = (letter.channel,) if letter.channel == Channel.EMAIL else PASSED_ON
    if purpose and (reader is None or not reader.agrees.intersection((way, purpose) for way in ways)):
        return Stop.CONSENT
    if letter.channel != Channel.EMAIL:
        return ""
    if not (reader.address if reader else letter.address):
        return Stop.GONE
    return Stop.BLOCKED if letter.address.lower() in blocked else ""


def _quiet_until(letter: Message, reader: Reader | None, at: datetime) -> datetime | None:
    if reader is None or reader.quiet is None or kind_of(letter.kind).is_prompt:
        return None
    quiet = reader.quiet
    return end_of_quiet(at, quiet.begins, quiet.ends, quiet.zone)
