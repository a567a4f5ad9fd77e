"""Addresses that get no mail any more: letters bounced there, or their owner complained (DOMAIN 11.2).

The mail provider tells it by a signed call, staff bring it as a CSV file or say it by hand. An address is blocked once; staff lift
the block when it is mended. A letter that came back remembers when. What has passed already is told as it was: by address,
and by the Message-ID when the provider knows it.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.mail.models import BlockedAddress, Message

Reason = BlockedAddress.Reason
LETTER = re.compile(r"setia-letter-(\d{1,18})@")
MOST = 10_000
COLUMNS = ("address", "reason")
NAMED = (*COLUMNS, "at", "detail", "message_id")
UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")
LONGEST = 254
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
# What providers call it when an address will never take mail; what comes back for now is no reason to stop.
NAMES = {"bounce": Reason.BOUNCE, "bounced": Reason.BOUNCE, "hard_bounce": Reason.BOUNCE, "complaint": Reason.COMPLAINT, "complained": Reason.COMPLAINT, "spam": Reason.COMPLAINT}  # fmt: skip


class EventsRefused(Refusal):
    """A list of bounces and complaints cannot be read."""

    code = "mail_events_refused"
    status = 422


class NotBlocked(Refusal):
    """The block of this address was lifted already."""

    code = "address_not_blocked"


@dataclass(frozen=True, slots=True)
class Event:
    """An address that will take no more mail, why, since when, and the letter that showed it (0: unknown)."""

    address: str
    reason: str
    at: datetime
    detail: str = ""
    letter: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """How many events were told, and how many addresses are blocked by them now that were not before."""

    told: int
    blocked: int


@transaction.atomic
def take_events(events: Iterable[Event], *, actor: str) -> Taken:
    """Block the addresses that are not blocked yet, and remember which letters came back. A repeat changes nothing."""
    told = sorted(events, key=lambda event: event.at)
    found = {event.address: event for event in told}  # the newest word about each address
    known = set(_standing(found).values_list("address", flat=True))
    lifted = dict(_lifted(found))
    fresh = [
        event for event in found.values() if event.address not in known and event.at >= lifted.get(event.address, _EVER)
    ]
    blocks = [
        BlockedAddress(address=event.address, reason=event.reason, detail=event.detail[:300], blocked_at=event.at, blocked_by=actor)
        for event in fresh
    ]  # fmt: skip
    BlockedAddress.objects.bulk_create(blocks, ignore_conflicts=True, batch_size=500)
    _mark({event.letter: event for event in reversed(told) if event.letter})
    return Taken(len(found), len(fresh))


def block(address: str, *, at: datetime, actor: str, detail: str = "") -> BlockedAddress:
    """Stop all mail to an address, because staff said so. One that is blocked already stays as it is. Raises EventsRefused."""
    event = Event(_address(address), Reason.STAFF, at, detail)
    take_events([event], actor=actor)
    return BlockedAddress.objects.get(address=event.address, lifted_at__isnull=True)


def lift(blocked: BlockedAddress, *, at: datetime, actor: str) -> BlockedAddress:
    """Let mail go to an address again; letters that were stopped stay so until they are sent again. Raises NotBlocked."""
    lifted = BlockedAddress.objects.filter(pk=blocked.pk, lifted_at__isnull=True).update(lifted_at=at, lifted_by=actor)
    blocked.refresh_from_db()
    if not lifted:
        raise NotBlocked(_("The block of this address was lifted already."))
    return blocked


def events_of(rows: Iterable[dict[str, object]], *, at: datetime) -> list[Event]:
    """Events as a provider or a file tells them. What came back only for now is left out. Raises EventsRefused with the row."""
    events = []
    for number, row in enumerate(rows, start=1):
        if number > MOST:
            raise EventsRefused(_("These are more than %(most)d rows. Send them in parts.") % {"most": MOST})
        try:
            event = _event(row, at)
        except EventsRefused as refusal:
            told = {"number": number, "said": refusal}
            raise EventsRefused(_("Row %(number)d: %(said)s") % told, field=f"events[{number - 1}]") from refusal
        events += [event] if event else []
    return events


def read_file(content: bytes, *, at: datetime) -> list[Event]:
    """The events of a CSV file with the columns address and reason, and perhaps at, detail and message_id. Raises EventsRefused."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise EventsRefused(_("This file is not in UTF-8. Save it as CSV in UTF-8 and try again.")) from failure
    rows = csv.DictReader(io.StringIO(text, newline=None), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    try:
        return _events_in(rows, at=at)
    except csv.Error as failure:
        raise EventsRefused(_("Line %(number)d cannot be read as CSV.") % {"number": rows.line_num + 1}) from failure


def _events_in(rows: "csv.DictReader[str]", *, at: datetime) -> list[Event]:
    names = [name.strip().lower() for name in rows.fieldnames or []]
    if missing := [name for name in COLUMNS if name not in names]:
        raise EventsRefused(
            _("The first line must name the columns. Missing: %(missing)s.") % {"missing": ", ".join(missing)}
        )
    rows.fieldnames = names
    return events_of(rows, at=at)


def _mark(came_back: dict[int, Event]) -> None:
    """Remember of every letter when it came back, the first time."""
    letters = [
        letter
        for letter in Message.objects.filter(id__any_of=list(came_back), bounced_at__isnull=True)
        if letter.address.lower() == came_back[letter.pk].address
    ]
    for letter in letters:
        letter.bounced_at = came_back[letter.pk].at
    Message.objects.bulk_update(letters, ["bounced_at"], batch_size=500)


_EVER = datetime.min.replace(tzinfo=UTC)


def _standing(addresses: Iterable[str]):  # type: ignore[no-untyped-def]
    return BlockedAddress.objects.filter(address__in=list(addresses), lifted_at__isnull=True)


def _lifted(addresses: Iterable[str]) -> Iterable[tuple[str, datetime]]:
    """Until when staff have said that an address is well: older news of it block it no more."""
    lifted = BlockedAddress.objects.filter(address__in=list(addresses), lifted_at__isnull=False)
    return lifted.order_by("lifted_at").values_list("address", "lifted_at")  # type: ignore[return-value]


def _event(row: dict[str, object], at: datetime) -> Event | None:
    said = {name: UNWRITABLE.sub("", str(row.get(name) or "")).strip() for name in NAMED}
    address = _address(said["address"])
    kind = said["reason"].lower().replace(" ", "_")
    if kind in ("soft_bounce", "deferred", "delayed"):
        return None
    if kind not in NAMES:
        raise EventsRefused(_("The reason must be bounce or complaint, not “%(reason)s”.") % {"reason": kind[:40]})
    letter = LETTER.search(said["message_id"])
    return Event(address, NAMES[kind], _instant(said["at"], at), said["detail"], int(letter[1]) if letter else 0)


def _address(typed: str) -> str:
    address = typed.strip().lower()
    try:
        validate_email(address if len(address) <= LONGEST else "")
    except ValidationError as failure:
        raise EventsRefused(
            _("“%(address)s” is no e-mail address.") % {"address": address[:100]}, field="address"
        ) from failure
    return address


def _instant(typed: str, at: datetime) -> datetime:
    """When it happened; what is not said, or lies in the future, is now."""
    if not typed:
        return at
    try:
        found = parse_datetime(typed)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found < OLDEST:
        raise EventsRefused(
            _("“%(typed)s” is no instant. Write it like 2026-03-31T09:30:00Z.") % {"typed": typed[:40]}, field="at"
        )
    return min(found, at)
