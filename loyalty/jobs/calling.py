"""Calling the address of an alarm with what is wrong, as JSON: for pagers, chat rooms and whoever watches at night.

An alert is claimed, and the claim committed, before the call (R-6). A call that is not taken is made again at the next look, with
the same `alert` and `is_over`, by which a repeat can be recognised. The address may hold a secret: it is never logged.
"""

import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from loyalty.jobs import troubles
from loyalty.jobs.models import Alert

SECONDS = 5
CLAIM_HOLDS = timedelta(minutes=5)
Call = Alert.Call
log = structlog.get_logger(__name__)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Where an alarm sends us is not where it was set to: that is an error."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Never."""


def call_due(*, at: datetime) -> int:
    """Call the address for every alert that waits; how many calls were not taken. The first such call ends the round."""
    if not settings.SETIA_ALERT_URL:
        return 0
    waiting = Q(call=Call.DUE) | Q(call=Call.CALLING, called_at__lt=at - CLAIM_HOLDS)
    for alert in Alert.objects.filter(waiting).order_by("id"):
        as_seen = Alert.objects.filter(pk=alert.pk, call=alert.call, called_at=alert.called_at)
        if not as_seen.update(call=Call.CALLING, called_at=at):
            continue
        alert.refresh_from_db()
        is_taken = _call(told(alert))
        ours = Alert.objects.filter(pk=alert.pk, call=Call.CALLING, called_at=at)
        ours.update(call=Call.DONE if is_taken else Call.DUE)
        if not is_taken:
            return 1
    return 0


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


def _call(message: dict[str, Any]) -> bool:
    """Whether the address took a message within a few seconds."""
    request = urllib.request.Request(  # noqa: S310 - the address is a setting, http or https
        settings.SETIA_ALERT_URL, json.dumps(message).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.build_opener(NoRedirects).open(request, timeout=SECONDS) as answer:
            return 200 <= answer.status < 300
    except (OSError, HTTPException, ValueError) as failure:
        log.warning("alert_not_taken", failure=type(failure).__name__)
        return False
