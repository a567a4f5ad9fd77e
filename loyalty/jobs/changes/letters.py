"""The letter to those who may approve: something waits for a second person."""

from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import override

from loyalty.common.money import show_points
from loyalty.jobs.changes import kinds, people
from loyalty.jobs.models import ChangeRequest

KIND = "approval"


def ask_for_approval(change: ChangeRequest, *, at: datetime) -> None:
    """Queue one letter for each of the staff who may approve this change, but not for whoever asked."""
    kind = kinds.find(change.kind)
    queue = import_string(settings.SETIA_QUEUE_LETTER)
    decimals = change.wallet.decimals if change.wallet else 0
    with override(settings.LANGUAGE_CODE):
        context = {
            "program": change.program.name,
            "change": change.pk,
            "title": str(kind.title),
            "said": change.summary.get("said", ""),
            "reason": change.reason,
            "lines": change.lines_count,
            "given": show_points(change.points_given, decimals),
            "taken": show_points(change.points_taken, decimals),
        }
    for recipient, address in people.those_who_may(kind.may_approve, but=change.asked_by):
        queue(
            recipient=recipient,
            address=address,
            language=settings.LANGUAGE_CODE,
            kind=KIND,
            subject=f"change:{change.pk}",
            context=context,
            at=at,
        )
