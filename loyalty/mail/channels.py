"""Further ways for letters, beside mail: one small interface. `handing_on` hands over what waits, at most once (RELIABILITY R-6).

A channel is a class with a `name` (of `Message.Channel`) and `hand_over(letter)`, named in `SETIA_CHANNELS`. What `hand_over` raises says what
became of the letter: LetterRefused (tried again after growing pauses, finally refused), ChannelUnreachable (nothing left us: back to
the queue, after a pause), anything else: nobody knows, so it is uncertain, shown to staff and never sent again by itself. A letter's twin
for a channel is made when its mail is claimed, or by `copy_waiting` while it waits, so that a mail server which is not there holds up mail only.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils.module_loading import import_string

from loyalty.mail.models import Message

CHUNK = 500


class LetterRefused(Exception):
    """Who takes letters will not take this one, or it cannot be written."""


class ChannelUnreachable(Exception):
    """Whoever takes letters of this channel does not answer; nothing left us."""


class Channel(Protocol):
    """A way for letters."""

    name: str

    def kinds(self) -> frozenset[str]:
        """The kinds of letters that may go this way at all; none: no letter is looked at."""

    def wanted(self, letters: Sequence[Message]) -> list[Message]:
        """Those of some letters that go this way, too."""

    def hand_over(self, letter: Message) -> None:
        """Pass a letter on; returns when it was taken."""


def channels() -> list[Channel]:
    """The channels there are."""
    return [import_string(path)() for path in settings.SETIA_CHANNELS]


def copy(letters: Sequence[Message], *, at: datetime) -> None:
    """Make the twins of letters whose mail is being claimed, in the transaction of the claim; each once."""
    for channel in channels():
        _copy(channel, letters, at)


def copy_waiting(channel: Channel, *, at: datetime) -> None:
    """Make the twins of letters whose mail is due and waits still, in chunks, each once. One query where the channel takes no letters."""
    kinds = channel.kinds()
    if not kinds:
        return
    cause = {name: OuterRef(name) for name in ("recipient", "kind", "subject", "period")}
    twins = Message.objects.filter(channel=channel.name, **cause)
    waiting = Message.objects.filter(
        ~Exists(twins), status=Message.Status.QUEUED, channel=Message.Channel.EMAIL, due_at__lte=at, kind__in=kinds
    ).order_by("id")
    last = 0
    while found := list(waiting.filter(pk__gt=last)[:CHUNK]):
        _copy(channel, found, at)
        last = found[-1].pk


def _copy(channel: Channel, letters: Sequence[Message], at: datetime) -> None:
    twins = [
        Message(
            recipient=one.recipient, address=one.address, language=one.language, kind=one.kind, subject=one.subject,
            period=one.period, context=one.context, queued_at=at, due_at=at, channel=channel.name,
        )
        for one in channel.wanted(letters)
    ]  # fmt: skip
    Message.objects.bulk_create(twins, ignore_conflicts=True)
