"""Letters about points that run out which waited too long: a day they name holds no more, because the points last longer or are gone.

Asked when a letter is claimed. Such a letter is stopped, and what it told of is told of anew, with the right days, by the next reminder.
"""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from campaigns.notices.models import Notice
from loyalty.ledger.models import Lot
from loyalty.mail.models import Message

KIND = "expiring"


def stale(letters: Sequence[Message]) -> set[int]:
    """The letters of which some day has no points any more. No query where none is about points that run out."""
    about = [letter.pk for letter in letters if letter.kind == KIND and letter.channel == Message.Channel.EMAIL]
    if not about:
        return set()
    there = Lot.objects.filter(account=OuterRef("account"), expires_at=OuterRef("expires_at"), remaining__gt=0)
    return set(Notice.objects.filter(~Exists(there), letter__in=about).values_list("letter", flat=True))
