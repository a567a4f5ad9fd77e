"""Celery's doors to the jobs. The message carries no facts: the rows in the database are the work (RELIABILITY R-4)."""

from celery import shared_task
from django.utils import timezone

from loyalty.jobs import nudging, schedule


@shared_task(name=schedule.TASK, ignore_result=True, expires=schedule.EXPIRES_AFTER_SECONDS)
def nudge() -> None:
    """Look for due work and do it."""
    nudging.nudge(timezone.now())
