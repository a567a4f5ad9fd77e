"""The letters of a member in the portal: what was written to them, whether or not the mail arrived.

What was stopped is no letter, but for what only could not be mailed; news are there once they have gone out. What is forgotten is gone. A letter counts as read when its member opens it here; the first time stays.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.mail import rendering
from loyalty.mail.kinds import NEWS, kind_in_words
from loyalty.mail.models import Message
from members.models import Member

PAGE = 20
Status = Message.Status
# What a mail program takes as the begin of the signature: below it stands why one gets the letter.
SIGNATURE = "\n-- \n", "\n--\n"


class LetterUnknown(Refusal):
    """This member has no such letter."""

    code = "letter_unknown"
    status = 404


@dataclass(frozen=True, slots=True)
class Page:
    """Some letters, newest first; `older` is where the next ones begin."""

    letters: list[Message]
    older: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One letter as it is read in the portal."""

    letter: Message
    subject: str
    text: str
    link: str


def letters_of(member: Member) -> QuerySet[Message, Any]:
    """What was written to a member: each letter once, though it also went another way."""
    mail = Message.objects.filter(recipient=member.number).exclude(status=Status.HELD)
    mail = mail.exclude(Q(status=Status.STOPPED) & ~Q(stopped_for__in=[Message.Stop.BLOCKED, Message.Stop.GONE]))
    mail = mail.exclude(kind__in=NEWS, status__in=[Status.QUEUED, Status.SENDING])
    twins = mail.filter(
        kind=OuterRef("kind"), subject=OuterRef("subject"), period=OuterRef("period"), channel=Message.Channel.EMAIL
    )
    return mail.exclude(Exists(twins), channel=Message.Channel.WEBHOOK).filter(forgotten_at__isnull=True)


def days_kept(member: Member, shown: Page) -> int | None:
    """For how many days letters are kept, if this is the end of the list and there were older ones. At most one query."""
    days = member.program.letters_kept_days
    if not days or shown.older:
        return None
    forgotten = Message.objects.filter(recipient=member.number, forgotten_at__isnull=False)
    return days if forgotten.exists() else None


def page(member: Member, *, before: int | None = None) -> Page:
    """The newest letters of a member, or those before a letter. One query."""
    mine = letters_of(member).order_by("-id")
    found = list(mine.filter(pk__lt=before)[: PAGE + 1] if before else mine[: PAGE + 1])
    for letter in found:
        letter.title = kind_in_words(letter.kind)
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)


def unread(member: Member) -> int:
    """How many letters a member has not opened here. One query."""
    return letters_of(member).filter(read_at__isnull=True).count()


def open_letter(member: Member, number: int, *, at: datetime) -> Shown:
    """A letter to read, which counts as read from now on. Raises LetterUnknown."""
    letter = letters_of(member).filter(pk=number).first()
    if letter is None:
        raise LetterUnknown(_("There is no such letter."))
    Message.objects.filter(pk=letter.pk, read_at__isnull=True).update(read_at=at)
    subject, text, _html = rendering.render(letter)
    for sign in SIGNATURE:
        text = text.partition(sign)[0]
    return Shown(letter, subject, text.strip(), rendering.link_for(letter.kind))


def mark_all(member: Member, *, at: datetime) -> int:
    """Take every letter of a member as read; how many were not."""
    return Message.objects.filter(recipient=member.number, read_at__isnull=True).update(read_at=at)
