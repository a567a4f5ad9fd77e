"""Letters about points that run out which waited too long: a day they name holds no more, because the points last longer or are gone.

Asked when a letter is claimed. Such a letter is stopped, and what it told of is told of anew, with the right days, by the next reminder.
"""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from campaigns.notices.models import Notice
from loyalty.ledger.models import Lot
from loyalty.mail.models import Message

KIND = "expiring"
CAUSE = "recipient", "subject", "period"
Channel = Message.Channel


def stale(letters: Sequence[Message]) -> set[int]:
    """The letters, on whichever channel, of which some day has no points any more. No query where none is about points that run out."""
    about = [letter for letter in letters if letter.kind == KIND]
    if not about:
        return set()
    mails = _mails(about)
    there = Lot.objects.filter(account=OuterRef("account"), expires_at=OuterRef("expires_at"), remaining__gt=0)
    over = set(Notice.objects.filter(~Exists(there), letter__in=set(mails.values())).values_list("letter", flat=True))
    return {letter for letter, mail in mails.items() if mail in over}


def _mails(letters: Sequence[Message]) -> dict[int, int]:
    """By letter, the mail that notices name: itself, or the one it is the twin of. One query if there are twins."""
    twins = [letter for letter in letters if letter.channel != Channel.EMAIL]
    mails = {letter.pk: letter.pk for letter in letters if letter.channel == Channel.EMAIL}
    if twins:
        found = Message.objects.filter(
            kind=KIND, channel=Channel.EMAIL, recipient__in={letter.recipient for letter in twins},
            subject__in={letter.subject for letter in twins},
        ).order_by()  # fmt: skip
        causes = {(one, subject, period): pk for pk, one, subject, period in found.values_list("pk", *CAUSE)}
        mails |= {letter.pk: causes.get((letter.recipient, letter.subject, letter.period), 0) for letter in twins}
    return mails
