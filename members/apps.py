"""Configuration of the app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    """Members; what makes them quick to find on PostgreSQL is made after every migrate."""

    name = "members"
    verbose_name = _("Members")

    def ready(self) -> None:
        from members import reports, searching

        reports.register()
        post_migrate.connect(searching.install, sender=self, dispatch_uid="members_searching")
