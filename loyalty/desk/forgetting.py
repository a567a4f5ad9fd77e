"""Sessions that have ended are not kept: with them go codes to sign in that nobody typed."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session

from loyalty.common.tally import Progress, Tally, unwatched

BATCH = 2_000


def forget_sessions(
    program: Any = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched
) -> Tally:
    """Remove sessions that ended before an instant, in batches; the job `forget_sessions`. May be stopped or run twice at once."""
    ended = Session.objects.filter(expire_date__lt=at)
    found = ended.count()
    if dry_run:
        return Tally(found=found)
    done = 0
    while keys := list(ended.order_by("expire_date").values_list("pk", flat=True)[:BATCH]):
        done += Session.objects.filter(pk__in=keys).delete()[0]
        if not progress(found, done, 0):
            break
    return Tally(found=max(found, done), done=done)
