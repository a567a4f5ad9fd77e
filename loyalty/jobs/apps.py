"""Configuration of the app."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "loyalty.jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        """Beat's schedule row is made as soon as beat has its tables (RELIABILITY R-3), ours with our own."""
        from loyalty.jobs import reports
        from loyalty.jobs.schedule import make_schedule
        from loyalty.jobs.timetable import make_schedules

        reports.register()
        post_migrate.connect(make_schedule, sender=apps.get_app_config("django_celery_beat"))
        post_migrate.connect(make_schedules, sender=self)
