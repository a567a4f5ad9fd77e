"""Further ways for letters, beside mail: one small interface. `handing_on` hands over what waits, at most once (RELIABILITY R-6).

A channel is a class with a `name` (of `Message.Channel`) and `hand_over(letter)`, named in `SETIA_CHANNELS`. What `hand_over` raises says what
became of the letter: LetterRefused (tried again after growing pauses, finally refused), ChannelUnreachable (nothing left us: back to
the queue, after a pause), anything else: nobody knows, so it is uncertain, shown to staff and never sent again by itself. A letter's twin
for a channel is made when its mail is claimed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from loyalty.mail.models import Message


class LetterRefused(Exception):
    """Who takes letters will not take this one, or it cannot be written."""


class ChannelUnreachable(Exception):
    """Whoever takes letters of this channel does not answer; nothing left us."""


class Channel(Protocol):
    """A way for letters."""

    name: str

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
        twins = [
            Message(
                recipient=one.recipient, address=one.address, language=one.language, kind=one.kind, subject=one.subject,
                period=one.period, context=one.context, queued_at=at, due_at=at, channel=channel.name,
            )
            for one in channel.wanted(letters)
        ]  # fmt: skip
        Message.objects.bulk_create(twins, ignore_conflicts=True)
