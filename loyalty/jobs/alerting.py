"""Telling people of trouble: a letter to those who may run jobs, and a call to the address of an alarm (R-3, R-5).

Each trouble is one open row, so it is told once when it is first seen, again after each day that it lasts, and once
when it is over. It is over when it was not seen for ten minutes: what fails and is tried again stays one trouble. The
job `send_alerts` does this at every nudge; where nothing nudges any more, `manage.py run_job send_alerts` from cron does.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.module_loading import import_string
from django.utils.translation import override

from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.jobs import calling, troubles
from loyalty.jobs.changes import people
from loyalty.jobs.models import Alert
from loyalty.jobs.troubles import Trouble

MAY_ACT = "loyalty.run_jobs"
OVER_AFTER = timedelta(minutes=10)
TOLD_AGAIN_AFTER = timedelta(hours=24)
BEGUN, OVER = "job_failed", "job_mended"


def send_alerts(program: Any = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Tell of what is newly wrong, still wrong after a day, or over; the job `send_alerts`. Counts what was told."""
    found = troubles.find(at)
    if dry_run:
        return Tally(found=len(found))
    told = sum([_see(trouble, at=at) for trouble in found]) + _close(at)
    failed = calling.call_due(at=at)
    return Tally(found=told, done=told, report={"not_reached": failed} if failed and told else {})


@transaction.atomic
def _see(trouble: Trouble, *, at: datetime) -> bool:
    """Note that a trouble is there; whether it was told now."""
    mine = Alert.objects.filter(trouble=trouble.name, ended_at=None)
    made = Alert(trouble=trouble.name, kind=trouble.kind, facts=trouble.facts, began_at=at, seen_at=at, told_at=at)
    if not mine.exists() and Alert.objects.bulk_create([made], ignore_conflicts=True):
        alert = mine.filter(began_at=at).first()  # somebody else may have been faster: then they tell
        return _tell(alert, BEGUN, at=at) if alert else False
    mine.update(seen_at=at, facts=trouble.facts)
    if not mine.filter(told_at__lte=at - TOLD_AGAIN_AFTER).update(told_at=at):
        return False
    return _tell(mine.get(), BEGUN, at=at)


def _close(at: datetime) -> int:
    """End the troubles that are over, and tell of each; how many."""
    over = 0
    for alert in Alert.objects.filter(ended_at=None, seen_at__lte=at - OVER_AFTER).order_by("id"):
        with transaction.atomic():
            if Alert.objects.filter(pk=alert.pk, ended_at=None, seen_at=alert.seen_at).update(ended_at=F("seen_at")):
                alert.refresh_from_db()
                over += _tell(alert, OVER, at=at)
    return over


def _tell(alert: Alert, kind: str, *, at: datetime) -> bool:
    """Queue the letters and the call, in the transaction that found the trouble."""
    if settings.SETIA_ALERT_URL:
        Alert.objects.filter(pk=alert.pk).update(call=Alert.Call.DUE)
    queue = import_string(settings.SETIA_QUEUE_LETTER)
    language = settings.LANGUAGE_CODE
    with override(language):
        context = {"said": troubles.words(alert.kind, alert.facts), "alert": alert.pk}
    for recipient, address in people.those_who_may(MAY_ACT, but=""):
        queue(
            recipient=recipient,
            address=address,
            language=language,
            kind=kind,
            subject=f"alert:{alert.pk}",
            period=at.isoformat(),
            context=context,
            at=at,
        )
    return True
