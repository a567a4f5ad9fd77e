"""Letters of a mailing go out only while it does: a paused one holds them, a stopped one stops them (DOMAIN 11.2).

A letter of a mailing is about it: all carry the same subject. Mail knows no mailings; which of them are halted is asked of the floor
named in `SETIA_MAILINGS_HALTED` when letters are claimed, and once more before each is handed over.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from loyalty.mail.kinds import kind_of
from loyalty.mail.models import Message

KIND = "announcement"
Status, Stop = Message.Status, Message.Stop


def letters_of(subject: str) -> QuerySet[Message]:
    """The letters of one mailing."""
    return Message.objects.filter(kind=KIND, subject=subject).order_by()


def halted(letters: Iterable[Message]) -> dict[str, str]:
    """By subject, for mailings that do not go on: held, or the reason their letters are stopped for. One query, if there are such letters."""
    subjects = {letter.subject for letter in letters if kind_of(letter.kind).has_own_words}
    if not subjects or not settings.SETIA_MAILINGS_HALTED:
        return {}
    found: dict[str, str] = import_string(settings.SETIA_MAILINGS_HALTED)(subjects)
    return found


def hold(subject: str) -> int:
    """Let the waiting letters of a mailing wait until it goes on."""
    return letters_of(subject).filter(status=Status.QUEUED).update(status=Status.HELD)


def let_go(subject: str, *, at: datetime) -> int:
    """Let the held letters of a mailing go out."""
    return letters_of(subject).filter(status=Status.HELD).update(status=Status.QUEUED, due_at=at)


def call_off(subject: str) -> int:
    """Stop every letter of a mailing that has not begun to go out."""
    open_ones = letters_of(subject).filter(status__in=[Status.QUEUED, Status.HELD])
    return open_ones.update(status=Status.STOPPED, stopped_for=Stop.OFF, error="")
