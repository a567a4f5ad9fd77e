"""Beat only nudges: one interval row, made after a migration, that operators may edit."""

import pytest
import time_machine
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from loyalty.celery import app
from loyalty.jobs import nudging, schedule, tasks
from loyalty.jobs.models import Heartbeat

pytestmark = pytest.mark.django_db


def migrated():
    call_command("migrate", verbosity=0, interactive=False)


def test_a_migration_makes_the_nudge_of_every_minute():
    migrated()
    row = PeriodicTask.objects.get(name=schedule.NAME)
    assert (row.task, row.interval.every, row.interval.period, row.crontab, row.enabled) == (
        "loyalty.jobs.tasks.nudge", 1, "minutes", None, True,
    )  # fmt: skip
    assert row.expire_seconds == schedule.EXPIRES_AFTER_SECONDS


def test_what_operators_change_survives_the_next_migration():
    migrated()
    slower = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.filter(name=schedule.NAME).update(interval=slower, enabled=False)
    migrated()
    row = PeriodicTask.objects.get(name=schedule.NAME)
    assert (row.interval, row.enabled) == (slower, False)


def test_the_task_of_the_schedule_exists_and_keeps_no_result():
    task = app.tasks[schedule.TASK]
    assert task == tasks.nudge
    assert task.ignore_result and task.expires == schedule.EXPIRES_AFTER_SECONDS


def test_the_task_is_a_nudge_at_the_present_instant():
    with time_machine.travel("2026-03-01T00:00:00Z", tick=False):
        tasks.nudge()
    seen = {row.name: row.seen_at.isoformat() for row in Heartbeat.objects.all()}
    assert seen == dict.fromkeys(["nudge", "worker", "broker"], "2026-03-01T00:00:00+00:00")
    assert nudging.SILENT_AFTER.total_seconds() > schedule.EXPIRES_AFTER_SECONDS
