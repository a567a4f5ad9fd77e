"""Celery's doors to the jobs. The message carries no facts: the rows in the database are the work (RELIABILITY R-4)."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from loyalty.jobs import nudging, schedule


@shared_task(name=schedule.TASK, ignore_result=True, expires=schedule.EXPIRES_AFTER_SECONDS)
def nudge() -> None:
    """Look for due work and do it. That the message came is a sign of life of the broker."""
    at = timezone.now()
    nudging.beat("broker", at=at)
    nudging.nudge(at)


@worker_ready.connect
def nudge_at_once(**_: Any) -> None:
    """A worker that starts looks for due work now: what an outage left does not wait for beat's next minute."""
    nudge.delay()
