"""Letters are not kept for ever: what stood in an old one, and where it went, is taken out (DOMAIN 12.6).

That it was written, to whom, of which kind, about what, when, and what became of it stays: it is the proof that somebody was told.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.mail.models import Message

BATCH = 2_000
Status = Message.Status
OVER = (Status.SENT, Status.FAILED, Status.UNCERTAIN, Status.STOPPED)


def over(*, before: datetime) -> QuerySet[Message]:
    """Letters written before an instant, on whichever channel, that do not wait any more and are not forgotten yet."""
    return Message.objects.filter(forgotten_at__isnull=True, queued_at__lt=before, status__in=OVER)


def forget(letters: QuerySet[Message], *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Empty some of the letters that are `over`, in batches. May be stopped, rerun or run twice at once."""
    found = letters.count()
    if dry_run:
        return Tally(found=found)
    done = 0
    while ids := list(letters.order_by("queued_at", "pk").values_list("pk", flat=True)[:BATCH]):
        done += _empty(ids, at)
        if not progress(found, done, 0):
            break
    return Tally(found=max(found, done), done=done)


@retried
@transaction.atomic
def _empty(ids: list[int], at: datetime) -> int:
    """But for what was queued again meanwhile."""
    kept = Message.objects.filter(pk__in=ids, forgotten_at__isnull=True, status__in=OVER)
    return kept.update(forgotten_at=at, address="", context={}, error="")
