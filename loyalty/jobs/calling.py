"""Calling the address of an alarm with what is wrong, as JSON: for pagers, chat rooms and whoever watches at night.

An alert is claimed, and the claim committed, before the call (R-6). A call that is not taken is made again at the next look, with
the same `alert` and `is_over`, by which a repeat can be recognised. The address may hold a secret: it is never logged.
"""

import json
import urllib.error
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from loyalty.common.calls import post_json
from loyalty.jobs import troubles
from loyalty.jobs.models import Alert

SECONDS = 5
CLAIM_HOLDS = timedelta(minutes=5)
Call = Alert.Call
log = structlog.get_logger(__name__)


def call_due(*, at: datetime) -> int:
    """Call the address for every alert that waits; how many calls were not taken. One that is refused holds up no other."""
    if not settings.SETIA_ALERT_URL:
        return 0
    failed = 0
    waiting = Q(call=Call.DUE) | Q(call=Call.CALLING, called_at__lt=at - CLAIM_HOLDS)
    for alert in Alert.objects.filter(waiting).order_by("id"):
        as_seen = Alert.objects.filter(pk=alert.pk, call=alert.call, called_at=alert.called_at)
        if not as_seen.update(call=Call.CALLING, called_at=at):
            continue
        alert.refresh_from_db()
        is_taken, is_there = _call(told(alert))
        ours = Alert.objects.filter(pk=alert.pk, call=Call.CALLING, called_at=at)
        ours.update(call=Call.DONE if is_taken else Call.DUE)
        failed += not is_taken
        if not is_there:
            break
    return failed


def told(alert: Alert) -> dict[str, Any]:
    """What the address gets: `text` alone says it all."""
    is_over = alert.ended_at is not None
    with override(settings.LANGUAGE_CODE):
        said = troubles.words(alert.kind, alert.facts)
        said = _("over: %(trouble)s") % {"trouble": said} if is_over else said
    return {
        "text": f"Setia: {said}",
        "alert": alert.pk,
        "trouble": alert.trouble,
        "is_over": is_over,
        "began_at": alert.began_at.isoformat(),
        "ended_at": alert.ended_at.isoformat() if alert.ended_at else None,
        "page": settings.SITE_URL + reverse("admin:jobs_health"),
    }


def _call(message: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the address took a message within a few seconds, and whether anybody answered at all."""
    try:
        status = post_json(settings.SETIA_ALERT_URL, json.dumps(message).encode(), seconds=SECONDS)
        return 200 <= status < 300, True
    except (OSError, HTTPException, ValueError) as failure:
        log.warning("alert_not_taken", failure=type(failure).__name__)
        return False, isinstance(failure, urllib.error.HTTPError)
