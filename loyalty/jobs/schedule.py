"""The one schedule there is: a nudge every minute. Made once after a migration; what operators change stays theirs."""

from typing import Any

from django.db import connection

NAME = "setia-nudge"
TASK = "loyalty.jobs.tasks.nudge"
# A nudge that waited longer than this is dropped: the next one is there already.
EXPIRES_AFTER_SECONDS = 55


def make_schedule(using: str = "default", **more: Any) -> None:
    """Add the nudge to beat's tables if it is not there yet. A receiver of `post_migrate` of the beat app."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    tables = connection.introspection.table_names()
    if using != "default" or PeriodicTask._meta.db_table not in tables:
        return
    if PeriodicTask.objects.filter(name=NAME).exists():
        return
    minutely = {"every": 1, "period": IntervalSchedule.MINUTES}
    interval = IntervalSchedule.objects.filter(**minutely).first() or IntervalSchedule.objects.create(**minutely)
    defaults = {"task": TASK, "interval": interval, "expire_seconds": EXPIRES_AFTER_SECONDS}
    PeriodicTask.objects.get_or_create(name=NAME, defaults=defaults)
